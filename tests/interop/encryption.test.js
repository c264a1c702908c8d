'use strict'

// Encrypted blocks: what JavaScript wrote we read with the key, what we wrote JavaScript reads, and whoever has no key
// stores and serves ciphertext.

const assert = require('node:assert')
const { scenario } = require('./js/world')
const { cli, hex } = require('./js/native')
const { blocks, fetchAll, sameBlocks, treeHash } = require('./js/peer')
const { mirrored, writer } = require('./js/steps')

const KEY = Buffer.alloc(32, 5)
const ENCRYPTED = ['--encryption-key', hex(KEY)]

scenario('we pass on what JavaScript encrypted, and read it with the key', async (world) => {
  const list = [...blocks('secret', 12, 50), Buffer.alloc(0)]
  const js = await writer(world, list, { name: 'log', encryption: { key: KEY } })
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  const record = await mirrored(server, js.core)
  assert.strictEqual(record.byteLength, 12 * 50 + 13 * 8)
  const stored = (await server.cli(['get', hex(js.core.key), '3'])).stdout
  assert.deepStrictEqual(stored, await js.core.get(3, { raw: true }))
  await js.peer.disconnect()

  const reader = await world.peer()
  const blind = await reader.core({ key: js.core.key })
  await reader.dial(server.address)
  await blind.update({ wait: true })
  assert.deepStrictEqual(await blind.get(3), stored)
  const copy = reader.store.get({ key: js.core.key, encryption: { key: KEY } })
  await copy.ready()
  sameBlocks(await fetchAll(copy), list)

  assert.deepStrictEqual((await server.cli([...ENCRYPTED, 'get', hex(js.core.key), '3'])).stdout, list[3])
  assert.strictEqual((await server.cli([...ENCRYPTED, 'get', hex(js.core.key), '12'])).stdout.length, 0)
  assert.strictEqual((await server.record(js.core.key)).byteLength, 600)
  const [found] = await server.ask([...ENCRYPTED, 'seek', hex(js.core.key), '123'])
  assert.deepStrictEqual([found.index, found.offset], await js.core.seek(123))
})

scenario('JavaScript reads what we encrypted', async (world) => {
  const storage = world.path()
  const run = async (args, options) => (await world.run(storage, ['--json', ...ENCRYPTED, ...args], options)).json()
  const [{ key }] = await run(['create', 'log'])
  const list = blocks('ours', 9, 33)
  const [appended] = await run(['append', 'name:log', '--block-size', '33'], { input: Buffer.concat(list) })
  assert.deepStrictEqual([appended.length, appended.byteLength], [9, 297])
  const server = await world.serve({ storage })
  const peer = await world.peer()
  const writable = await peer.core({ key: Buffer.from(key, 'hex') })
  await peer.dial(server.address)
  await writable.update({ wait: true })
  const core = peer.store.get({ key: Buffer.from(key, 'hex'), encryption: { key: KEY } })
  await core.ready()
  sameBlocks(await fetchAll(core), list)
  assert.strictEqual(core.byteLength, 297)
  assert.deepStrictEqual(await core.seek(100), [3, 1])
  await server.ask([...ENCRYPTED, 'truncate', key, '4'])
  await server.ask([...ENCRYPTED, 'append', key, '--block-size', '33'], { input: Buffer.concat(blocks('fork', 2, 33)) })
  await core.update({ wait: true })
  while (core.length !== 6 || core.fork !== 1) await new Promise((resolve) => core.once('append', resolve))
  sameBlocks(await fetchAll(core), [...list.slice(0, 4), ...blocks('fork', 2, 33)])
  assert.strictEqual(await treeHash(core), (await server.record(key)).treeHash)
})

scenario('a core whose key is a public key is encrypted as older versions did', async (world) => {
  const Hypercore = require('hypercore')
  const old = new Hypercore(world.path('old'), { encryption: { key: KEY }, compat: true })
  world.defer(() => old.close())
  await old.append(blocks('old', 5, 20))
  assert(old.core.compat)
  const net = require('node:net')
  const socketPath = world.path('socket')
  const listener = net.createServer((socket) => {
    const stream = old.replicate(false)
    socket.on('error', () => {})
    stream.on('error', () => {})
    socket.pipe(stream).pipe(socket)
  })
  await new Promise((resolve) => listener.listen(socketPath, resolve))
  world.defer(() => listener.close())
  const server = await world.serve({ connect: ['unix:' + socketPath], mirror: [old.key] })
  await mirrored(server, old)
  for (let i = 0; i < 5; i++) {
    assert.deepStrictEqual((await server.cli([...ENCRYPTED, 'get', hex(old.key), String(i)])).stdout, blocks('old', 5, 20)[i])
  }
})

scenario('a key that is no key is refused', async (world) => {
  const storage = world.path()
  await world.run(storage, ['create', 'log'])
  for (const key of ['abcd', 'x'.repeat(64)]) {
    assert.strictEqual((await cli(['--storage', storage, '--encryption-key', key, 'append', 'name:log', '--lines'], { input: 'a\n' })).code, 2)
  }
})
