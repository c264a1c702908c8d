'use strict'

// Strangers that break the protocol. Each is refused, the server stays small, and an honest reader, busy all the
// time on a connection of its own, notices nothing.

const assert = require('node:assert')
const fs = require('node:fs')
const nodeCrypto = require('node:crypto')
const { scenario, sleep, until, deadline } = require('./js/world')
const { block, blocks, crypto } = require('./js/peer')
const { rawSocket, secure, openChannel, request, sync, uint64 } = require('./js/stranger')

const COUNT = 4000
const SIZE = 200
const GROWTH_MIB_MAX = 160 // JavaScript stand-in included; ours needs far less
const HANDSHAKE_S = 2
const CUT_MS = 8000

/** A server with one core, and an honest JavaScript reader that takes block after block until `fn` is done. */
async function besieged(world, fn) {
  const config = world.path('conf')
  fs.writeFileSync(config, `[replication]\nhandshake-timeout = ${HANDSHAKE_S}s\n`)
  const storage = world.path()
  const whole = Buffer.concat(blocks('siege', COUNT, SIZE))
  await world.run(storage, ['append', 'name:log', '--block-size', String(SIZE), '--batch', '500'], { input: whole })
  const record = (await world.run(storage, ['--json', 'info', 'name:log'])).json()[0]
  const server = await world.serve({ storage, args: ['--config', config] })
  const key = Buffer.from(record.key, 'hex')
  const reader = await world.peer()
  const core = await reader.core({ key })
  const link = await reader.dial(server.address)
  await core.update({ wait: true })
  const before = server.rssMiB()
  const state = { done: false, reads: 0, slowest: 0 }
  const reading = readOn(core, state)
  reading.catch(() => {}) // reported when it is awaited below
  try {
    await fn({ server, key, address: server.address, state })
    const reads = state.reads
    await until(() => state.reads >= reads + 5, 'the honest reader goes on afterwards', 10000)
  } finally {
    state.done = true
    await reading
  }
  assert(!link.socket.destroyed, 'the honest reader lost its connection')
  const growth = server.rssMiB() - before
  assert(growth < GROWTH_MIB_MAX, `the server grew by ${growth.toFixed(1)} MiB`)
}

async function readOn(core, state) {
  for (let i = 0; !state.done && i < COUNT; i++) {
    const begin = Date.now()
    const bytes = await core.get(i, { timeout: 8000 })
    assert(Buffer.compare(bytes, block('siege', i, SIZE)) === 0)
    state.slowest = Math.max(state.slowest, Date.now() - begin)
    state.reads++
    await sleep(10)
  }
}

function cut(socket, what, ms = CUT_MS) {
  return deadline(socket.gone, ms, 'the server hangs up on ' + what)
}

scenario('garbage instead of a handshake, and every such stranger is counted', (world) => besieged(world, async ({ server, address }) => {
  for (let i = 0; i < 20; i++) {
    const socket = await rawSocket(address)
    socket.write(nodeCrypto.randomBytes(1 + 400 * i))
    await cut(socket, 'garbage')
  }
  await until(async () => (await server.ask(['info']))[0].refusals >= 20, 'twenty refusals are counted', CUT_MS)
}))

scenario('garbage in a frame of the right length', (world) => besieged(world, async ({ address }) => {
  const socket = await rawSocket(address)
  socket.write(Buffer.concat([Buffer.from([32, 0, 0]), nodeCrypto.randomBytes(32), Buffer.from([64, 0, 0]), nodeCrypto.randomBytes(64)]))
  await cut(socket, 'a false handshake')
}))

scenario('a handshake that stops half-way', (world) => besieged(world, async ({ address }) => {
  const half = await rawSocket(address)
  half.write(Buffer.from([32, 0, 0, 1, 2, 3]))
  const ended = await rawSocket(address)
  ended.end(Buffer.from([32, 0]))
  const first = await rawSocket(address)
  first.write(Buffer.concat([Buffer.from([32, 0, 0]), crypto.keyPair().publicKey]))
  await until(() => first.received > 0, 'the server answers the first message')
  await Promise.all([cut(half, 'half a message'), cut(ended, 'an early end'), cut(first, 'one message of three')])
}))

scenario('strangers that connect and stay silent', (world) => besieged(world, async ({ address }) => {
  const sockets = []
  for (let i = 0; i < 50; i++) sockets.push(await rawSocket(address))
  await Promise.all(sockets.map((socket) => cut(socket, 'silence')))
}))

scenario('a frame of 16 MiB before the handshake', (world) => besieged(world, async ({ address }) => {
  const sockets = []
  for (let i = 0; i < 20; i++) {
    sockets.push(await rawSocket(address))
    sockets[i].write(Buffer.concat([Buffer.from([255, 255, 255]), Buffer.alloc(65536)]))
  }
  await Promise.all(sockets.map((socket) => cut(socket, 'a huge frame')))
}))

scenario('frames of 16 MiB that never arrive, after the handshake', (world) => besieged(world, async ({ address }) => {
  const peers = await Promise.all(Array.from({ length: 30 }, () => secure(address)))
  for (const peer of peers) peer.socket.write(Buffer.concat([Buffer.from([255, 255, 255]), Buffer.alloc(1000)]))
  await sleep(1000)
  for (const peer of peers) peer.destroy()
}))

