'use strict'

// What the test file of the package that this project descends from asserts (`@andrewosh/corestore-migration` 5.8.2, fifteen
// tests), test by test, with our store as one side or as both. The numbers are those of its order.

const assert = require('node:assert')
const { scenario, until, sleep } = require('./js/world')
const { Api } = require('./js/http')
const { LegacyPeer, append, call, complete, get } = require('./js/legacy_peer')

const NINE = ['--generation', '9']
const hex = (bytes) => bytes.toString('hex')
const text = (...words) => words.map((word) => Buffer.from(word))

async function ours(world, options = {}) {
  const server = await world.serve({ http: '127.0.0.1:0', args: NINE, ...options })
  const api = new Api(server)
  const open = (body) => api.json('POST', '/v1/cores', { ...body })
  const put = async (core, ...words) => {
    for (const word of words) assert.strictEqual((await api.append(core.key, word)).status, 200)
  }
  const record = (core) => api.json('GET', '/v1/cores/' + core.key)
  const block = async (core, index, wait = 0) => {
    const answer = await api.get(`/v1/cores/${core.key}/blocks/${index}?wait=${wait}`)
    return answer.status === 200 ? answer.bytes.toString() : answer.status
  }
  const loaded = async () => (await api.json('GET', '/v1/cores?loaded=true')).cores.map((core) => core.key)
  return { server, api, open, put, record, block, loaded, address: server.address, storage: server.child.spawnargs[2] }
}

async function theirs(world, options) {
  const peer = new LegacyPeer(options)
  world.defer(() => peer.close())
  await peer.store.ready()
  return peer
}

async function ready(core) {
  await call(core, 'ready')
  return core
}

/** The core is there with exactly these blocks. */
async function validate(side, core, words) {
  await until(async () => (await side.record(core)).contiguousLength >= words.length, 'all blocks are here')
  for (let i = 0; i < words.length; i++) assert.strictEqual(await side.block(core, i), words[i])
  assert.strictEqual((await side.record(core)).length, words.length)
}

scenario('1: different get options lead to the same core', async (world) => {
  const peer = await theirs(world, { masterKey: Buffer.alloc(32, 5) })
  const pair = await peer.core({ name: 'pair' })
  const us = await ours(world)
  const core = await us.open({ default: true })
  await us.put(core, 'hello')
  const given = await us.open({ keyPair: { publicKey: hex(pair.key), secretKey: hex(pair.secretKey) } })
  await us.put(given, 'hello')
  for (const one of [core, given]) {
    for (const body of [{ key: one.key }, { discoveryKey: one.discoveryKey }]) {
      const same = await us.open(body)
      assert.deepStrictEqual([same.key, same.length, same.writable], [one.key, 1, true])
    }
  }
  const again = await us.open({ keyPair: { publicKey: hex(pair.key), secretKey: hex(pair.secretKey) } })
  assert.deepStrictEqual([again.key, again.length], [given.key, 1])
})

for (const live of [false, true]) {
  scenario(`2: simple replication, ${live ? 'live' : 'not live'}: ours to JavaScript, JavaScript to ours, ours to ours`, async (world) => {
    const us = await ours(world)
    const [one, two] = [await us.open({ default: true }), await us.open({})]
    await us.put(one, 'hello', 'world')
    await us.put(two, 'cat', 'dog')
    const peer = await theirs(world)
    const three = await ready(peer.store.default(Buffer.from(one.key, 'hex')))
    const four = await peer.core({ key: two.key })
    const link = await peer.dial(us.address, { live })
    await complete(three, 2)
    await complete(four, 2)
    assert.deepStrictEqual([await get(three, 0), await get(three, 1)], text('hello', 'world'))
    assert.deepStrictEqual([await get(four, 0), await get(four, 1)], text('cat', 'dog'))
    if (!live) await link.closed
    assert.deepStrictEqual(link.errors, [])

    const writer = await theirs(world)
    const five = await ready(writer.store.default())
    const six = await writer.core({})
    await append(five, text('hello', 'world'))
    await append(six, text('cat', 'dog'))
    const { address } = await writer.listen({ live })
    const reader = world.path()
    await world.run(reader, ['replicate', address, '--key', hex(five.key), '--key', hex(six.key)])
    for (const [core, words] of [[five, ['hello', 'world']], [six, ['cat', 'dog']]]) {
      assert.strictEqual((await world.run(reader, ['cat', hex(core.key)])).stdout.toString(), words.join(''))
    }

    const own = world.path()
    await world.run(own, ['replicate', us.address + '@9', '--key', one.key, '--key', two.key])
    assert.strictEqual((await world.run(own, ['cat', one.key])).stdout.toString(), 'helloworld')
    assert.strictEqual((await world.run(own, ['cat', two.key])).stdout.toString(), 'catdog')
  })
}

