'use strict'

// Strangers that break the protocol of generation 9. Each is refused and counted, and an honest reader of hypercore 9, busy all
// the time on a connection of its own, notices nothing.

const assert = require('node:assert')
const nodeCrypto = require('node:crypto')
const { scenario, sleep, until, deadline } = require('./js/world')
const { block, blocks } = require('./js/peer')
const { LegacyPeer, append, call, get } = require('./js/legacy_peer')
const { secure, openChannel, frame, integer, text, varint } = require('./js/legacy_stranger')

const NINE = ['--generation', '9']
const COUNT = 3000
const SIZE = 100
const CUT_MS = 8000
const REQUEST = 7
const DATA = 9

/** A server with one core, and an honest reader that takes block after block until `fn` is done. */
async function besieged(world, fn) {
  const storage = world.path()
  const whole = Buffer.concat(blocks('siege', COUNT, SIZE))
  await world.run(storage, [...NINE, 'append', 'name:log', '--block-size', String(SIZE), '--batch', '500'], { input: whole })
  await world.run(storage, [...NINE, 'append', 'name:second', '--lines'], { input: 'hidden\n' })
  const keyOf = async (name) => Buffer.from((await world.run(storage, [...NINE, '--json', 'info', name])).json()[0].key, 'hex')
  const [key, second] = [await keyOf('name:log'), await keyOf('name:second')]
  const server = await world.serve({ storage, args: NINE })
  const reader = new LegacyPeer({ sparse: true })
  world.defer(() => reader.close())
  await reader.store.ready()
  const core = await reader.core({ key })
  const link = await reader.dial(server.address)
  const state = { done: false, reads: 0 }
  const reading = readOn(core, state)
  reading.catch(() => {}) // reported when it is awaited below
  try {
    await until(() => state.reads > 0, 'the honest reader begins')
    await fn({ server, key, second, address: server.address, refusals: async () => (await server.ask(['info']))[0].refusals })
    const reads = state.reads
    await until(() => state.reads >= reads + 5, 'the honest reader goes on afterwards', 10000)
  } finally {
    state.done = true
    await reading
  }
  assert.deepStrictEqual(link.errors, [])
  assert(!link.socket.destroyed, 'the honest reader lost its connection')
}

async function readOn(core, state) {
  for (let i = 0; !state.done && i < COUNT; i++) {
    assert.deepStrictEqual(await get(core, i), block('siege', i, SIZE))
    state.reads++
    await sleep(10)
  }
}

const cut = (peer, what) => deadline(peer.gone, CUT_MS, 'the server hangs up on ' + what)
const answered = (channel, index) => until(() => channel.inbox.some(([name, message]) => name === 'data' && message.index === index),
  'block ' + index + ' arrives')

scenario('a core that is opened with a wrong capability is refused and counted; the connection and its other cores live on', (world) =>
  besieged(world, async ({ key, second, address, refusals }) => {
    const peer = await secure(address)
    const good = openChannel(peer, { key })
    assert.strictEqual(await deadline(good.opened, CUT_MS, 'the right one is opened'), true)
    const wrong = [nodeCrypto.randomBytes(32), null, nodeCrypto.randomBytes(31), Buffer.alloc(0)]
    for (const [i, capability] of wrong.entries()) {
      const channel = openChannel(peer, { key: second, capability })
      channel.send('want', { start: 0, length: 8192 })
      channel.send('request', { index: 0 })
      assert.strictEqual(await deadline(channel.opened, CUT_MS, 'the wrong one is refused'), false)
      assert.deepStrictEqual(channel.inbox, [])
      await until(async () => (await refusals()) === i + 1, i + 1 + ' refusals are counted', CUT_MS)
    }
    good.send('request', { index: 7 })
    await answered(good, 7)
    const right = openChannel(peer, { key: second })
    assert.strictEqual(await deadline(right.opened, CUT_MS, 'with the right capability it is opened'), true)
    right.send('request', { index: 0 })
    await answered(right, 0)
    assert(!peer.socket.destroyed)
    peer.destroy()
  }))

