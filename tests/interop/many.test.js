'use strict'

// Several cores on one connection.

const assert = require('node:assert')
const { scenario, until } = require('./js/world')
const { blocks, fetchAll, sameBlocks, treeHash } = require('./js/peer')

const CORES = 50

scenario('JavaScript reads fifty of our cores over one connection', async (world) => {
  const storage = world.path()
  for (let i = 0; i < CORES; i++) {
    const input = Buffer.concat(blocks('core-' + i, 1 + (i % 7), 20))
    await world.run(storage, ['append', 'name:core-' + i, '--block-size', '20'], { input })
  }
  const records = (await world.run(storage, ['--json', 'list'])).json()
  assert.strictEqual(records.length, CORES)
  const server = await world.serve({ storage })
  const peer = await world.peer()
  const cores = await Promise.all(records.map((record) => peer.core({ key: Buffer.from(record.key, 'hex') })))
  await peer.dial(server.address)
  await Promise.all(cores.map(async (core, at) => {
    await core.update({ wait: true })
    const [first] = await fetchAll(core)
    const i = Number(/^core-(\d+)\//.exec(first.toString('latin1'))[1])
    sameBlocks(await fetchAll(core), blocks('core-' + i, 1 + (i % 7), 20))
    assert.strictEqual(await treeHash(core), records[at].treeHash)
  }))
  assert.strictEqual(peer.links.size, 1)
}, { seconds: 120 })

/** Waits until the server's list shows each of the cores complete. */
function allMirrored(server, cores) {
  return until(async () => {
    const records = new Map((await server.ask(['list'])).map((record) => [record.key, record]))
    return cores.every((core) => {
      const record = records.get(core.key.toString('hex'))
      return record && record.length === core.length && record.contiguousLength === core.length
    })
  }, 'all cores are mirrored', 30000)
}

scenario('we mirror fifty JavaScript cores over one connection', async (world) => {
  const peer = await world.peer()
  const cores = []
  for (let i = 0; i < CORES; i++) {
    cores.push(await peer.core({ name: 'core-' + i }))
    if (i % 9 !== 0) await cores[i].append(blocks('core-' + i, i % 9, 33))
  }
  const { address } = await peer.listen()
  const server = await world.serve({ connect: [address], mirror: cores.map((core) => core.key) })
  await allMirrored(server, cores)
  assert.strictEqual(peer.links.size, 1)
  for (const record of await server.ask(['list'])) assert.strictEqual(record.peers, 1, 'the listing says who is connected')
  await Promise.all(cores.map((core, i) => core.append(blocks('more-' + i, 2, 5))))
  await allMirrored(server, cores)
})

scenario('cores opened later join a connection that is already there', async (world) => {
  const server = await world.serve()
  const peer = await world.peer()
  await peer.dial(server.address)
  for (let i = 0; i < 6; i++) {
    const { key } = await server.create('later-' + i)
    await server.append(key, blocks('later-' + i, 3, 30))
    const core = await peer.core({ key: Buffer.from(key, 'hex') })
    sameBlocks([await core.get(2, { timeout: 10000 })], blocks('later-' + i, 1, 30, 2))
  }
})
