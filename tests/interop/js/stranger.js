'use strict'

// A peer that is driven by hand: raw bytes, or messages of its own making on a real secret stream.

const SecretStream = require('@hyperswarm/secret-stream')
const Protomux = require('protomux')
const crypto = require('hypercore-crypto')
const { wire } = require('hypercore/lib/messages')
const caps = require('hypercore/lib/caps')
const { connect } = require('./peer')

const MESSAGES = ['sync', 'request', 'cancel', 'data', 'noData', 'want', 'unwant', 'bitfield', 'range', 'extension']

/** A plain socket; `received` counts bytes, `gone` resolves when the other side is done with us. */
async function rawSocket(address, options = {}) {
  const socket = connect(address, options)
  socket.received = 0
  socket.on('data', (data) => (socket.received += data.length))
  socket.on('error', () => {})
  socket.gone = new Promise((resolve) => socket.once('close', resolve))
  socket.on('end', () => socket.destroy())
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('close', reject))
  return socket
}

/** A finished handshake: { socket, stream, mux, gone, destroy() }. Options: keyPair, the Noise keys. */
async function secure(address, { keyPair = null } = {}) {
  const socket = connect(address)
  socket.on('error', () => {})
  const stream = new SecretStream(true, null, keyPair ? { keyPair } : {})
  stream.on('error', () => {})
  stream.setMaxListeners(0)
  const mux = new Protomux(stream)
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.once('close', () => stream.destroy())
  socket.pipe(stream.rawStream).pipe(socket)
  if (!(await stream.opened)) throw new Error('the handshake failed')
  return { socket, stream, mux, gone, destroy: () => socket.destroy() }
}

/**
 * Opens a hypercore channel. `capability` overrides the right one. The answer has send(name, message), `inbox`
 * (messages as [name, message]), `opened` (promise: true, or false when it was rejected or cut).
 */
function openChannel(peer, { key = null, discoveryKey = null, capability = null }) {
  const { mux, stream } = peer
  const channel = { inbox: [], senders: {}, count: 0, opened: null, channel: null, onmessage: null }
  let settle
  channel.opened = new Promise((resolve) => (settle = resolve))
  stream.once('close', () => settle(false))
  const it = mux.createChannel({
    protocol: 'hypercore/alpha',
    id: discoveryKey || crypto.discoveryKey(key),
    handshake: wire.handshake,
    onopen: () => settle(true),
    onclose: () => settle(false)
  })
  for (const name of MESSAGES) {
    channel.senders[name] = it.addMessage({
      encoding: rawOr(wire[name]),
      onmessage: (message) => {
        channel.count++
        if (channel.inbox.length < 1000) channel.inbox.push([name, message])
        if (channel.onmessage) channel.onmessage(name, message)
      }
    })
  }
  const right = () => caps.replicate(true, key, stream.handshakeHash)
  it.open({ seeks: true, capability: capability || right() })
  channel.channel = it
  channel.send = (name, message) => channel.senders[name].send(message)
  return channel
}

/** A Buffer travels as it is, whatever the message; anything else as the protocol says. */
function rawOr(encoding) {
  return {
    preencode: (state, message) => (Buffer.isBuffer(message) ? (state.end += message.length) : encoding.preencode(state, message)),
    encode: (state, message) => {
      if (!Buffer.isBuffer(message)) return encoding.encode(state, message)
      state.buffer.set(message, state.start)
      state.start += message.length
    },
    decode: (state) => encoding.decode(state)
  }
}

/** A number of 64 bits as compact encoding writes it: JavaScript has no exact ones above 2^53. */
function uint64(value) {
  const out = Buffer.alloc(9, 255)
  out.writeBigUInt64LE(BigInt(value), 1)
  return out
}

function request(id, parts) {
  return { id, fork: 0, block: null, hash: null, seek: null, upgrade: null, manifest: false, priority: 0, ...parts }
}

function sync(length, parts = {}) {
  const flags = { canUpgrade: true, uploading: true, downloading: true, hasManifest: false, allowPush: false }
  return { fork: 0, length, remoteLength: 0, ...flags, ...parts }
}

/**
 * Rewrites Data messages of the JavaScript peers in this process: fn(message) returns the message to send.
 * Returns a function that ends it.
 */
function tamper(fn) {
  const { preencode, encode } = wire.data
  const rewritten = new WeakMap()
  const of = (message) => {
    if (!rewritten.has(message)) rewritten.set(message, fn(message))
    return rewritten.get(message)
  }
  wire.data.preencode = (state, message) => preencode(state, of(message))
  wire.data.encode = (state, message) => encode(state, of(message))
  return () => Object.assign(wire.data, { preencode, encode })
}

module.exports = { rawSocket, secure, openChannel, request, sync, tamper, uint64 }
