'use strict'

// Generation 9: corestore 5 and hypercore 9 on one side, we on the other, in every role, and both generations at once.

const assert = require('node:assert')
const fs = require('node:fs')
const { scenario, until } = require('./js/world')
const { block, blocks, fetchAll, sameBlocks } = require('./js/peer')
const { LegacyPeer, append, complete, get, readAll } = require('./js/legacy_peer')

const NINE = ['--generation', '9']

function legacyPeer(world, options) {
  const peer = new LegacyPeer(options)
  world.defer(() => peer.close())
  return peer.store.ready().then(() => peer)
}

/** A core of ours in a new store, written by the command line. */
async function written(world, list, { storage = world.path(), name = 'log', batch = '4' } = {}) {
  await world.run(storage, [...NINE, 'create', name])
  if (list.length > 0) {
    const files = list.map((bytes) => {
      const file = world.path('block')
      fs.writeFileSync(file, bytes)
      return file
    })
    await world.run(storage, [...NINE, 'append', 'name:' + name, '--batch', batch, ...files])
  }
  const record = (await world.run(storage, [...NINE, '--json', 'info', 'name:' + name])).json()[0]
  assert.strictEqual(record.generation, 9)
  return { storage, key: Buffer.from(record.key, 'hex'), record }
}

const serve = (world, options) => world.serve({ ...options, args: NINE })

async function mirrors(server, core, length = core.length, ms = 20000) {
  const key = core.key.toString('hex')
  return until(async () => {
    const record = await server.record(key)
    return record.contiguousLength >= length && record.length >= length && record
  }, `the server has ${length} blocks`, ms)
}

scenario('names, namespaces and the default core lead to the keys of JavaScript', async (world) => {
  const storage = world.path()
  const masterKey = Buffer.alloc(32, 7)
  const file = world.path('key')
  fs.writeFileSync(file, masterKey)
  const peer = await legacyPeer(world, { masterKey })
  const record = async (args) => (await world.run(storage, ['--primary-key-file', file, ...NINE, '--json', ...args])).json()[0]
  const named = await peer.core({ name: 'a name' })
  assert.strictEqual((await record(['create', 'a name'])).key, named.key.toString('hex'))
  const inner = peer.store.namespace('a').namespace('b').default()
  const inOurs = await world.run(storage, ['--primary-key-file', file, ...NINE, '--json', '--namespace', 'a', '--namespace',
    'b', 'append', 'default', '--lines'], { input: 'x\n' })
  assert.strictEqual(inOurs.json()[0].length, 1)
  const ours = (await record(['--namespace', 'a', '--namespace', 'b', 'info', 'default'])).key
  await new Promise((resolve) => inner.ready(resolve))
  assert.strictEqual(ours, inner.key.toString('hex'))
})

for (const length of [1, 2, 3, 13, 200]) {
  scenario(`JavaScript reads our core of ${length} blocks`, async (world) => {
    const list = blocks('small', length, (i) => (i * 37) % 300)
    const { storage, key } = await written(world, list, { batch: '7' })
    const server = await serve(world, { storage })
    const peer = await legacyPeer(world)
    const core = await peer.core({ key })
    const link = await peer.dial(server.address)
    await complete(core, length)
    sameBlocks(await readAll(core, length), list)
    assert.deepStrictEqual(link.errors, [])
  })
}

scenario('JavaScript follows what we append', async (world) => {
  const { storage, key } = await written(world, [])
  const server = await serve(world, { storage })
  const peer = await legacyPeer(world)
  const core = await peer.core({ key })
  await peer.dial(server.address)
  const list = blocks('live', 24, 25)
  for (let i = 0; i < list.length; i += 3) {
    await server.append(key.toString('hex'), list.slice(i, i + 3))
    await complete(core, i + 3)
  }
  sameBlocks(await readAll(core), list)
})

scenario('a connection of JavaScript that is not live ends when it has everything', async (world) => {
  const list = blocks('once', 20, 30)
  const { storage, key } = await written(world, list)
  const server = await serve(world, { storage })
  const peer = await legacyPeer(world)
  const core = await peer.core({ key })
  const link = await peer.dial(server.address, { live: false })
  await complete(core, list.length)
  await link.closed
  assert.deepStrictEqual(link.errors, [])
})

scenario('a sparse reader of JavaScript gets the blocks that it asks for', async (world) => {
  const list = blocks('sparse', 50, 30)
  const { storage, key } = await written(world, list)
  const server = await serve(world, { storage })
  const peer = await legacyPeer(world, { sparse: true })
  const core = await peer.core({ key })
  await peer.dial(server.address)
  for (const index of [41, 3, 17, 42]) assert.deepStrictEqual(await get(core, index), list[index])
  assert.strictEqual(core.downloaded(), 4)
})

scenario('a server of generation 10 mirrors a core of generation 9 that is named so, also after a first try without', async (world) => {
  const peer = await legacyPeer(world)
  const core = await peer.core({ name: 'theirs' })
  const list = blocks('theirs', 20, 30)
  await append(core, list)
  const { address } = await peer.listen()
  const key = core.key.toString('hex')
  const guessed = await world.serve({ connect: [address], mirror: [core.key] })
  assert.strictEqual((await guessed.record(core.key)).generation, 10)
  await guessed.stop()
  const server = await world.serve({
    storage: guessed.storage,
    connect: [address],
    args: ['--mirror', key + '@9']
  })
  await mirrors(server, core)
  assert.strictEqual((await server.record(core.key)).generation, 9)
})

