'use strict'

// A random history, played by a native and a JavaScript writer of the same core and by pairs of readers, one of each
// kind. After each step whoever did the same must be in the same state.

const SETTLE_MS = 15000
const WAIT_MS = 10000
const POLL_MS = 3

/** mulberry32: small, seeded, the same everywhere. */
function generator(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n) => Math.floor(next() * n)
  return { below, pick: (list) => list[below(list.length)], chance: (p) => next() < p }
}

class History {
  /** `lane` has the nodes: writers { native, js }, pairs [{ native, js }, ...]. */
  constructor(seed, lane) {
    this.seed = seed
    this.random = generator(seed)
    this.lane = lane
    this.log = []
    this.counter = 0
    // What hypercore 11 cannot do is left out: after clear() it lacks tree nodes, so that truncating fails, a follower of
    // a fork drops blocks that both histories share, and blocks beside the gap cannot be proven; and it does not follow
    // a fork through a peer that holds no blocks around the place where the histories part.
    this.hasForks = this.random.chance(0.6)
    this.hasClears = this.random.chance(0.5)
    this.isCleared = false
    this.isJsWriterSparse = false
  }

  async run() {
    const { writers, pairs } = this.lane
    const name = `log-${this.seed}`
    this.keys = [await writers.native.open(name), await writers.js.open(name)]
    if (!this.keys[0].equals(this.keys[1])) throw this.failure('the writers derive different keys')
    for (const pair of pairs) {
      pair.upstream = { native: null, js: null }
      for (const kind of ['native', 'js']) await pair[kind].open(name, this.keys[0])
    }
    for (const pair of pairs) await this.link(pair)
    const steps = 8 + this.random.below(12)
    for (let i = 0; i < steps; i++) {
      await this.step()
      if (this.random.chance(0.7)) await this.settle()
    }
    await this.settle()
    for (const node of this.nodes()) {
      await node.close()
      if (!node.isNative && node.troubles.length > 0) throw this.failure(`${node.name}: ${node.troubles.join('; ')}`)
    }
  }

  nodes() {
    const { writers, pairs } = this.lane
    return [...pairs.flatMap((pair) => [pair.native, pair.js]), writers.native, writers.js]
  }

  failure(what, details = null) {
    const err = new Error(`seed ${this.seed}: ${what}\n  ${this.log.join('\n  ')}${details ? '\n' + details : ''}`)
    err.seed = this.seed
    return err
  }

  note(line) {
    this.log.push(line)
  }

