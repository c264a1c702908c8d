'use strict'

// What the JavaScript sides of the benchmark share: the flags of corestore-bench, the packages that the interop tests
// pin, blocks with a seed, and the one line of results with the field names of corestore-bench --json.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { createRequire } = require('node:module')
const { parseArgs } = require('node:util')

const text = (value) => ({ type: 'string', default: String(value) })

/** Flags with corestore-bench's names; numbers are parsed. CORESTORE_INTEROP or --modules names the folder with node_modules. */
function flags(defaults = {}) {
  const { values } = parseArgs({
    options: {
      cores: text(defaults.cores || 1), blocks: text(defaults.blocks || 1000), 'block-size': text(defaults.blockSize || 100),
      batch: text(defaults.batch || 1), peers: text(defaults.peers || 1), seed: text(1), duration: text(0),
      durability: text('none'), json: { type: 'boolean' }, listen: text('127.0.0.1:0'), address: text(''),
      key: { type: 'string', multiple: true, default: [] }, modules: text(''), 'serve-with': text('')
    }
  })
  if (Number(values.duration) > 0) throw new Error('--duration is not offered by the JavaScript peers: give --blocks')
  return {
    cores: Number(values.cores),
    blocks: Number(values.blocks),
    blockSize: Number(values['block-size']),
    batch: Number(values.batch),
    peers: Number(values.peers),
    seed: Number(values.seed),
    listen: values.listen,
    address: values.address,
    keys: values.key,
    serveWith: values['serve-with'],
    modules: values.modules
  }
}

/** Loads a pinned package. */
function load(name, options = {}) {
  const home = options.modules || process.env.CORESTORE_INTEROP || path.join(__dirname, '../../../tests/interop')
  return createRequire(path.join(path.resolve(home), 'package.json'))(name)
}

/** A corestore in a scratch folder that is removed when the process ends. */
async function scratchStore(options) {
  const Corestore = load('corestore', options)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'corestore-bench-'))
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  const store = new Corestore(folder)
  await store.ready()
  return store
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

async function fill(core, options) {
  const size = Math.max(options.batch, Math.min(1000, options.blocks))
  for (let done = 0; done < options.blocks; done += size) await core.append(batchOf(options, Math.min(size, options.blocks - done)))
}

/** Starts the clocks; stop() gives wall and CPU seconds of this process. */
function clock() {
  const wall = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  return {
    stop() {
      const used = process.cpuUsage(cpu)
      return { wall_s: Number(process.hrtime.bigint() - wall) / 1e9, cpu_s: (used.user + used.system) / 1e6 }
    }
  }
}

class Latencies {
  constructor() {
    this.ms = []
  }

  async time(fn) {
    const begin = process.hrtime.bigint()
    const value = await fn()
    this.ms.push(Number(process.hrtime.bigint() - begin) / 1e6)
    return value
  }

  fields() {
    if (this.ms.length === 0) return {}
    const sorted = Float64Array.from(this.ms).sort()
    const at = (share) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])
    return { p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), p99_9_ms: at(0.999), max_ms: rounded(sorted[sorted.length - 1]) }
  }
}

function rounded(value) {
  return Math.round(value * 1000) / 1000
}

/** Prints the line of results. hypercore does not sync what it acknowledges: the durability is always none. */
function report(workload, options, blocks, times, more = {}) {
  const line = {
    workload,
    peer: 'javascript',
    blocks_s: rounded(blocks / times.wall_s),
    mb_s: rounded((blocks * options.blockSize) / times.wall_s / 1e6),
    wall_s: rounded(times.wall_s),
    blocks,
    cpu_s: rounded(times.cpu_s),
    peak_rss_mb: rounded(peakRss()),
    durability: 'none',
    ...more,
    params: {
      cores: options.cores, blocks: options.blocks, block_size: options.blockSize, batch: options.batch,
      peers: options.peers, duration_s: 0, seed: options.seed
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

module.exports = { flags, load, scratchStore, chance, batchOf, fill, clock, Latencies, report, rounded, peakRss, main }