scenario('a flipped bit in an encrypted frame', (world) => besieged(world, async ({ address }) => {
  const peer = await secure(address)
  peer.socket.write(Buffer.concat([Buffer.from([40, 0, 0]), nodeCrypto.randomBytes(40)]))
  await cut(peer, 'a forged frame')
}))

scenario('a wrong capability', (world) => besieged(world, async ({ address, key }) => {
  const peer = await secure(address)
  const channel = openChannel(peer, { key, capability: nodeCrypto.randomBytes(32) })
  await Promise.race([cut(peer, 'a wrong capability'), channel.opened])
  channel.send('request', request(1, { block: { index: 0, nodes: 0 } }))
  await cut(peer, 'a wrong capability')
  assert(!channel.inbox.some(([name]) => name === 'data'), 'data went to a stranger who does not know the key')
}))

scenario('an unknown core is rejected and the connection lives on', (world) => besieged(world, async ({ address, key }) => {
  const peer = await secure(address)
  const unknown = openChannel(peer, { key: nodeCrypto.randomBytes(32) })
  assert.strictEqual(await deadline(unknown.opened, 5000, 'the open is answered'), false)
  assert(!peer.socket.destroyed)
  const real = openChannel(peer, { key })
  assert.strictEqual(await deadline(real.opened, 5000, 'the open is answered'), true)
  peer.destroy()
}))

/** What JavaScript answers to a seek alone: Data without any part. */
function isEmpty(name, message) {
  return name === 'data' && !message.block && !message.hash && !message.seek && !message.upgrade
}

scenario('requests far past the end', (world) => besieged(world, async ({ address, key }) => {
  const hostile = [
    { block: { index: COUNT, nodes: 0 } },
    { block: { index: 1e9, nodes: 0 } },
    { block: { index: 2 ** 52, nodes: 0 } },
    { block: { index: 0, nodes: 2 ** 52 } },
    { hash: { index: 2 ** 52, nodes: 0 } },
    { hash: { index: 2 * COUNT + 1, nodes: 60 } },
    { seek: { bytes: 2 ** 52, padding: 0 } },
    { block: { index: 3, nodes: 0 }, seek: { bytes: 2 ** 52, padding: 2 ** 52 } },
    { upgrade: { start: 0, length: 2 ** 52 } },
    { upgrade: { start: COUNT + 5, length: 1 } },
    { upgrade: { start: 2 ** 52, length: 2 ** 52 } }
  ]
  for (const parts of hostile) {
    const peer = await secure(address)
    const channel = openChannel(peer, { key })
    assert.strictEqual(await deadline(channel.opened, 5000, 'the open is answered'), true)
    channel.send('sync', sync(0))
    channel.send('request', request(7, parts))
    const refused = () => peer.socket.destroyed || channel.inbox.some(([name, message]) => name === 'noData' || isEmpty(name, message))
    await until(refused, 'refused: ' + JSON.stringify(parts), CUT_MS)
    assert(channel.inbox.every(([name, message]) => name !== 'data' || isEmpty(name, message)), JSON.stringify(parts))
    peer.destroy()
  }
}))

scenario('other messages with absurd numbers', (world) => besieged(world, async ({ address, key }) => {
  const far = 2 ** 52
  const hostile = [
    ['sync', sync(far)], ['sync', sync(5, { fork: far })], ['sync', sync(5, { remoteLength: far })],
    ['range', { drop: false, start: 0, length: far }], ['range', { drop: false, start: far, length: far }],
    ['range', { drop: true, start: 0, length: far }], ['want', { start: 0, length: far, any: false }],
    ['want', { start: far, length: 32, any: false }], ['unwant', { start: far, length: far, any: false }],
    ['bitfield', { start: far - (far % 32), bitfield: new Uint32Array(1000).fill(0xffffffff) }],
    ['cancel', { request: far }], ['noData', { request: far, reason: 9 }]
  ]
  for (const [name, message] of hostile) {
    const peer = await secure(address)
    const channel = openChannel(peer, { key })
    assert.strictEqual(await deadline(channel.opened, 5000, 'the open is answered'), true)
    channel.send(name, message)
    await sleep(100)
    peer.destroy()
  }
}))

scenario('a flood of opens', (world) => besieged(world, async ({ address }) => {
  const peer = await secure(address)
  let answers = 0
  for (let i = 0; i < 20000 && !peer.socket.destroyed; i++) {
    openChannel(peer, { key: nodeCrypto.randomBytes(32) }).opened.then(() => answers++)
    if (i % 500 === 0) await sleep(5)
  }
  await until(() => peer.socket.destroyed || answers >= 20000, 'all are rejected', 20000)
  peer.destroy()
}), { seconds: 60 })

