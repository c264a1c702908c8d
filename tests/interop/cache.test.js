'use strict'

// Idle cores leave our memory; JavaScript peers must not notice.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { scenario, until } = require('./js/world')
const { blocks, fetchAll, sameBlocks } = require('./js/peer')
const { mirrored } = require('./js/steps')

const CORES = 40
const LIMIT = 3

/** Flags of a server that keeps next to no idle core. */
function smallCache(world) {
  const file = path.join(world.path(), 'small.conf')
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, `[store]\ncache.active = ${LIMIT}\ncache.passive = ${LIMIT}\n`)
  return ['--config', file]
}

/** Cores that the server has in memory, once it has settled. */
function settled(server, count) {
  return until(async () => {
    const [record] = await server.ask(['info'])
    return record.coresLoaded <= count
  }, `at most ${count} cores are in memory`, 20000)
}

scenario('parked cores serve whatever a JavaScript reader asks for, over channels that stay open', async (world) => {
  const server = await world.serve({ args: smallCache(world) })
  const keys = []
  for (let i = 0; i < CORES; i++) {
    const { key } = await server.create('core-' + i)
    await server.append(key, blocks('core-' + i, 3, 20))
    keys.push(Buffer.from(key, 'hex'))
  }
  await settled(server, 2 * LIMIT)
  const peer = await world.peer()
  const cores = await Promise.all(keys.map((key) => peer.core({ key })))
  await peer.dial(server.address)
  for (let i = 0; i < CORES; i++) sameBlocks([await cores[i].get(1, { timeout: 10000 })], blocks('core-' + i, 1, 20, 1))
  await settled(server, 2 * LIMIT)
  for (let i = CORES - 1; i >= 0; i--) sameBlocks(await fetchAll(cores[i]), blocks('core-' + i, 3, 20))
  for (const core of cores) assert.strictEqual(core.peers.length, 1, 'a channel was closed')
}, { seconds: 120 })

scenario('an append to a parked core reaches the reader that kept its channel', async (world) => {
  const server = await world.serve({ args: smallCache(world) })
  const peer = await world.peer()
  const cores = []
  for (let i = 0; i < 12; i++) {
    const { key } = await server.create('live-' + i)
    cores.push(await peer.core({ key: Buffer.from(key, 'hex') }))
  }
  await peer.dial(server.address)
  await until(() => cores.every((core) => core.peers.length === 1), 'every core has its peer')
  await settled(server, 2 * LIMIT)
  for (const [i, core] of cores.entries()) {
    const arrived = new Promise((resolve) => core.once('append', resolve))
    await server.append(core.key, blocks('live-' + i, 2, 30))
    await arrived
    sameBlocks(await fetchAll(core), blocks('live-' + i, 2, 30))
  }
})

scenario('a mirror that left the memory hears of new blocks after a restart', async (world) => {
  const peer = await world.peer()
  const core = await peer.core({ name: 'source' })
  await core.append(blocks('source', 4, 25))
  const { address } = await peer.listen()
  const storage = world.path()
  const first = await world.serve({ storage, connect: [address], args: smallCache(world) })
  await first.ask(['mirror', core.key.toString('hex')])
  await mirrored(first, core)
  await first.stop()
  const second = await world.serve({ storage, connect: [address], args: smallCache(world) })
  await core.append(blocks('more', 3, 25))
  await mirrored(second, core)
}, { seconds: 90 })
