'use strict'

// corestored is killed again and again while it mirrors a growing JavaScript core. What it announced to the writer (and so
// to anybody) must be on its disk, every block must be right, and in the end it must be complete.

const assert = require('node:assert')
const { treeHash } = require('../interop/js/peer')
const { main, chance, line, inspect, sleep, until } = require('./loop')

const BATCH = 400
const LIFE_MS_MAX = 300

main(async (world, { kills, seed, checkEvery }) => {
  const random = chance(seed)
  const storage = world.path()
  const writer = await world.peer()
  const core = await writer.core({ name: 'log' })
  const { address } = await writer.listen()
  const key = core.key.toString('hex')
  const options = { storage, connect: [address], mirror: [key] }
  await (await world.serve(options)).stop() // the store exists and knows the core
  let present = 0
  let grown = 0
  for (let round = 1; round <= kills; round++) {
    const server = await world.serve(options)
    const from = core.length
    await core.append(Array.from({ length: BATCH }, (unused, i) => line(from + i)))
    await sleep(random() * LIFE_MS_MAX)
    const announced = Math.max(0, ...core.peers.map((peer) => Math.min(peer.remoteContiguousLength, core.length)))
    await server.kill()
    const record = await inspect(world, storage, key, present)
    assert(record.contiguousLength >= announced, `round ${round}: ${announced} announced, ${record.contiguousLength} there`)
    assert(record.contiguousLength >= present, `round ${round}: blocks of an earlier round are gone`)
    assert.deepStrictEqual(writer.troubles, [])
    if (record.contiguousLength > present) grown++
    present = record.contiguousLength
    if (round % checkEvery === 0 || round === kills) await complete(world, options, core)
  }
  assert(grown >= kills / 5, `only ${grown} of ${kills} runs stored anything`)
  return { kills, length: core.length, grown }
})

/** A run that is left alone must fetch the rest. */
async function complete(world, options, core) {
  const server = await world.serve(options)
  const record = await until(async () => {
    const now = await server.record(core.key)
    return now && now.length === core.length && now.contiguousLength === core.length && now
  }, 'the mirror is complete again', 30000)
  assert.strictEqual(record.treeHash, await treeHash(core))
  await server.stop()
}