scenario('a wrong capability for a core that the server opened first ends the connection, and is counted', (world) =>
  besieged(world, async ({ server, key, address, refusals }) => {
    await server.ask(['mirror', key.toString('hex')])
    const peer = await secure(address)
    const channel = openChannel(peer, { key, capability: nodeCrypto.randomBytes(32) })
    channel.send('request', { index: 0 })
    await cut(peer, 'a wrong capability')
    assert(!channel.inbox.some(([name]) => name === 'data'))
    await until(async () => (await refusals()) === 1, 'it is counted', CUT_MS)
  }))

scenario('a core that nobody knows is refused without a count', (world) => besieged(world, async ({ key, address, refusals }) => {
  const peer = await secure(address)
  const unknown = openChannel(peer, { key: nodeCrypto.randomBytes(32) })
  assert.strictEqual(await deadline(unknown.opened, CUT_MS, 'it is answered'), false)
  const real = openChannel(peer, { key })
  assert.strictEqual(await deadline(real.opened, CUT_MS, 'the real one is opened'), true)
  assert.strictEqual(await refusals(), 0)
  peer.destroy()
}))

scenario('fields that nobody knows and fields that come again do no harm', (world) => besieged(world, async ({ key, address }) => {
  const peer = await secure(address)
  const channel = openChannel(peer, { key })
  assert.strictEqual(await deadline(channel.opened, CUT_MS, 'it is opened'), true)
  peer.raw(frame(channel.id, REQUEST, integer(30, 5), integer(1, 3), text(9, 'unknown'), Buffer.from([(8 << 3) | 5, 1, 2, 3, 4])))
  await answered(channel, 3)
  peer.raw(frame(channel.id, REQUEST, integer(1, 2999999), integer(1, 4)))
  await answered(channel, 4)
  peer.raw(frame(channel.id, 12, Buffer.alloc(1000, 255))) // a type that nobody knows
  peer.raw(frame(0, 1, text(1, 'an extension'), text(1, 'an extension')))
  peer.raw(frame(99, REQUEST, integer(1, 5))) // on a channel that is not open
  channel.send('request', { index: 6 })
  await answered(channel, 6)
  assert(!channel.inbox.some(([name, message]) => name === 'data' && message.index === 5))
  peer.destroy()
}))

scenario('what cannot be a message ends its connection alone, and is counted', (world) =>
  besieged(world, async ({ key, address, refusals }) => {
    const huge = [
      ['a frame of 4 GiB', Buffer.concat([varint(1n << 32n), Buffer.alloc(1000)])],
      ['a length that does not end', Buffer.alloc(40, 255)],
      ['a header that does not end', Buffer.concat([varint(20), Buffer.alloc(20, 255)])],
      ['an index of 53 bits and more', frame(1, REQUEST, integer(1, 1n << 53n))],
      ['an index of 64 bits', frame(1, REQUEST, integer(1, (1n << 64n) - 1n))],
      ['a field that is longer than its message', frame(1, DATA, integer(1, 1), varint((2 << 3) | 2), varint(1 << 30), Buffer.alloc(9))],
      ['a discovery key of 31 bytes', frame(2, 0, text(1, Buffer.alloc(31)))],
      ['an index that is text', frame(1, REQUEST, text(1, '5'))],
      ['no index', frame(1, REQUEST)],
      ['a core that is opened twice', frame(1, 0, text(1, Buffer.alloc(32, 1)))],
      ['garbage', nodeCrypto.createHash('sha512').update('garbage').digest()]
    ]
    for (const [i, [what, bytes]] of huge.entries()) {
      const peer = await secure(address)
      const channel = openChannel(peer, { key })
      assert.strictEqual(await deadline(channel.opened, CUT_MS, 'it is opened'), true)
      assert.strictEqual(channel.id, 1)
      peer.raw(bytes)
      if (what === 'garbage') peer.raw(Buffer.alloc(64, 255))
      await cut(peer, what)
      await until(async () => (await refusals()) === i + 1, what + ' is counted', CUT_MS)
    }
  }))

