'use strict'

// What the crash tests share: options, chance with a seed, and the check of a store after a kill.

const assert = require('node:assert')
const { parseArgs } = require('node:util')
const { World, sleep, until } = require('../interop/js/world')

function options() {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '100' },
      seed: { type: 'string', default: String(process.pid) },
      'check-every': { type: 'string', default: '10' }
    }
  })
  const parsed = { kills: Number(values.kills), seed: Number(values.seed), checkEvery: Number(values['check-every']) }
  console.log(JSON.stringify(parsed)) // the seed is the first line of output
  return parsed
}

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
function chance(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** The line that is block `index`; lengths differ, and some are empty. */
function line(index) {
  return index % 11 === 5 ? '' : `block ${index} ` + 'x'.repeat((index * 7) % 90)
}

/** Opens the killed store: the record of the core, after its blocks from `from` on were compared with `expected`. */
async function inspect(world, storage, core, from, expected = line) {
  const known = await world.run(storage, ['--json', 'info', core])
  const [record] = known.json()
  assert.strictEqual(record.fork, 0, 'no crash may fork a core')
  if (record.contiguousLength > from) {
    const args = ['--json', 'cat', core, '--start', String(from), '--end', String(record.contiguousLength)]
    const blocks = (await world.run(storage, args)).json()
    assert.strictEqual(blocks.length, record.contiguousLength - from)
    for (const { index, base64 } of blocks) {
      assert.strictEqual(Buffer.from(base64, 'base64').toString(), expected(index), `block ${index}`)
    }
  }
  await world.run(storage, ['--json', 'verify', core])
  return record
}

/** Runs fn(world, options) and exits with 1 when it fails. */
async function main(fn) {
  const chosen = options()
  const world = new World()
  const began = Date.now()
  try {
    const report = await fn(world, chosen)
    await world.close()
    console.log(JSON.stringify({ ...report, seconds: (Date.now() - began) / 1000 }))
  } catch (err) {
    for (const server of world.servers) server.dumpLog()
    console.error(err)
    process.exitCode = 1
    await world.close().catch(() => {})
  }
  process.exit() // timers of races that were won would keep the process for seconds
}

module.exports = { main, chance, line, inspect, sleep, until }
