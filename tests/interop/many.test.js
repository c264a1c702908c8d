'use strict'

// Several cores on one connection.

const assert = require('node:assert')
const { scenario } = require('./js/world')
const { blocks, fetchAll, sameBlocks } = require('./js/peer')
const { mirrored } = require('./js/steps')

const CORES = 50

scenario('JavaScript reads fifty of our cores over one connection', async (world) => {
  const storage = world.path()
  const server = await world.serve({ storage })
  const keys = []
  for (let i = 0; i < CORES; i++) {
    const answer = await server.request('POST', '/v1/cores', JSON.stringify({ name: 'core-' + i }))
    keys.push(answer.json().key)
    await server.append(keys[i], blocks('core-' + i, 1 + (i % 7), 20))
  }
  const peer = await world.peer()
  const cores = await Promise.all(keys.map((key) => peer.core({ key: Buffer.from(key, 'hex') })))
  await peer.dial(server.address)
  await Promise.all(cores.map(async (core, i) => {
    await core.update({ wait: true })
    sameBlocks(await fetchAll(core), blocks('core-' + i, 1 + (i % 7), 20))
  }))
  assert.strictEqual(peer.links.size, 1)
})

scenario('we mirror fifty JavaScript cores over one connection', async (world) => {
  const peer = await world.peer()
  const cores = []
  for (let i = 0; i < CORES; i++) {
    cores.push(await peer.core({ name: 'core-' + i }))
    if (i % 9 !== 0) await cores[i].append(blocks('core-' + i, i % 9, 33))
  }
  const { address } = await peer.listen()
  const server = await world.serve({ connect: [address], mirror: cores.map((core) => core.key) })
  for (const core of cores) if (core.length > 0) await mirrored(server, core)
  assert.strictEqual(peer.links.size, 1)
  await Promise.all(cores.map((core, i) => core.append(blocks('more-' + i, 2, 5))))
  for (const core of cores) await mirrored(server, core)
})

scenario('cores opened later join a connection that is already there', async (world) => {
  const server = await world.serve()
  const peer = await world.peer()
  await peer.dial(server.address)
  for (let i = 0; i < 10; i++) {
    const answer = await server.request('POST', '/v1/cores', JSON.stringify({ name: 'later-' + i }))
    const { key } = answer.json()
    await server.append(key, blocks('later-' + i, 3, 30))
    const core = await peer.core({ key: Buffer.from(key, 'hex') })
    sameBlocks([await core.get(2, { timeout: 10000 })], blocks('later-' + i, 1, 30, 2))
  }
})
