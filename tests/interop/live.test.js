'use strict'

// Both sides change while they are connected, one of them restarts, or the line is quiet for long.

const assert = require('node:assert')
const fs = require('node:fs')
const { scenario, sleep, until } = require('./js/world')
const { blocks, fetchAll, reach, sameBlocks, treeHash } = require('./js/peer')
const { mirrored, readAgain, writer } = require('./js/steps')

const IDLE_MS = 12000 // more than two keep-alive periods of the JavaScript peer

/** One of our cores with a JavaScript reader connected. */
async function ours(world, list = []) {
  const storage = world.path()
  const { key } = (await world.run(storage, ['--json', 'create', 'log'])).json()[0]
  const server = await world.serve({ storage })
  if (list.length > 0) await server.append(key, list)
  const peer = await world.peer()
  const core = await peer.core({ key: Buffer.from(key, 'hex') })
  const link = await peer.dial(server.address)
  return { server, storage, key, peer, core, link }
}

scenario('JavaScript follows what we append', async (world) => {
  const { server, key, core } = await ours(world)
  core.download({ start: 0, end: -1 })
  const list = blocks('live', 24, 25)
  for (let i = 0; i < list.length; i += 3) {
    await server.append(key, list.slice(i, i + 3))
    await reach(core, i + 3)
  }
  sameBlocks(await fetchAll(core), list)
  assert.strictEqual(await treeHash(core), (await server.record(key)).treeHash)
})

scenario('we follow what JavaScript appends', async (world) => {
  const js = await writer(world, [])
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  for (const list of [blocks('a', 1, 9), blocks('b', 30, 100), blocks('c', 200, 10)]) {
    await js.core.append(list)
    const record = await mirrored(server, js.core)
    assert.strictEqual(record.treeHash, await treeHash(js.core))
  }
})

scenario('both sides write their own core over one connection', async (world) => {
  const { server, key, peer, core } = await ours(world)
  core.download({ start: 0, end: -1 })
  const theirs = await peer.core({ name: 'theirs' })
  const { address } = await peer.listen()
  const second = await world.serve({ connect: [address], mirror: [theirs.key, key] })
  for (let i = 0; i < 6; i++) {
    await Promise.all([server.append(key, blocks('ours', 2, 40, 2 * i)), theirs.append(blocks('theirs', 2, 40, 2 * i))])
  }
  await reach(core, 12)
  await mirrored(second, theirs)
  sameBlocks(await fetchAll(core), blocks('ours', 12, 40))
  await mirrored(second, core) // ours, relayed by JavaScript
})

scenario('JavaScript waits for a block that we have not written yet', async (world) => {
  const { server, key, core } = await ours(world, ['zero'])
  await core.update({ wait: true })
  const future = core.get(2, { timeout: 10000 })
  await sleep(100)
  await server.append(key, ['one'])
  await server.append(key, ['two'])
  assert.strictEqual((await future).toString(), 'two')
})

scenario('we restart while JavaScript goes on', async (world) => {
  const { server, storage, key, peer, core } = await ours(world, blocks('r', 10, 20))
  await core.update({ wait: true })
  sameBlocks(await fetchAll(core), blocks('r', 10, 20))
  await server.stop()
  const again = await world.serve({ storage })
  await again.append(key, blocks('r', 5, 20, 10))
  await peer.dial(again.address)
  await reach(core, 15)
  sameBlocks(await fetchAll(core), blocks('r', 15, 20))
  assert.strictEqual(core.fork, 0)
})

scenario('our mirror restarts in the middle and completes', async (world) => {
  const js = await writer(world, blocks('mid', 3000, 100))
  const options = { storage: world.path(), connect: [js.address], mirror: [js.core.key] }
  const first = await world.serve(options)
  await until(async () => ((await first.record(js.core.key)) || {}).contiguousLength > 0, 'the mirror has begun')
  await first.stop()
  await js.core.append(blocks('mid', 50, 100, 3000))
  const second = await world.serve(options)
  const record = await mirrored(second, js.core)
  assert.strictEqual(record.treeHash, await treeHash(js.core))
})

scenario('the JavaScript writer restarts and our mirror finds it again', async (world) => {
  const storage = world.path('js')
  const path = 'unix:' + world.path('socket')
  const first = await world.peer({ storage })
  const core = await first.core({ name: 'log' })
  await core.append(blocks('w', 20, 30))
  await first.listen(path)
  const server = await world.serve({ connect: [path], mirror: [core.key] })
  await mirrored(server, core)
  await first.close()
  const second = await world.peer({ storage })
  const reopened = await second.core({ name: 'log' })
  await reopened.append(blocks('w', 20, 30, 20))
  await second.listen(path)
  await mirrored(server, reopened)
})

scenario('we dial before the other side listens', async (world) => {
  const peer = await world.peer()
  const core = await peer.core({ name: 'late' })
  await core.append(blocks('late', 5, 5))
  const file = world.path('socket')
  const server = await world.serve({ connect: ['unix:' + file], mirror: [core.key] })
  await sleep(1500)
  assert(!fs.existsSync(file))
  await peer.listen('unix:' + file)
  await mirrored(server, core)
})

scenario('JavaScript truncates and appends while we mirror', async (world) => {
  const js = await writer(world, blocks('one', 20, 30))
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  await mirrored(server, js.core)
  for (const [length, seed, count] of [[13, 'two', 4], [15, 'three', 30], [0, 'four', 3]]) {
    await js.core.truncate(length)
    await js.core.append(blocks(seed, count, 30))
    const record = await mirrored(server, js.core)
    assert.strictEqual(record.fork, js.core.fork)
    assert.strictEqual(record.treeHash, await treeHash(js.core))
  }
  await js.peer.disconnect()
  await readAgain(world, server, js.core)
})

scenario('an idle connection stays up and still works', async (world) => {
  const { server, key, core, link } = await ours(world, ['zero'])
  const js = await writer(world, ['theirs'])
  const dialling = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  await core.update({ wait: true })
  await mirrored(dialling, js.core)
  const inbound = [...js.peer.links][0]
  await sleep(IDLE_MS)
  assert(!link.socket.destroyed && !inbound.socket.destroyed, 'a quiet connection was cut')
  await server.append(key, ['one'])
  await reach(core, 2)
  await js.core.append('more')
  await mirrored(dialling, js.core)
  assert([...js.peer.links][0] === inbound, 'it is the same connection as before')
})
