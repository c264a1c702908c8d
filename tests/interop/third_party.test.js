'use strict'

// What we mirrored outlives its writer: a third peer gets it from us, plain cores and the structures above them.

const assert = require('node:assert')
const Hyperbee = require('hyperbee')
const Hyperdrive = require('hyperdrive')
const { scenario } = require('./js/world')
const { blocks, treeHash } = require('./js/peer')
const { mirrored, readAgain, writer } = require('./js/steps')

scenario('a mirrored core is served after its writer has gone', async (world) => {
  const js = await writer(world, blocks('gone', 400, 70))
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  await mirrored(server, js.core)
  const hash = await treeHash(js.core)
  await js.peer.disconnect()
  const copy = await readAgain(world, server, js.core)
  assert.strictEqual(await treeHash(copy), hash)
})

scenario('a mirrored core is served after the writer has gone and we restarted', async (world) => {
  const js = await writer(world, blocks('gone', 100, 70))
  const first = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  await mirrored(first, js.core)
  await js.peer.disconnect()
  await first.stop()
  await readAgain(world, await world.serve({ storage: first.storage }), js.core)
})

scenario('a Hyperbee is read back from our mirror', async (world) => {
  const js = await writer(world, [])
  const options = { keyEncoding: 'utf-8', valueEncoding: 'json' }
  const bee = new Hyperbee(js.core, options)
  await bee.ready()
  const batch = bee.batch()
  for (let i = 0; i < 300; i++) await batch.put('key/' + String(i).padStart(4, '0'), { value: i })
  await batch.flush()
  await bee.del('key/0007')
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  await mirrored(server, js.core)
  await bee.put('later', { value: 'live' })
  await mirrored(server, js.core)
  await js.peer.disconnect()

  const reader = await world.peer()
  const core = await reader.core({ key: js.core.key })
  await reader.dial(server.address)
  await core.update({ wait: true })
  const copy = new Hyperbee(core, options)
  assert.deepStrictEqual((await copy.get('later')).value, { value: 'live' })
  assert.strictEqual(await copy.get('key/0007'), null)
  const found = []
  for await (const entry of copy.createReadStream({ gte: 'key/0100', lt: 'key/0110' })) found.push(entry.value.value)
  assert.deepStrictEqual(found, [100, 101, 102, 103, 104, 105, 106, 107, 108, 109])
})

scenario('a Hyperdrive is read back from our mirror', async (world) => {
  const peer = await world.peer()
  const drive = new Hyperdrive(peer.store)
  await drive.ready()
  const files = { '/readme.txt': Buffer.from('hello'), '/big.bin': Buffer.concat(blocks('big', 5, 200000)), '/a/b.txt': Buffer.from('') }
  for (const [name, bytes] of Object.entries(files)) await drive.put(name, bytes)
  const content = await drive.getBlobs()
  const { address } = await peer.listen()
  const server = await world.serve({ connect: [address], mirror: [drive.key, content.core.key] })
  await mirrored(server, drive.core)
  await mirrored(server, content.core)
  await peer.disconnect()

  const reader = await world.peer()
  const copy = new Hyperdrive(reader.store, drive.key)
  await copy.ready()
  await reader.dial(server.address)
  await copy.update({ wait: true })
  for (const [name, bytes] of Object.entries(files)) {
    const read = await copy.get(name, { timeout: 10000 })
    assert(read !== null && Buffer.compare(read, bytes) === 0, name)
  }
  const names = []
  for await (const entry of copy.list('/')) names.push(entry.key)
  assert.deepStrictEqual(names.sort(), Object.keys(files).sort())
})
