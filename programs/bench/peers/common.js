'use strict'

// What the JavaScript sides of the benchmark share: the flags of corestore-bench, the packages that the interop tests
// pin, blocks with a seed, the clocks, and the one line of results with the field names of corestore-bench --json.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { createRequire } = require('node:module')
const { parseArgs } = require('node:util')

const text = (value) => ({ type: 'string', default: String(value) })

/** Flags with corestore-bench's names; numbers are parsed. CORESTORE_INTEROP or --modules names the folder with node_modules. */
function flags() {
  const { values } = parseArgs({
    options: {
      cores: text(1), blocks: text(1000), 'block-size': text(100), batch: text(1), peers: text(1), seed: text(1),
      callers: text(0), requests: text(0), reads: text(0), rate: text(0), 'warm-up': text(0), workload: text(''),
      generation: text(10), durability: text('commit'), json: { type: 'boolean' }, listen: text('127.0.0.1:0'),
      address: text(''), modules: text(''), 'serve-with': text(''), 'reader-processor': text('')
    }
  })
  const numbers = {}
  for (const name of ['cores', 'blocks', 'batch', 'peers', 'seed', 'callers', 'requests', 'reads', 'rate', 'generation']) {
    numbers[name] = Number(values[name])
  }
  return {
    ...numbers,
    blockSize: Number(values['block-size']),
    warmUp: Number(values['warm-up']),
    workload: values.workload,
    listen: values.listen,
    address: values.address,
    serveWith: values['serve-with'],
    readerProcessor: values['reader-processor'],
    durability: values.durability, // of the server that is named by serveWith
    modules: values.modules
  }
}

/** Folder with the pinned packages of a generation. */
function modulesFolder(options) {
  const home = options.modules || process.env.CORESTORE_INTEROP || path.join(__dirname, '../../../tests/interop')
  return path.resolve(options.generation === 9 ? path.join(home, 'legacy') : home)
}

/** Loads a pinned package. */
function load(name, options) {
  return createRequire(path.join(modulesFolder(options), 'package.json'))(name)
}

const scratch = []

/** A folder that is removed when the process ends; threads of the database may still be writing into it then. */
function scratchFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'corestore-bench-'))
  if (scratch.push(folder) === 1) process.on('exit', () => scratch.forEach(remove))
  return folder
}

/** Tries for a second: a thread of the database may put a file into a folder that is just being emptied. */
function remove(folder) {
  for (let tries = 0; tries < 50; tries++) {
    try {
      return fs.rmSync(folder, { recursive: true, force: true })
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

/** A corestore in a scratch folder that is removed when the process ends; cores of both generations look alike. */
async function scratchStore(options) {
  const folder = scratchFolder()
  if (options.generation === 9) return require('./generation9').open(folder, options)
  const Corestore = load('corestore', options)
  const store = new Corestore(folder)
  await store.ready()
  return {
    async core({ name, key }) {
      const core = store.get(key ? { key: Buffer.from(key, 'hex') } : { name })
      await core.ready()
      core.fetchAll = async () => {
        await core.update({ wait: true })
        await core.download({ start: 0, end: core.length }).done()
        return core.length
      }
      core.known = () => core.update({ wait: true })
      core.follow = () => core.download({ start: 0, end: -1 })
      return core
    },
    replicate: (isInitiator) => store.replicate(isInitiator),
    close: () => store.close()
  }
}

/** Joins a socket and a replication stream, with their errors ignored: the run fails by what does not arrive. */
function join(store, socket, isInitiator) {
  const stream = store.replicate(isInitiator)
  socket.setNoDelay(true)
  socket.on('error', () => {})
  stream.on('error', () => {})
  socket.pipe(stream).pipe(socket)
  return socket
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function chance(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A batch of blocks that differ from each other; made before the clock runs. */
function batchOf(options, count = options.batch) {
  const random = chance(options.seed)
  return Array.from({ length: count }, () => {
    const bytes = Buffer.alloc(options.blockSize)
    for (let i = 0; i < Math.min(options.blockSize, 64); i++) bytes[i] = Math.floor(random() * 256)
    return bytes
  })
}

async function fill(core, options, blocks = options.blocks) {
  const size = Math.max(options.batch, Math.min(1000, blocks))
  for (let done = 0; done < blocks; done += size) await core.append(batchOf(options, Math.min(size, blocks - done)))
}

/** Starts the clocks; stop() gives wall and CPU seconds of this process, and what it has written to disks. */
function clock() {
  const wall = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  const written = diskBytes()
  return {
    stop() {
      const used = process.cpuUsage(cpu)
      return {
        wall_s: Number(process.hrtime.bigint() - wall) / 1e9,
        cpu_s: (used.user + used.system) / 1e6,
        bytes_written: diskBytes() - written
      }
    }
  }
}

function diskBytes() {
  try {
    return Number(/write_bytes: (\d+)/.exec(fs.readFileSync('/proc/self/io', 'utf8'))[1])
  } catch {
    return 0
  }
}

class Latencies {
  constructor() {
    this.ms = []
  }

  async time(fn) {
    const begin = process.hrtime.bigint()
    const value = await fn()
    this.add(process.hrtime.bigint() - begin)
    return value
  }

  add(ns) {
    this.ms.push(Number(ns) / 1e6)
  }

  fields(prefix = '') {
    if (this.ms.length === 0) return {}
    const sorted = Float64Array.from(this.ms).sort()
    const at = (share) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])
    return {
      [prefix + 'p50_ms']: at(0.5),
      [prefix + 'p90_ms']: at(0.9),
      [prefix + 'p99_ms']: at(0.99),
      [prefix + 'p99_9_ms']: at(0.999),
      [prefix + 'max_ms']: rounded(sorted[sorted.length - 1])
    }
  }
}

/** Runs `action` for the seconds of the warm-up, without measuring it. */
async function warmUp(options, action) {
  const end = Date.now() + options.warmUp * 1000
  while (Date.now() < end) await action()
}

function rounded(value) {
  return Math.round(value * 10000) / 10000
}

/** Prints the line of results. hypercore does not sync what it acknowledges: the durability is always none. */
function report(options, blocks, times, more = {}) {
  const line = {
    workload: options.workload,
    peer: options.generation === 9 ? 'javascript 9' : 'javascript',
    blocks_s: rounded(blocks / times.wall_s),
    mb_s: rounded((blocks * options.blockSize) / times.wall_s / 1e6),
    wall_s: rounded(times.wall_s),
    blocks,
    cpu_s: rounded(times.cpu_s),
    peak_rss_mb: rounded(peakRss()),
    bytes_written: times.bytes_written,
    durability: 'none',
    ...more,
    params: {
      cores: options.cores, blocks: options.blocks, block_size: options.blockSize, generation: options.generation, batch: options.batch,
      peers: options.peers, callers: options.callers, requests: options.requests, reads: options.reads,
      rate: options.rate, warm_up_s: options.warmUp, duration_s: 0, seed: options.seed
    }
  }
  process.stdout.write(JSON.stringify(line) + '\n')
}

function peakRss() {
  return process.resourceUsage().maxRSS / 1024
}

function main(fn) {
  fn().catch((err) => {
    process.stderr.write((err.stack || err) + '\n')
    process.exit(1)
  })
}

module.exports = {
  flags, load, scratchStore, scratchFolder, join, chance, batchOf, fill, clock, Latencies, warmUp, report, rounded, peakRss, main
}
