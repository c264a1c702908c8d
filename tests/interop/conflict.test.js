'use strict'

// Somebody signed two histories of one log for the same length: whoever meets both keeps the proof, stops, and tells
// everybody; the proof convinces anybody who knows nothing but the key.

const assert = require('node:assert')
const fs = require('node:fs')
const { scenario, until } = require('./js/world')
const { cli, hex } = require('./js/native')
const { blocks, crypto, reach } = require('./js/peer')
const { mirrored } = require('./js/steps')

const PAIR = crypto.keyPair(Buffer.alloc(32, 77))

/** A JavaScript peer that writes the core of PAIR its own way. */
async function author(world, seed, count) {
  const peer = await world.peer()
  peer.tolerant = true
  const core = await peer.core({ keyPair: PAIR })
  if (count > 0) await core.append(blocks(seed, count, 20))
  const { address } = await peer.listen()
  return { peer, core, address }
}

async function frozen(server, key) {
  return until(async () => {
    const record = await server.record(key)
    return record && record.frozen && record
  }, 'the core stands still')
}

/** What `verify` says of the core, and the file that it writes. */
async function evidence(world, server, key) {
  const file = world.path('evidence')
  const result = await server.cli(['verify', hex(key), '--evidence', file])
  assert.strictEqual(result.code, 1)
  const [report] = result.json()
  assert(report.faults.some((fault) => fault.includes('two histories')), JSON.stringify(report.faults))
  assert.strictEqual(fs.readFileSync(file).toString('hex'), report.conflict.proof)
  return { file, ...report.conflict }
}

scenario('a JavaScript writer that forks is convicted by our mirror', async (world) => {
  const first = await author(world, 'first', 5)
  const second = await author(world, 'second', 8)
  const key = first.core.key
  assert(key.equals(second.core.key))
  const server = await world.serve({ connect: [first.address], mirror: [key] })
  await mirrored(server, first.core)
  await server.ask(['connect', second.address])
  await frozen(server, key)
  // the other reader of the first history is told
  await until(() => second.peer.troubles.length > 0, 'the forking writer is told by us')

  const found = await evidence(world, server, key)
  assert.deepStrictEqual([found.fork, found.length], [0, 5])
  const trees = [found.firstTree, found.secondTree]
  assert(trees.includes((await first.core.treeHash(5)).toString('hex')))
  assert(trees.includes((await second.core.treeHash(5)).toString('hex')))

  // it needs no store, only the key
  const alone = await cli(['--json', 'verify', hex(key), '--proof', found.file])
  assert.strictEqual(alone.code, 0, alone.stderr)
  assert.deepStrictEqual([alone.json()[0].key, alone.json()[0].length], [hex(key), 5])
  assert.strictEqual((await cli(['verify', 'ab'.repeat(32), '--proof', found.file])).code, 1)
  const bytes = fs.readFileSync(found.file)
  for (const at of [0, 40, 200, bytes.length - 5]) {
    const forged = Buffer.from(bytes)
    forged[at] ^= 1
    fs.writeFileSync(found.file, forged)
    assert.notStrictEqual((await cli(['verify', '--proof', found.file])).code, 0, `flipped byte ${at}`)
  }
  fs.writeFileSync(found.file, bytes.subarray(0, bytes.length - 1))
  assert.notStrictEqual((await cli(['verify', '--proof', found.file])).code, 0)

  // nothing moves any more, and it is remembered
  await first.core.append(blocks('first', 1, 20, 5))
  const storage = server.storage
  await server.stop()
  const again = await world.serve({ storage, connect: [first.address] })
  const record = await again.record(key)
  assert.deepStrictEqual([record.frozen, record.length], [true, 5])
  assert.strictEqual((await evidence(world, again, key)).proof, found.proof)
  assert((await again.cli(['info', hex(key)])).stdout.toString().includes('frozen'))
})

scenario('our forking writer is convicted by JavaScript, and by itself', async (world) => {
  const primary = world.path('primary')
  fs.writeFileSync(primary, Buffer.alloc(32, 9))
  const servers = []
  let key = null
  for (const [i, count] of [5, 8].entries()) {
    const storage = world.path()
    const run = (args, options) => world.run(storage, ['--primary-key-file', primary, '--json', ...args], options)
    key = (await run(['create', 'log'])).json()[0].key
    await run(['append', 'name:log', '--block-size', '20'], { input: Buffer.concat(blocks('history ' + i, count, 20)) })
    servers.push(await world.serve({ storage }))
  }
  const peer = await world.peer()
  peer.tolerant = true
  const core = await peer.core({ key: Buffer.from(key, 'hex') })
  const heard = new Promise((resolve) => core.once('conflict', (length, fork) => resolve([length, fork])))
  await peer.dial(servers[0].address)
  await reach(core, 5)
  await core.get(2, { timeout: 10000 })
  await peer.dial(servers[1].address)
  core.get(7, { timeout: 10000 }).catch(() => {})
  assert.deepStrictEqual(await heard, [5, 0])
  const record = await frozen(servers[1], key)
  assert.strictEqual(record.writable, false)
  await evidence(world, servers[1], key)
  const refused = await servers[1].cli(['append', key, '--lines'], { input: 'one more\n' })
  assert.notStrictEqual(refused.code, 0)
})
