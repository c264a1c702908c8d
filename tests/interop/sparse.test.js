'use strict'

// Nobody has everything: single blocks, holes, and several sources.

const assert = require('node:assert')
const { scenario, sleep, until } = require('./js/world')
const { block, blocks, readLocal, sameBlocks, treeHash } = require('./js/peer')
const { mirrored, readAgain } = require('./js/steps')

const COUNT = 20

/** A JavaScript writer that is not connected to us, and a sparse JavaScript seeder of its core. */
async function sparseSeeder(world, have) {
  const writer = await world.peer()
  const core = await writer.core({ name: 'log' })
  await core.append(blocks('sparse', COUNT, 10))
  const listener = await writer.listen()
  const seeder = await world.peer()
  const copy = await seeder.core({ key: core.key })
  const link = await seeder.dial(listener.address)
  for (const index of have) await copy.get(index, { timeout: 10000 })
  await link.close()
  return { writer, core, listener, seeder, copy }
}

scenario('JavaScript takes two blocks of twenty from us and nothing else', async (world) => {
  const storage = world.path()
  const { key } = (await world.run(storage, ['--json', 'create', 'log'])).json()[0]
  const server = await world.serve({ storage })
  await server.append(key, blocks('sparse', COUNT, 10))
  const peer = await world.peer()
  const core = await peer.core({ key: Buffer.from(key, 'hex') })
  const link = await peer.dial(server.address)
  for (const index of [3, 12]) sameBlocks([await core.get(index, { timeout: 10000 })], [block('sparse', index, 10)])
  for (let i = 0; i < COUNT; i++) assert.strictEqual(await core.has(i), i === 3 || i === 12, `block ${i}`)
  await link.close()
  await server.stop()
  const again = await world.serve({ storage })
  await peer.dial(again.address)
  sameBlocks([await core.get(13, { timeout: 10000 })], [block('sparse', 13, 10)])
})

scenario('we take from a sparse JavaScript seeder what it has and wait for the rest', async (world) => {
  const { seeder, copy } = await sparseSeeder(world, [3, 4, 12, 19])
  const wanted = [3, 4, 12, 19]
  const taken = new Set()
  copy.on('upload', (index) => taken.add(index))
  const { address } = await seeder.listen()
  const server = await world.serve({ connect: [address], mirror: [copy.key] })
  await until(() => wanted.every((index) => taken.has(index)), 'we took the four blocks')
  const link = [...seeder.links][0]
  await sleep(1000) // long enough for a request of something that is not there
  assert(!link.socket.destroyed && [...seeder.links][0] === link, 'the seeder did not cut us off')
  assert.strictEqual(taken.size, wanted.length)
  const record = await server.record(copy.key)
  assert.strictEqual(record.length, COUNT)
  assert.strictEqual(record.contiguousLength, 0)
  await seeder.disconnect()
  const reader = await world.peer()
  const third = await reader.core({ key: copy.key })
  await reader.dial(server.address)
  for (const index of wanted) sameBlocks([await third.get(index, { timeout: 10000 })], [block('sparse', index, 10)])
})

scenario('we complete from a second seeder', async (world) => {
  const { core, seeder, copy, listener } = await sparseSeeder(world, [0, 1, 7, 12])
  const { address } = await seeder.listen()
  const server = await world.serve({ connect: [address, listener.address], mirror: [copy.key] })
  const record = await mirrored(server, core)
  assert.strictEqual(record.treeHash, await treeHash(core))
})

scenario('we complete from two seeders of which each has one half', async (world) => {
  const even = Array.from({ length: COUNT }, (unused, i) => i)
  const first = await sparseSeeder(world, even.slice(0, 11))
  const second = await world.peer()
  const copy = await second.core({ key: first.core.key })
  const link = await second.dial(first.listener.address)
  for (const index of even.slice(9)) await copy.get(index, { timeout: 10000 })
  await link.close()
  await first.writer.close()
  const addresses = [(await first.seeder.listen()).address, (await second.listen()).address]
  const server = await world.serve({ connect: addresses, mirror: [copy.key] })
  await mirrored(server, { key: copy.key, fork: 0, length: COUNT })
  await first.seeder.disconnect()
  await second.disconnect()
  const reader = await world.peer()
  const third = await reader.core({ key: copy.key })
  await reader.dial(server.address)
  await third.download({ start: 0, end: COUNT }).done()
  sameBlocks(await readLocal(third, COUNT), blocks('sparse', COUNT, 10))
})

scenario('a block that JavaScript cleared comes from elsewhere', async (world) => {
  const { core, writer, listener, seeder, copy } = await sparseSeeder(world, Array.from({ length: COUNT }, (unused, i) => i))
  await copy.clear(8, 12) // an aligned span: of others, hypercore 11.35.5 also drops tree nodes that it still needs
  const { address } = await seeder.listen()
  await listener.close()
  const later = 'unix:' + world.path('socket')
  const server = await world.serve({ connect: [address, later], mirror: [copy.key] })
  await until(async () => ((await server.record(copy.key)) || {}).contiguousLength === 8, 'we stop at the hole')
  await writer.listen(later)
  await mirrored(server, core)
  await readAgain(world, server, core)
})