for (const length of [1, 3, 150]) {
  scenario(`we mirror a JavaScript core of ${length} blocks, and what it appends`, async (world) => {
    const peer = await legacyPeer(world)
    const core = await peer.core({ name: 'theirs' })
    const list = blocks('theirs', length + 5, (i) => (i * 53) % 400)
    await append(core, list.slice(0, length))
    const { address } = await peer.listen()
    const server = await serve(world, { connect: [address], mirror: [core.key] })
    await mirrors(server, core)
    for (const one of list.slice(length)) await append(core, one)
    await mirrors(server, core, list.length)
    await server.stop()
    const out = await world.run(server.storage, ['--json', 'cat', core.key.toString('hex')])
    sameBlocks(out.json().map((line) => Buffer.from(line.base64, 'base64')), list)
    await world.run(server.storage, ['verify', core.key.toString('hex')])
  })
}

scenario('we fetch once from JavaScript, without a server', async (world) => {
  const peer = await legacyPeer(world)
  const core = await peer.core({ name: 'theirs' })
  const list = blocks('once', 33, 100)
  await append(core, list)
  const { address } = await peer.listen()
  const storage = world.path()
  await world.run(storage, ['replicate', address, '--key', core.key.toString('hex')])
  const out = await world.run(storage, ['--json', 'cat', core.key.toString('hex')])
  sameBlocks(out.json().map((line) => Buffer.from(line.base64, 'base64')), list)
})

scenario('several cores share a connection, and one that we do not know is refused', async (world) => {
  const storage = world.path()
  const lists = [blocks('a', 5, 10), blocks('b', 9, 20), blocks('c', 1, 5)]
  const keys = []
  for (const [i, list] of lists.entries()) keys.push((await written(world, list, { storage, name: 'log' + i })).key)
  const server = await serve(world, { storage })
  const peer = await legacyPeer(world)
  const unknown = await peer.core({ name: 'only theirs' })
  await append(unknown, 'x')
  const cores = []
  for (const key of keys) cores.push(await peer.core({ key }))
  const link = await peer.dial(server.address)
  for (const [i, core] of cores.entries()) {
    await complete(core, lists[i].length)
    sameBlocks(await readAll(core), lists[i])
  }
  const later = await written(world, [], { storage: world.path(), name: 'later' })
  const stranger = await peer.core({ key: later.key }) // opened after the stream, and unknown to the server
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.strictEqual(stranger.length, 0)
  assert.deepStrictEqual(link.errors, [])
  assert.strictEqual(link.stream.destroyed, false)
})

scenario('we hand a JavaScript core on to a third party after its writer has left', async (world) => {
  const writer = await legacyPeer(world)
  const core = await writer.core({ name: 'theirs' })
  const list = blocks('passed on', 40, 60)
  for (let i = 0; i < list.length; i += 7) await append(core, list.slice(i, i + 7))
  const { address } = await writer.listen()
  const server = await serve(world, { connect: [address], mirror: [core.key] })
  await mirrors(server, core)
  await writer.close()
  const reader = await legacyPeer(world)
  const copy = await reader.core({ key: core.key })
  await reader.dial(server.address)
  await complete(copy, list.length)
  sameBlocks(await readAll(copy), list)
})

scenario('a server that restarts goes on where it was, and the reader with it', async (world) => {
  const list = blocks('restart', 12, 40)
  const { storage, key } = await written(world, list)
  const first = await serve(world, { storage })
  const peer = await legacyPeer(world, { storage: world.path('js') })
  const core = await peer.core({ key })
  await peer.dial(first.address)
  await complete(core, list.length)
  await first.stop()
  const second = await serve(world, { storage })
  await second.append(key.toString('hex'), [block('restart', 12, 40)])
  await peer.dial(second.address)
  await complete(core, 13)
})

scenario('both generations are served at once on one port', async (world) => {
  const storage = world.path()
  const previous = blocks('nine', 20, 30)
  const current = blocks('ten', 20, 30)
  const nine = await written(world, previous, { storage, name: 'nine' })
  const file = world.path('lines')
  await world.run(storage, ['create', 'ten'])
  for (const [i, bytes] of current.entries()) fs.writeFileSync(file + i, bytes)
  await world.run(storage, ['append', 'name:ten', ...current.map((unused, i) => file + i)])
  const ten = (await world.run(storage, ['--json', 'info', 'name:ten'])).json()[0]
  assert.strictEqual(ten.generation, 10)
  const server = await world.serve({ storage })
  const old = await legacyPeer(world)
  const young = await world.peer()
  const copies = [await old.core({ key: nine.key }), await young.core({ key: Buffer.from(ten.key, 'hex') })]
  await Promise.all([old.dial(server.address), young.dial(server.address)])
  await complete(copies[0], previous.length)
  sameBlocks(await readAll(copies[0]), previous)
  await copies[1].update({ wait: true })
  sameBlocks(await fetchAll(copies[1], current.length), current)
})
