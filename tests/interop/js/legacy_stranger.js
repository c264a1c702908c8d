'use strict'

// A peer of generation 9 that is driven by hand: frames of its own making on a real connection of hypercore-protocol.

const path = require('node:path')
const { createRequire } = require('node:module')
const { connect } = require('./peer')

const load = createRequire(path.join(__dirname, '..', 'legacy', 'package.json'))
const Protocol = load('hypercore-protocol')
const crypto = load('hypercore-crypto')

/** A finished handshake: { socket, stream, gone, destroy(), raw(bytes) }. Everything is encrypted, `raw` too. */
async function secure(address) {
  const socket = connect(address)
  socket.on('error', () => {})
  const stream = new Protocol(true, { live: true, timeout: false })
  stream.on('error', () => {})
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.once('close', () => stream.destroy())
  socket.pipe(stream).pipe(socket)
  await new Promise((resolve, reject) => {
    stream.once('handshake', resolve)
    stream.once('close', () => reject(new Error('the handshake failed')))
  })
  await new Promise((resolve) => setImmediate(resolve)) // the keys are in use only after the event
  const raw = (bytes) => stream.push(stream.state._encryption.encrypt(Buffer.from(bytes)))
  return { socket, stream, gone, raw, destroy: () => socket.destroy() }
}

/**
 * Opens a core. `capability` overrides the right one; null leaves it out. The answer has `send(name, message)`, `inbox`
 * (messages as [name, message]), `opened` (promise: true once the other side has opened it too, false when it was refused or cut).
 */
function openChannel(peer, { key, capability }) {
  const { stream } = peer
  const discoveryKey = crypto.discoveryKey(key)
  const channel = { inbox: [], opened: null, send: null }
  let settle
  channel.opened = new Promise((resolve) => (settle = resolve))
  stream.once('close', () => settle(false))
  const ch = stream.channelizer.createChannel(discoveryKey)
  ch.key = key
  stream.channelizer.attachLocal(ch)
  ch.handlers = { onopen: () => settle(true), onclose: () => settle(false) }
  for (const name of ['options', 'status', 'have', 'unhave', 'want', 'unwant', 'request', 'cancel', 'data']) {
    ch.handlers['on' + name] = (message) => channel.inbox.push([name, message])
  }
  const id = ch.localId
  channel.id = id
  stream.state.open(id, capability === undefined ? { key, discoveryKey } : { discoveryKey, capability })
  channel.send = (name, message) => stream.state[name](id, message)
  return channel
}

// -- frames by hand

/** A number in seven bits a byte, of any size. */
function varint(value) {
  const out = []
  for (let left = BigInt(value); ; left >>= 7n) {
    const more = left > 127n
    out.push(Number(left & 127n) | (more ? 128 : 0))
    if (!more) return Buffer.from(out)
  }
}

const integer = (number, value) => Buffer.concat([varint(number << 3), varint(value)])
const text = (number, content) => Buffer.concat([varint((number << 3) | 2), varint(content.length), Buffer.from(content)])

/** A whole frame: its length, channel and type, and the body. */
function frame(channel, type, ...parts) {
  const body = Buffer.concat([varint((channel << 4) | type), ...parts])
  return Buffer.concat([varint(body.length), body])
}

module.exports = { secure, openChannel, frame, integer, text, varint, crypto }