  async step() {
    const kinds = [
      [6, () => this.append()],
      [this.hasForks ? 2 : 0, () => this.truncate()],
      [5, () => this.get()],
      [3, () => this.download()],
      [this.hasClears ? 2 : 0, () => this.clearAtReaders()],
      [this.hasClears ? 1 : 0, () => this.clearAtWriters()],
      [2, () => this.relink()],
      [2, () => this.restart()],
      [1, () => this.seek()]
    ]
    let draw = this.random.below(kinds.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, action] of kinds) {
      if (draw < weight) return action()
      draw -= weight
    }
  }

  async both(pair, what, action) {
    this.note(what)
    const results = await Promise.allSettled([action(pair.native), action(pair.js)])
    const [native, js] = results
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected') throw this.failure(`${what}: ${i === 0 ? 'native' : 'JavaScript'}: ${result.reason.message}`)
    }
    return [native.value, js.value]
  }

  async append() {
    const count = this.random.chance(0.1) ? 40 + this.random.below(60) : 1 + this.random.below(8)
    const blocks = []
    for (let i = 0; i < count; i++) {
      const block = Buffer.alloc(4 + (this.random.chance(0.02) ? 70000 : this.random.below(60)), this.counter & 255)
      block.writeUInt32LE(this.counter++)
      blocks.push(block)
    }
    await this.both(this.lane.writers, `append ${count}`, (node) => node.append(blocks))
  }

  async truncate() {
    const { length, fork } = await this.lane.writers.js.head()
    if (length < 2 || this.isCleared) return
    const to = 1 + this.random.below(length - 1)
    const next = fork + (this.random.chance(0.8) ? 1 : 2 + this.random.below(3))
    await this.both(this.lane.writers, `truncate ${length} -> ${to}, fork ${next}`, (node) => node.truncate(to, next))
  }

  /** Pairs whose both members hear of everything, and blocks that their upstreams hold and they do not. */
  async candidates() {
    await this.settle()
    const pair = this.random.pick(this.lane.pairs)
    if (!this.reaches(pair)) return null
    if (this.isJsWriterSparse && this.isBehind(pair, this.lane.writers.js)) return null
    const states = await Promise.all([pair.upstream.native.state(), pair.upstream.js.state()])
    const own = await pair.js.state()
    const there = []
    for (let i = 0; i < own.length; i++) if (states.every((state) => state.blocks[i])) there.push(i)
    return there.length > 0 ? { pair, there, own } : null
  }

  async get() {
    const found = await this.candidates()
    if (!found) return
    const indices = Array.from({ length: 1 + this.random.below(4) }, () => this.random.pick(found.there))
    const what = `${found.pair.name} gets ${indices.join(', ')}`
    const [native, js] = await this.both(found.pair, what, (node) =>
      Promise.all(indices.map((index) => node.get(index, WAIT_MS)))
    )
    for (let i = 0; i < indices.length; i++) {
      if (!native[i].equals(js[i])) throw this.failure(`block ${indices[i]} differs`)
    }
  }

  async download() {
    const found = await this.candidates()
    if (!found) return
    const start = this.random.pick(found.there)
    let end = start + 1
    while (found.there.includes(end) && this.random.chance(0.9)) end++
    await this.both(found.pair, `${found.pair.name} downloads [${start}, ${end})`, (node) => node.download(start, end, WAIT_MS))
  }

  async seek() {
    const found = await this.candidates()
    if (!found || found.own.byteLength === 0) return
    const position = this.random.below(found.own.byteLength)
    const upstream = await found.pair.upstream.js.state()
    if (upstream.blocks.some((block) => block === null)) return // somebody else would have to help
    const other = await found.pair.upstream.native.state()
    if (other.blocks.some((block) => block === null)) return
    const [native, js] = await this.both(found.pair, `${found.pair.name} seeks ${position}`, (node) => node.seek(position, WAIT_MS))
    if (native[0] !== js[0] || native[1] !== js[1]) throw this.failure(`seek: ${native} and ${js}`)
  }

  async clearAtReaders() {
    const pair = this.random.pick(this.lane.pairs)
    if (this.reaches(pair)) await this.clear(pair)
  }

  async clearAtWriters() {
    await this.clear(this.lane.writers)
    this.isJsWriterSparse = true
  }

  async clear(pair) {
    await this.settle()
    const { length } = await pair.js.head()
    if (length === 0) return
    const start = this.random.below(length)
    const end = Math.min(length, start + 1 + this.random.below(6))
    this.isCleared = true
    await this.both(pair, `${pair.name} clears [${start}, ${end})`, (node) => node.clear(start, end))
  }

  reaches(pair) {
    if (!pair.upstream.native || !pair.upstream.js) return false
    return [pair.upstream.native, pair.upstream.js].every((node) => {
      const through = this.lane.pairs.find((other) => other.native === node || other.js === node)
      return !through || this.reaches(through)
    })
  }

  isBehind(pair, node) {
    return [pair.upstream.native, pair.upstream.js].some((source) => {
      const through = this.lane.pairs.find((other) => other.native === source || other.js === source)
      return source === node || (through && this.isBehind(through, node))
    })
  }

  async link(pair) {
    const { writers, pairs } = this.lane
    const first = pairs[0]
    for (const kind of ['native', 'js']) {
      const sources = [writers.native, writers.js]
      const isRich = !this.hasForks && !this.hasClears
      if (pair !== first && (isRich || kind === 'native')) sources.push(first.native)
      if (pair !== first && isRich) sources.push(first.js)
      const source = this.random.pick(sources)
      pair.upstream[kind] = source
      this.note(`${pair[kind].name} connects to ${source.name}`)
      await pair[kind].dial(source.port)
    }
  }

  async unlink(pair) {
    this.note(`${pair.name} hangs up`)
    for (const kind of ['native', 'js']) {
      if (pair.upstream[kind]) await pair[kind].hangUp(pair.upstream[kind].port)
      pair.upstream[kind] = null
    }
  }

  async relink() {
    const pair = this.random.pick(this.lane.pairs)
    if (this.random.chance(0.5)) await this.settle()
    const had = pair.upstream.native !== null
    if (had) await this.unlink(pair)
    if (!had || this.random.chance(0.4)) await this.link(pair)
  }

  async restart() {
    const node = this.random.pick(this.nodes())
    this.note(`restart ${node.name}`)
    await node.restart()
  }

  /** Everybody who is connected has the head of the writers, and pairs agree. */
  async settle() {
    const { writers, pairs } = this.lane
    const head = await writers.js.head()
    const end = Date.now() + SETTLE_MS
    const same = (left, right) => left.length === right.length && left.fork === right.fork
    for (const pair of pairs) {
      if (!this.reaches(pair) || head.length === 0) continue
      for (const kind of ['native', 'js']) {
        for (let now = await pair[kind].head(); !same(now, head); now = await pair[kind].head()) {
          if (Date.now() > end) {
            throw this.failure(`${pair[kind].name} stays at ${now.length}, fork ${now.fork}; the writers are at ${head.length}, fork ${head.fork}`)
          }
          await new Promise((resolve) => setTimeout(resolve, POLL_MS))
        }
      }
    }
    await this.compare(writers)
    for (const pair of pairs) if (this.reaches(pair)) await this.compare(pair)
  }

  async compare(pair) {
    const end = Date.now() + SETTLE_MS / 3
    for (;;) {
      const [native, js] = await Promise.all([pair.native.state(), pair.js.state()])
      const difference = differenceOf(native, js)
      if (difference === null) return
      if (Date.now() > end) throw this.failure(`${pair.name} differ: ${difference}`)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

function differenceOf(native, js) {
  for (const name of ['length', 'fork', 'byteLength', 'treeHash']) {
    if (native[name] !== js[name]) return `${name}: native ${native[name]}, JavaScript ${js[name]}`
  }
  for (let i = 0; i < js.length; i++) {
    if (native.blocks[i] === js.blocks[i]) continue
    const short = (text) => (text === null ? 'nothing' : text.slice(0, 24))
    return `block ${i}: native ${short(native.blocks[i])}, JavaScript ${short(js.blocks[i])}`
  }
  return null
}

module.exports = { History }