scenario('3: stores with different default cores share the one that both know', async (world) => {
  const us = await ours(world)
  const peer = await theirs(world)
  const [one, two] = [await ready(peer.store.default()), await peer.core({})]
  await append(one, text('cat', 'dog'))
  await append(two, text('unknown there'))
  const own = await us.open({ default: true })
  assert.notStrictEqual(own.key, hex(one.key))
  const shared = await us.open({ key: hex(one.key) })
  const arriving = us.api.json('POST', `/v1/cores/${shared.key}/download`, { start: 0, end: 2, wait: 10000 })
  const link = await peer.dial(us.address, { live: false })
  await arriving
  await link.closed
  await validate(us, shared, ['cat', 'dog'])
  assert.deepStrictEqual(link.errors, [])
})

scenario('4: sparse replication downloads nothing by itself', async (world) => {
  const us = await ours(world)
  const [one, two] = [await us.open({ default: true }), await us.open({})]
  await us.put(one, 'hello', 'world')
  await us.put(two, 'cat', 'dog')
  const peer = await theirs(world, { sparse: true })
  const three = await ready(peer.store.default(Buffer.from(one.key, 'hex')))
  const four = await peer.core({ key: two.key })
  await peer.dial(us.address)
  await sleep(300)
  assert.deepStrictEqual([three.downloaded(), four.downloaded()], [0, 0])
  assert.deepStrictEqual(await get(three, 1), Buffer.from('world'))
  assert.deepStrictEqual(await get(four, 0), Buffer.from('cat'))
  assert.deepStrictEqual([three.downloaded(), four.downloaded()], [1, 1])

  const owner = await theirs(world)
  const log = await ready(owner.store.default())
  await append(log, text('hello', 'world'))
  const seen = await us.open({ key: hex(log.key) })
  const { address } = await owner.listen()
  await us.server.ask(['connect', address])
  assert.strictEqual(await us.block(seen, 1, 10000), 'world')
  assert.strictEqual(await us.block(seen, 0), 404)
})

scenario('5: a core that is opened after the live stream was refused before, and joins it', async (world) => {
  const us = await ours(world)
  const peer = await theirs(world, { sparse: true })
  await ready(peer.store.default())
  const later = await peer.core({})
  await append(later, text('cat', 'dog'))
  await us.open({ default: true })
  const link = await peer.dial(us.address)
  await sleep(300)
  const seen = await us.open({ key: hex(later.key) })
  assert.strictEqual(await us.block(seen, 0, 10000), 'cat')
  const own = await us.open({})
  await us.put(own, 'here')
  const there = await peer.core({ key: own.key })
  assert.deepStrictEqual(await get(there, 0), Buffer.from('here'))
  assert.deepStrictEqual(link.errors, [])
})

scenario('6, 7, 13: a store on disk, closed and reopened: by default, by key, by discovery key', async (world) => {
  const storage = world.path()
  let us = await ours(world, { storage })
  const core = await us.open({ default: true })
  await us.put(core, 'hello', 'world')
  const peer = await theirs(world, { storage: world.path('js') })
  const copy = await ready(peer.store.default({ key: core.key }))
  await peer.dial(us.address)
  await complete(copy, 2)
  await us.server.stop()
  us = await ours(world, { storage })
  const again = await us.open({ default: true })
  assert.deepStrictEqual([again.key, again.length, again.writable], [core.key, 2, true])
  assert.strictEqual(await us.block(again, 1), 'world')
  await us.server.stop()
  us = await ours(world, { storage })
  assert.deepStrictEqual(await us.loaded(), [])
  const found = await us.open({ discoveryKey: core.discoveryKey })
  assert.strictEqual(found.key, core.key)
  assert.deepStrictEqual(await us.loaded(), [core.key])
  assert.strictEqual(await us.block(found, 0), 'hello')
})

scenario('8: a core of a key pair is writable again when it is reopened by its key alone', async (world) => {
  const storage = world.path()
  const pair = await (await theirs(world)).core({})
  let us = await ours(world, { storage })
  const core = await us.open({ keyPair: { publicKey: hex(pair.key), secretKey: hex(pair.secretKey) } })
  await us.put(core, 'hello', 'world')
  await us.server.stop()
  us = await ours(world, { storage })
  const again = await us.open({ key: core.key })
  assert.deepStrictEqual([again.length, again.writable], [2, true])
  await us.put(again, 'more')
  await validate(us, again, ['hello', 'world', 'more'])
})