scenario('a flood of requests from a peer that does not read', (world) => besieged(world, async ({ address, key }) => {
  const peer = await secure(address)
  const channel = openChannel(peer, { key })
  await channel.opened
  channel.send('sync', sync(0))
  peer.socket.pause()
  for (let i = 0; i < 60000 && !peer.socket.destroyed; i++) {
    channel.send('request', request(i + 1, { block: { index: i % COUNT, nodes: 0 }, upgrade: { start: 0, length: COUNT } }))
    if (i % 1000 === 0) await sleep(5)
  }
  await sleep(2000)
  peer.destroy()
}))

/** Opens the core for a stranger who says `length` and answers every request by `answer(channel, message)`. */
async function pretender({ address, key }, parts, answer) {
  const peer = await secure(address)
  const channel = openChannel(peer, { key })
  assert.strictEqual(await deadline(channel.opened, 5000, 'the open is answered'), true)
  channel.requests = []
  channel.onmessage = (name, message) => {
    if (name !== 'request') return
    channel.requests.push(message)
    answer(channel, message)
  }
  channel.send('sync', sync(COUNT + 50, parts))
  return { peer, channel }
}

scenario('numbers of 53 and 64 bits in every field of every message', (world) => besieged(world, async ({ server, address, key }) => {
  const edges = [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 33n]
  const of = (flags, ...numbers) => Buffer.concat([Buffer.from(flags), ...numbers.map(uint64)])
  for (const edge of edges) {
    const hostile = [
      ['sync', of([15], edge, edge, edge)], ['sync', of([15], 0, edge, 0)], ['sync', of([15], edge, 7, 0)],
      ['request', of([1], 1, 0, edge, edge)], ['request', of([2], 1, 0, edge, edge)], ['request', of([4], 1, 0, edge, edge)],
      ['request', of([8], 1, 0, edge, edge)], ['request', of([8], edge, edge, 0, 10)], ['cancel', of([], edge)],
      ['data', of([1], edge, 0, edge)], ['data', of([8], 0, edge, edge, edge)], ['noData', of([], edge)],
      ['want', of([], edge, edge)], ['unwant', of([], edge, edge)], ['range', of([0], edge, edge)], ['range', of([1], edge, edge)],
      ['bitfield', Buffer.concat([uint64(edge), Buffer.from([2]), Buffer.alloc(8, 255)])], ['bitfield', of([], 0, edge)]
    ]
    await Promise.all(hostile.map(async ([name, bytes]) => {
      const peer = await secure(address)
      const channel = openChannel(peer, { key })
      await deadline(channel.opened, 5000, 'the open is answered')
      channel.send(name, bytes)
      await sleep(100)
      peer.destroy()
    }))
  }
  const record = await server.record(key)
  assert.deepStrictEqual([record.length, record.fork, record.contiguousLength], [COUNT, 0, COUNT])
}), { seconds: 90 })

scenario('a peer that says it has more and delivers nothing changes nothing, and is not asked for ever', (world) => besieged(world, async (siege) => {
  const { peer, channel } = await pretender(siege, {}, (it, { id }) => it.send('noData', { request: id, reason: 1 }))
  channel.send('range', { drop: false, start: 0, length: COUNT + 50 })
  channel.send('bitfield', { start: COUNT - (COUNT % 32), bitfield: new Uint32Array(4096).fill(0xffffffff) })
  await sleep(3000)
  assert(channel.requests.length < 40, `${channel.requests.length} requests`)
  assert.strictEqual((await siege.server.record(siege.key)).length, COUNT)
  peer.destroy()
}))

scenario('forks that are announced and not proven change nothing', (world) => besieged(world, async (siege) => {
  const node = (index) => ({ index, size: 10, hash: Buffer.alloc(32, index + 1) })
  const lie = (it, { id, fork }) => it.send('data', {
    request: id, fork, block: null, hash: null, seek: null, manifest: null,
    upgrade: { start: 0, length: 2, nodes: [node(1)], additionalNodes: [], signature: Buffer.alloc(100, 1) }
  })
  const peers = []
  for (const fork of [1, 2, 7, 2 ** 40]) peers.push(await pretender(siege, { fork }, lie))
  await until(() => peers.some(({ channel }) => channel.requests.length > 0), 'one of them is asked')
  await sleep(2000)
  for (const { channel } of peers) assert(channel.requests.length < 40, `${channel.requests.length} requests`)
  const record = await siege.server.record(siege.key)
  assert.deepStrictEqual([record.length, record.fork, record.contiguousLength], [COUNT, 0, COUNT])
  for (const { peer } of peers) peer.destroy()
}))

scenario('wants without end', (world) => besieged(world, async ({ address, key }) => {
  const peer = await secure(address)
  const channel = openChannel(peer, { key })
  await channel.opened
  channel.send('sync', sync(0))
  let answered = 0
  channel.onmessage = (name) => (answered += name === 'bitfield' || name === 'range' ? 1 : 0)
  for (let i = 0; i < 50000 && !peer.socket.destroyed; i++) {
    channel.send('want', { start: (i % 4096) * 32, length: 32 + 32 * (i % 7), any: i % 5 === 0 })
    if (i % 1000 === 0) await sleep(5)
  }
  await until(() => answered > 0 || peer.socket.destroyed, 'some are answered')
  peer.destroy()
}))
