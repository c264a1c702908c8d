'use strict'

// Groups of corestore 7 and ours side by side: the same history of several cores leaves the same order of updates, with
// `since` and in both directions; a change is told on both sides.

const assert = require('node:assert')
const fs = require('node:fs')
const { scenario, until, sleep } = require('./js/world')
const { Api, events } = require('./js/http')
const { blocks } = require('./js/peer')

const PRIMARY_KEY = Buffer.alloc(32, 7)
const ONE = Buffer.alloc(32, 0xa1)
const TWO = Buffer.alloc(32, 0xa2)

const hex = (bytes) => bytes.toString('hex')

/** Apart in time by more than the millisecond that JavaScript counts in. */
const apart = () => sleep(3)

/** mulberry32 */
function random(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** A store of JavaScript and a server of ours with the same primary key, hence with the same cores. */
class Both {
  static async start(world) {
    const both = new Both()
    both.world = world
    both.keyFile = world.path('key')
    fs.writeFileSync(both.keyFile, hex(PRIMARY_KEY) + '\n')
    both.storages = { native: world.path('native'), js: world.path('js') }
    await both.open()
    return both
  }

  async open() {
    this.peer = await this.world.peer({ storage: this.storages.js, primaryKey: PRIMARY_KEY })
    this.server = await this.world.serve({ storage: this.storages.native, primaryKeyFile: this.keyFile, http: '127.0.0.1:0' })
    this.api = new Api(this.server)
    this.cores = new Map()
  }

  async restart() {
    await this.peer.close()
    await this.server.stop()
    await this.open()
  }

  /** Opens a core on both sides, by name or key; the key in hex. */
  async core(selector, group = null) {
    const ours = await this.api.json('POST', '/v1/cores', { ...hexed(selector), ...(group && { group: hex(group) }) })
    const theirs = await this.peer.core({ ...selector, ...(group && { group }) })
    assert.strictEqual(hex(theirs.key), ours.key)
    assert.strictEqual(ours.group, group ? hex(group) : undefined)
    this.cores.set(ours.key, theirs)
    return ours.key
  }

  async join(key, group) {
    const record = await this.api.json('POST', `/v1/cores/${key}/group`, { topic: hex(group) })
    assert.strictEqual(record.group, hex(group))
    await this.cores.get(key).setGroup(group)
  }

  async append(key, list) {
    await this.api.json('POST', `/v1/cores/${key}/blocks`, { blocks: list.map((block) => block.toString('base64')) })
    await this.cores.get(key).append(list)
  }

  async truncate(key, length) {
    await this.api.json('POST', `/v1/cores/${key}/truncate`, { length })
    await this.cores.get(key).truncate(length)
  }

  /** Keys of the cores of a group, as both sides list them: the same ones. */
  async updates(group, since = 0, reverse = false) {
    const { updates } = await this.api.json('GET', `/v1/groups/${hex(group)}?since=${since * 1000}&reverse=${reverse}`)
    const handle = this.peer.store.notifyGroup(group)
    const theirs = []
    for await (const key of handle.updates({ since, reverse })) theirs.push(hex(key))
    handle.destroy()
    assert.deepStrictEqual(updates.map(({ key }) => key), theirs, `since ${since}, reverse ${reverse}`)
    for (const { key, length, fork, position } of updates) {
      const core = this.cores.get(key)
      assert.deepStrictEqual([length, fork], [core.length, core.fork])
      assert.ok(position >= since * 1000)
    }
    return theirs
  }

  async compare(marks) {
    for (const group of [ONE, TWO]) {
      const all = await this.updates(group)
      assert.deepStrictEqual((await this.updates(group, 0, true)).reverse(), all)
      for (const mark of marks) {
        const later = await this.updates(group, mark)
        assert.deepStrictEqual(all.slice(all.length - later.length), later)
        await this.updates(group, mark, true)
      }
    }
  }
}

const hexed = (selector) => (selector.key ? { ...selector, key: hex(selector.key) } : selector)

for (const seed of [1, 2, 3]) {
  scenario(`a random history leaves the same updates on both sides (seed ${seed})`, async (world) => {
    const draw = random(seed)
    const both = await Both.start(world)
    // A core that somebody else writes is followed on both sides.
    const writer = await world.peer()
    const remote = await writer.core({ name: 'remote' })
    await remote.append(blocks('remote', 5, 10))
    const follow = async () => {
      const { address } = await writer.listen()
      await both.api.json('POST', '/v1/peers', { address })
      await both.peer.dial(address)
    }
    const arrived = async () => {
      const theirs = both.cores.get(hex(remote.key))
      await until(async () => {
        const ours = await both.api.json('GET', '/v1/cores/' + hex(remote.key))
        return [theirs, ours].every(({ length, fork }) => length === remote.length && fork === remote.fork)
      }, 'both sides have what the writer has')
    }

    const keys = []
    for (let i = 0; i < 6; i++) keys.push(await both.core({ name: 'core ' + i }, [ONE, TWO, null][i % 3]))
    await both.core({ key: remote.key }, ONE)
    await follow()
    await arrived()
    const marks = []
    for (let step = 0; step < 40; step++) {
      await apart()
      if (step % 5 === 2) marks.push(Date.now())
      await apart()
      const key = keys[draw(keys.length)]
      const { length } = both.cores.get(key)
      const action = draw(10)
      if (action < 6 || length === 0) {
        await both.append(key, blocks(`step ${step}`, 1 + draw(3), 10))
      } else if (action < 8) {
        await both.truncate(key, draw(length))
      } else {
        if (action === 8) await remote.append(blocks(`step ${step}`, 1, 10))
        else await remote.truncate(draw(remote.length))
        if (action === 9) await remote.append(blocks(`fork ${step}`, 1 + remote.fork, 10))
        await arrived()
      }
      if (step === 15) await both.join(keys[2], ONE) // it is listed from its next change on
      if (step === 25) await both.join(keys[5], TWO)
      if (step % 10 === 9) await both.compare(marks)
    }
    await both.compare(marks)
    await writer.disconnect()
    await both.restart()
    for (const [i, key] of keys.entries()) both.cores.set(key, await both.peer.core({ name: 'core ' + i }))
    both.cores.set(hex(remote.key), await both.peer.core({ key: remote.key }))
    await both.compare(marks)
  }, { seconds: 120 })
}

scenario('a restart keeps the groups on both sides', async (world) => {
  const both = await Both.start(world)
  const keys = []
  for (let i = 0; i < 4; i++) keys.push(await both.core({ name: 'core ' + i }, i < 3 ? ONE : TWO))
  const marks = []
  for (const i of [2, 0, 3, 1, 2]) {
    await both.append(keys[i], blocks('a', 2, 10))
    await apart()
    marks.push(Date.now())
    await apart()
  }
  await both.compare(marks)
  await both.restart()
  for (let i = 0; i < 4; i++) both.cores.set(keys[i], await both.peer.core({ name: 'core ' + i }))
  await both.compare(marks)
  const opened = await both.api.json('POST', '/v1/cores', { name: 'core 3' })
  assert.strictEqual(opened.group, hex(TWO)) // also when the opening does not name it
  await both.append(keys[3], blocks('b', 1, 10))
  await both.truncate(keys[0], 1)
  await both.compare(marks)
  assert.deepStrictEqual(await both.updates(ONE), [keys[1], keys[2], keys[0]])
})

scenario('a core is in one group, which both sides hold to', async (world) => {
  const both = await Both.start(world)
  const key = await both.core({ name: 'log' }, ONE)
  await both.join(key, ONE) // once more
  await assert.rejects(both.cores.get(key).setGroup(TWO), { code: 'STORAGE_CONFLICT' })
  const where = `/v1/cores/${key}/group`
  const conflict = async (path, body) => {
    const answer = await both.api.post(path, body)
    assert.deepStrictEqual([answer.status, answer.json.error.code], [409, 'conflict'])
    assert.ok(answer.json.error.message.includes(hex(ONE)))
  }
  await conflict(where, { topic: hex(TWO) })
  await conflict('/v1/cores', { name: 'log', group: hex(TWO) })
  assert.strictEqual((await both.api.json('GET', '/v1/cores/' + key)).group, hex(ONE))
  for (const body of [{}, { topic: 7 }, { topic: 'ab' }, { topic: '' }, { topic: hex(TWO) + 'ff' }, { group: hex(TWO) }]) {
    assert.strictEqual((await both.api.post(where, body)).status, 400, JSON.stringify(body))
  }
  assert.strictEqual((await both.api.post('/v1/cores', { name: 'log', group: 'ab' })).status, 400)
  // What JavaScript has not: a core may leave its group.
  await both.append(key, blocks('a', 1, 10))
  assert.deepStrictEqual(await both.updates(ONE), [key])
  assert.strictEqual((await both.api.json('POST', where, { topic: null })).group, undefined)
  assert.strictEqual((await both.api.json('POST', where, { topic: null })).group, undefined)
  assert.deepStrictEqual((await both.api.json('GET', '/v1/groups/' + hex(ONE))).updates, [])
  assert.strictEqual((await both.api.json('POST', where, { topic: hex(TWO) })).group, hex(TWO))
})

scenario('a change of a core of a group is told on both sides', async (world) => {
  const both = await Both.start(world)
  const [one, two, none] = [await both.core({ name: 'one' }, ONE), await both.core({ name: 'two' }, TWO), await both.core({ name: 'none' })]
  const theirs = []
  both.peer.store.on('group-active', (topic, { key, length, fork }) => theirs.push([hex(topic), hex(key), length, fork]))
  const handled = []
  const handle = both.peer.store.notifyGroup(ONE)
  handle.on('update', ({ length }) => handled.push(length))
  const ours = []
  const stream = await both.api.stream('/v1/events')
  world.defer(() => stream.close())
  const listening = (async () => {
    for await (const { event, data } of events(stream)) {
      if (event === 'group-active') ours.push([data.group, data.key, data.length, data.fork])
    }
  })()
  const changes = [
    [ONE, one, () => both.append(one, blocks('a', 3, 10)), 3, 0],
    [TWO, two, () => both.append(two, blocks('b', 1, 10)), 1, 0],
    [null, none, () => both.append(none, blocks('c', 1, 10))],
    [ONE, one, () => both.truncate(one, 2), 2, 1],
    [ONE, one, () => both.append(one, blocks('d', 2, 10)), 4, 1]
  ]
  const expected = []
  for (const [topic, key, change, length, fork] of changes) {
    await change()
    if (topic) expected.push([hex(topic), key, length, fork])
    await until(() => ours.length >= expected.length && theirs.length >= expected.length, 'both sides tell it')
  }
  assert.deepStrictEqual(ours, expected)
  assert.deepStrictEqual(theirs, expected)
  assert.deepStrictEqual(handled, [3, 2, 4])
  stream.close()
  await listening
})

scenario('pages, limits and bad questions', async (world) => {
  const both = await Both.start(world)
  const keys = []
  for (let i = 0; i < 7; i++) {
    const { key } = await both.api.json('POST', '/v1/cores', { name: 'core ' + i, group: hex(ONE) })
    await both.api.append(key, 'x')
    keys.push(key)
  }
  const where = '/v1/groups/' + hex(ONE)
  for (const reverse of [false, true]) {
    const found = []
    let from = ''
    for (let pages = 1; ; pages++) {
      const page = await both.api.json('GET', `${where}?limit=3&reverse=${reverse}${from}`)
      found.push(...page.updates.map(({ key }) => key))
      if (page.next === undefined) {
        assert.strictEqual(pages, 3)
        break
      }
      assert.strictEqual(page.updates.length, 3)
      from = `&${reverse ? 'until' : 'since'}=${page.next}`
    }
    assert.deepStrictEqual(reverse ? found.reverse() : found, keys)
  }
  const { updates } = await both.api.json('GET', where)
  const [, second, , fourth] = updates.map(({ position }) => position)
  const between = await both.api.json('GET', `${where}?since=${second}&until=${fourth}`)
  assert.deepStrictEqual(between.updates.map(({ key }) => key), keys.slice(1, 3))
  assert.deepStrictEqual(await both.api.json('GET', '/v1/groups/' + hex(TWO)), { updates: [] })
  for (const wrong of ['limit=0', 'limit=1001', 'since=x', 'until=-1', 'reverse=maybe', 'since=9007199254740992']) {
    assert.strictEqual((await both.api.get(`${where}?${wrong}`)).status, 400, wrong)
  }
  assert.strictEqual((await both.api.get('/v1/groups/nonsense')).status, 400)
  const printed = await both.server.ask(['updates', hex(ONE)])
  assert.deepStrictEqual(printed, updates)
  assert.deepStrictEqual(await both.server.ask(['updates', hex(ONE), '--reverse', '--limit', '2', '--until', String(fourth)]), [updates[2], updates[1]])
  assert.deepStrictEqual(await both.server.ask(['updates', hex(ONE), '--since', String(fourth + 1)]), updates.slice(4))
})