scenario('the largest numbers that can be said, in every field of every message, change nothing', (world) =>
  besieged(world, async ({ server, key, address }) => {
    const most = Number.MAX_SAFE_INTEGER
    const before = await server.record(key)
    const peer = await secure(address)
    const channel = openChannel(peer, { key })
    assert.strictEqual(await deadline(channel.opened, CUT_MS, 'it is opened'), true)
    for (const n of [COUNT, 2 ** 31, 2 ** 32, 2 ** 45, most]) {
      channel.send('have', { start: n, length: 1 })
      channel.send('have', { start: 0, length: n })
      channel.send('have', { start: n, length: n, bitfield: Buffer.alloc(200, 255) })
      channel.send('unhave', { start: n, length: n })
      channel.send('want', { start: n, length: n })
      channel.send('want', { start: 0, length: n })
      channel.send('unwant', { start: n, length: n })
      channel.send('request', { index: n, bytes: 0, hash: false, nodes: n })
      channel.send('request', { index: 1, bytes: n, hash: true, nodes: n })
      channel.send('cancel', { index: n, bytes: n, hash: true })
    }
    await sleep(500)
    assert.strictEqual((await server.record(key)).length, before.length)
    const other = await secure(address)
    const again = openChannel(other, { key })
    assert.strictEqual(await deadline(again.opened, CUT_MS, 'another is opened'), true)
    again.send('request', { index: 11 })
    await answered(again, 11)
    for (const one of [peer, other]) one.destroy()
  }))

/** A writer of hypercore 9 whose answers are changed by `fn(message)` before they leave. */
async function lying(world, count, fn) {
  const peer = new LegacyPeer()
  world.defer(() => peer.close())
  await peer.store.ready()
  const core = await peer.core({ name: 'log' })
  await append(core, blocks('lies', count, SIZE))
  const { address } = await peer.listen()
  return { peer, core, address, tell: (link) => tamper(link.stream, fn) }
}

function tamper(stream, fn) {
  const { data } = stream.state
  stream.state.data = function (id, message) {
    return data.call(this, id, fn(message))
  }
}

for (const [what, fn] of [
  ['a block that is another one', (message) => ({ ...message, value: Buffer.from('another one') })],
  ['a node that is wrong', (message) => ({ ...message, nodes: message.nodes.map((node, i) => (i ? node : { ...node, hash: Buffer.alloc(32, 7) })) })],
  ['a signature that does not match', (message) => ({ ...message, signature: message.signature && Buffer.alloc(64, 7) })],
  ['no proof at all', (message) => ({ ...message, nodes: [], signature: null })]
]) {
  scenario(`${what}: not stored, counted, and an honest peer brings the right one`, async (world) => {
    const liar = await lying(world, 5, fn)
    const server = await world.serve({ args: NINE, mirror: [liar.core.key] })
    const key = liar.core.key.toString('hex')
    const copy = new LegacyPeer()
    world.defer(() => copy.close())
    await copy.store.ready()
    const honest = await copy.core({ key: liar.core.key })
    await copy.dial(liar.address.replace('@9', ''))
    await until(() => honest.downloaded(0, 5) === 5, 'the honest peer has it')
    const link = await liar.peer.dial(server.address)
    liar.tell(link)
    await until(async () => (await server.ask(['info']))[0].refusals > 0 || link.socket.destroyed, 'the lie is noticed')
    assert.strictEqual((await server.record(key)).contiguousLength, 0)
    await link.close()
    await copy.dial(server.address)
    await until(async () => (await server.record(key)).contiguousLength === 5, 'the right blocks come')
    await call(honest, 'get', 4)
    await server.stop()
    await world.run(server.storage, ['verify', key])
  })
}
