'use strict'

// We read cores that JavaScript wrote: as a mirroring server, and one-off with `corestore replicate`.

const assert = require('node:assert')
const net = require('node:net')
const { scenario, until } = require('./js/world')
const { mirrored, readAgain, writer } = require('./js/steps')
const { Hypercore, crypto, block, blocks, sameBlocks, treeHash } = require('./js/peer')

const MIB = 1024 * 1024

/** Our mirror must equal the JavaScript core: by tree hash, and by the bytes of a stopped store. */
async function compare(world, server, core) {
  const record = await mirrored(server, core)
  assert.strictEqual(record.byteLength, core.byteLength)
  if (core.length > 0) assert.strictEqual(record.treeHash, await treeHash(core))
  await server.stop()
  const key = core.key.toString('hex')
  const out = await world.run(server.storage, ['--json', 'cat', key])
  const expected = []
  for (let i = 0; i < core.length; i++) expected.push(await core.get(i))
  sameBlocks(out.json().map((line) => Buffer.from(line.base64, 'base64')), expected)
  await world.run(server.storage, ['--json', 'verify', key])
}

for (const length of [1, 2, 3]) {
  scenario(`we mirror a JavaScript core of ${length} blocks`, async (world) => {
    const js = await writer(world, blocks('small', length, (i) => 4 + i))
    const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
    await compare(world, server, js.core)
  })
}

scenario('we mirror an empty JavaScript core and what it appends later', async (world) => {
  const js = await writer(world, [])
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  await until(() => js.core.peers.length === 1, 'the channel is open')
  await js.core.append('first')
  await compare(world, server, js.core)
})

scenario('we mirror empty blocks, 1 MiB blocks and one of 15,000,000 bytes', async (world) => {
  const list = [...blocks('e', 5, (i) => [0, 9, 0, 0, 1][i]), ...blocks('l', 6, MIB), block('x', 0, 15000000), Buffer.alloc(0)]
  const js = await writer(world, list)
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  const record = await mirrored(server, js.core)
  assert.strictEqual(record.treeHash, await treeHash(js.core))
  await js.peer.disconnect()
  await readAgain(world, server, js.core)
})

scenario('we mirror a JavaScript core of 100,000 blocks', async (world) => {
  const js = await writer(world, [])
  const list = blocks('many', 100000, 16)
  for (let i = 0; i < list.length; i += 1000) await js.core.append(list.slice(i, i + 1000))
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  const record = await mirrored(server, js.core, 60000)
  assert.strictEqual(record.treeHash, await treeHash(js.core))
  await server.stop()
  const out = await world.run(server.storage, ['cat', js.core.key.toString('hex')])
  assert(Buffer.compare(out.stdout, Buffer.concat(list)) === 0)
}, { seconds: 100 })

scenario('we mirror through a Unix socket', async (world) => {
  const peer = await world.peer()
  const core = await peer.core({ name: 'log' })
  await core.append(blocks('unix', 30, 40))
  const { address } = await peer.listen('unix:' + world.path('socket'))
  const server = await world.serve({ connect: [address], mirror: [core.key], listen: ['off'] })
  await compare(world, server, core)
})

scenario('corestore replicate fetches a core and exits', async (world) => {
  const list = blocks('once', 300, 90)
  const js = await writer(world, list)
  const storage = world.path()
  const key = js.core.key.toString('hex')
  await world.run(storage, ['replicate', js.address, '--key', key, '--timeout', '20000'])
  const out = await world.run(storage, ['--json', 'cat', key])
  sameBlocks(out.json().map((line) => Buffer.from(line.base64, 'base64')), list)
})

scenario('we mirror a core with a manifest of two signers', async (world) => {
  const pairs = [crypto.keyPair(), crypto.keyPair()]
  const manifest = { version: 1, quorum: 2, signers: pairs.map((pair) => ({ publicKey: pair.publicKey })) }
  const js = await writer(world, [], { manifest })
  for (const size of [6, 4, 8]) await appendSigned(js.core, pairs, blocks('multi', 3, size))
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  const record = await mirrored(server, js.core)
  assert.strictEqual(record.treeHash, await treeHash(js.core))
  assert.strictEqual(record.writable, false)
  await js.peer.disconnect()
  await readAgain(world, server, js.core)
})

/** Appends with the signatures of all signers. */
async function appendSigned(core, pairs, list) {
  const batch = core.state.createTreeBatch()
  for (const bytes of list) batch.append(bytes)
  const inputs = pairs.map((pair, signer) => {
    return { signer, signature: crypto.sign(batch.signable(core.key), pair.secretKey), patch: 0, nodes: null }
  })
  await core.append(list, { signature: core.core.verifier.assemble(inputs) })
}

scenario('we mirror a compatibility core, whose key is a public key', async (world) => {
  const pair = crypto.keyPair()
  const compat = new Hypercore(world.path('compat'), { keyPair: pair, compat: true })
  await compat.ready()
  world.defer(() => compat.close())
  assert(compat.key.equals(pair.publicKey))
  await compat.append(blocks('compat', 25, 30))
  const sockets = new Set()
  const listener = net.createServer((socket) => {
    const stream = compat.replicate(false)
    sockets.add(socket)
    stream.on('error', () => {})
    socket.on('error', () => {})
    socket.pipe(stream).pipe(socket)
  })
  world.defer(() => { listener.close(); for (const socket of sockets) socket.destroy() })
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const server = await world.serve({ connect: ['127.0.0.1:' + listener.address().port], mirror: [compat.key] })
  const record = await mirrored(server, compat)
  assert.strictEqual(record.treeHash, await treeHash(compat))
  for (const socket of sockets) socket.destroy()
  await readAgain(world, server, compat)
})

scenario('we mirror a core that was truncated before we met it', async (world) => {
  const js = await writer(world, blocks('before', 12, 20))
  await js.core.truncate(7)
  await js.core.append(blocks('after', 4, 33))
  assert.strictEqual(js.core.fork, 1)
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  const record = await mirrored(server, js.core)
  assert.strictEqual(record.fork, 1)
  await js.peer.disconnect()
  await readAgain(world, server, js.core)
})
