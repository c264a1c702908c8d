'use strict'

// Truncate and clear, as the owner and as the follower, with a JavaScript peer on the other side.

const assert = require('node:assert')
const { scenario, until } = require('./js/world')
const { cli, hex } = require('./js/native')
const { blocks, fetchAll, sameBlocks, treeHash } = require('./js/peer')
const { mirrored, writer } = require('./js/steps')

async function ours(world, list) {
  const storage = world.path()
  const { key } = (await world.run(storage, ['--json', 'create', 'log'])).json()[0]
  const server = await world.serve({ storage })
  await server.append(key, list)
  const peer = await world.peer()
  const core = await peer.core({ key: Buffer.from(key, 'hex') })
  await peer.dial(server.address)
  return { server, storage, key, peer, core }
}

scenario('a JavaScript follower is reorganised by our truncations', async (world) => {
  const { server, key, core } = await ours(world, blocks('one', 20, 30))
  await core.update({ wait: true })
  // What JavaScript finds to be shared is what the tree nodes that it has stored prove: without the blocks that is less,
  // also between two JavaScript peers.
  await core.download({ start: 0, end: 20 }).done()
  core.download({ start: 0, end: -1 })
  const heard = []
  core.on('truncate', (length, fork) => heard.push([length, fork]))
  const [cut] = await server.ask(['truncate', key, '13'])
  assert.deepStrictEqual([cut.length, cut.fork, cut.blocks, cut.bytes], [13, 1, 7, 210])
  await server.append(key, blocks('two', 5, 30))
  await until(() => core.fork === 1 && core.length === 18, 'JavaScript follows')
  sameBlocks(await fetchAll(core), [...blocks('one', 13, 30), ...blocks('two', 5, 30)])
  assert.strictEqual(await treeHash(core), (await server.record(key)).treeHash)
  assert.deepStrictEqual(heard[0], [13, 1])
  const [far] = await server.ask(['truncate', key, '0', '--fork', '7'])
  assert.strictEqual(far.fork, 7)
  await server.append(key, blocks('three', 3, 10))
  await until(() => core.fork === 7 && core.length === 3, 'JavaScript follows to the beginning')
  sameBlocks(await fetchAll(core), blocks('three', 3, 10))
})

scenario('JavaScript hears what we cleared and finds it elsewhere', async (world) => {
  const { server, key, peer, core } = await ours(world, blocks('c', 16, 10))
  await core.update({ wait: true })
  await core.get(0, { timeout: 10000 })
  const remote = core.peers[0]
  await until(() => remote.remoteContiguousLength === 16 || remote._remoteHasBlock(9), 'JavaScript knows that we have block 9')
  const [cleared] = await server.ask(['clear', key, '8', '12'])
  assert.deepStrictEqual([cleared.length, cleared.contiguousLength, cleared.blocks, cleared.bytes], [16, 8, 4, 40])
  await until(() => !remote._remoteHasBlock(9), 'JavaScript was told')
  assert(remote._remoteHasBlock(7))
  sameBlocks([await core.get(13, { timeout: 10000 })], blocks('c', 1, 10, 13))
  await assert.rejects(core.get(9, { timeout: 500 }))
  assert.strictEqual((await server.cli(['get', key, '9'])).code, 1)
  assert.strictEqual((await server.cli(['verify', key])).code, 0)
  await peer.disconnect()
})

scenario('a cleared mirror is completed again by JavaScript', async (world) => {
  const js = await writer(world, blocks('m', 40, 10))
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  await mirrored(server, js.core)
  const [cleared] = await server.ask(['clear', hex(js.core.key), '3', '20'])
  assert.deepStrictEqual([cleared.blocks, cleared.bytes], [17, 170])
  await mirrored(server, js.core)
})

scenario('truncate and clear of a store in this process', async (world) => {
  const storage = world.path()
  const run = async (...args) => (await world.run(storage, ['--json', ...args])).json()[0]
  await run('create', 'log')
  await cli(['--storage', storage, 'append', 'name:log', '--block-size', '100'], { input: Buffer.alloc(1000) })
  assert.strictEqual((await run('clear', 'name:log', '2', '4')).bytes, 200)
  assert.strictEqual((await run('clear', 'name:log', '2', '4')).bytes, 0)
  const cut = await run('truncate', 'name:log', '3')
  assert.deepStrictEqual([cut.length, cut.fork, cut.blocks, cut.bytes], [3, 1, 6, 600])
  assert.strictEqual((await run('info', 'name:log')).fork, 1)
  const text = (await world.run(storage, ['clear', 'name:log', '0', '1'])).stdout.toString()
  assert(/given back +1 blocks, 100 bytes/.test(text), text)
  for (const args of [['truncate', 'name:log'], ['truncate', 'name:log', '-1'], ['clear', 'name:log', '2'], ['clear', 'name:log', '3', '1'],
    ['truncate', 'name:log', '1', '--fork', '1']]) {
    assert.strictEqual((await cli(['--storage', storage, ...args])).code, 2, args.join(' '))
  }
  assert.strictEqual((await cli(['--storage', storage, 'truncate', 'name:log', '9'])).code, 1)
  assert.strictEqual((await cli(['--storage', storage, 'truncate', 'name:none', '0'])).code, 1)
})