scenario('9: cores that are made on either side after the live stream replicate', async (world) => {
  const us = await ours(world)
  const peer = await theirs(world)
  const one = await ready(peer.store.default())
  await append(one, text('first'))
  const copy = await us.open({ key: hex(one.key) })
  await peer.dial(us.address)
  await us.api.json('POST', `/v1/cores/${copy.key}/download`, { start: 0, end: 1, wait: 10000 })
  const additional = await peer.core({})
  await append(additional, text('additional'))
  const seen = await us.open({ key: hex(additional.key) })
  assert.strictEqual(await us.block(seen, 0, 10000), 'additional')
  const own = await us.open({ name: 'ours' })
  const there = await peer.core({ key: own.key })
  await us.put(own, 'additional')
  await complete(there, 1)
})

scenario('10, 12: namespaces and nested ones have default cores of their own, and a name is one core everywhere', async (world) => {
  const us = await ours(world)
  const paths = [[], ['a'], ['b'], ['a', 'b'], ['store2:a']]
  const keys = []
  for (const namespace of paths) keys.push((await us.open({ default: true, namespace })).key)
  assert.strictEqual(new Set(keys).size, keys.length)
  const peer = await theirs(world, {})
  await ready(peer.store.namespace('a').default())
  for (const namespace of paths) assert.strictEqual((await us.open({ name: 'foo', namespace })).key, (await us.open({ name: 'foo' })).key)
})

scenario('11, 14: opened many times, a core is loaded once; what is not known is not loaded', async (world) => {
  const us = await ours(world)
  const core = await us.open({ default: true, namespace: ['a'] })
  for (let i = 0; i < 3; i++) assert.strictEqual((await us.open({ key: core.key, namespace: ['b'] })).key, core.key)
  assert.deepStrictEqual(await us.loaded(), [core.key])
  assert.strictEqual((await us.api.get('/v1/cores/' + '5'.repeat(64))).status, 404)
  assert.deepStrictEqual(await us.loaded(), [core.key])
})

scenario('15: the store replicates what was opened in its namespaces', async (world) => {
  const us = await ours(world)
  const core = await us.open({ default: true, namespace: ['a', 'b'] })
  await us.put(core, 'hello')
  const peer = await theirs(world)
  const copy = await peer.core({ key: core.key })
  await peer.dial(us.address)
  await complete(copy, 1)
  const theirsInside = await ready(peer.store.namespace('c').default())
  await append(theirsInside, text('inside'))
  const seen = await us.open({ key: hex(theirsInside.key) })
  assert.strictEqual(await us.block(seen, 0, 10000), 'inside')
})

// -- the wire: what those tests leave out

scenario('extensions of JavaScript do no harm, acknowledgements come, silence is kept alive', async (world) => {
  const us = await ours(world)
  const core = await us.open({ name: 'log' })
  await us.put(core, 'one')
  const peer = await theirs(world)
  const copy = await peer.core({ key: core.key })
  const extension = copy.registerExtension('example', { encoding: 'json', onmessage: () => {} })
  const link = await peer.dial(us.address, { ack: true, timeout: 8000 })
  await complete(copy, 1)
  extension.broadcast({ hello: 'there' })
  extension.broadcast({ large: 'x'.repeat(100000) })
  await sleep(12000) // longer than the reader's patience: what keeps the connection are our keep-alives
  await us.put(core, 'two')
  await complete(copy, 2)
  assert.deepStrictEqual(link.errors, [])
  assert.strictEqual(link.socket.destroyed, false)
})

scenario('a JavaScript side that does not upload, or not download, is taken at its word', async (world) => {
  const us = await ours(world)
  const core = await us.open({ name: 'log' })
  await us.put(core, 'one')
  const silent = await theirs(world)
  const hidden = await ready(silent.store.default())
  await append(hidden, text('hidden'))
  const kept = await silent.core({ key: core.key })
  const link = await silent.dial(us.address, { upload: false, download: false })
  const seen = await us.open({ key: hex(hidden.key) })
  await sleep(500)
  assert.strictEqual(kept.downloaded(), 0)
  assert.strictEqual(await us.block(seen, 0, 500), 404)
  await link.close()
  await silent.dial(us.address)
  await complete(kept, 1)
  assert.strictEqual(await us.block(seen, 0, 10000), 'hidden')
})
