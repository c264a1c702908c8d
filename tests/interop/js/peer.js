'use strict'

// A JavaScript peer: a corestore on disk that dials, listens, and writes down every sign of trouble.

const assert = require('node:assert')
const net = require('node:net')
const Corestore = require('corestore')
const Hypercore = require('hypercore')
const crypto = require('hypercore-crypto')
const { splitPort } = require('./native')

class Peer {
  /** Options: primaryKey (32 bytes); everything else goes to the corestore. */
  constructor(storage, { primaryKey = null, storage: ignored, ...options } = {}) {
    if (primaryKey) options = { ...options, primaryKey, unsafe: true }
    this.store = new Corestore(storage, options)
    this.links = new Set()
    this.servers = new Set()
    this.troubles = [] // forks, failed checks: must stay empty unless a scenario says otherwise
    this.tolerant = false
    this.closing = null
  }

  /** Opens a core and watches it. */
  async core(options) {
    const core = this.store.get(options)
    await core.ready()
    core.on('conflict', (length, fork) => this.troubles.push(`conflict at ${length}, fork ${fork}`))
    core.on('verification-error', (err) => this.troubles.push('verification error: ' + err.message))
    return core
  }

  /**
   * Connects as the initiator. The link has `stream`, `socket`, `errors`, `closed` (promise), close(). Options: keyPair,
   * the Noise keys.
   */
  async dial(address, { keyPair = null } = {}) {
    const socket = connect(address)
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return this._link(socket, true, keyPair)
  }

  /** Accepts on an address; resolves with { address, close() }. */
  async listen(address = '127.0.0.1:0') {
    const server = net.createServer((socket) => this._link(socket, false))
    await new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(where(address), resolve)
    })
    this.servers.add(server)
    const bound = server.address()
    const name = typeof bound === 'string' ? 'unix:' + bound : `127.0.0.1:${bound.port}`
    return { address: name, close: () => this._closeServer(server) }
  }

  /** Ends all connections and stops accepting; the store stays open. */
  async disconnect() {
    for (const server of [...this.servers]) await this._closeServer(server)
    await Promise.all([...this.links].map((link) => link.close()))
  }

  _closeServer(server) {
    this.servers.delete(server)
    return new Promise((resolve) => {
      server.close(resolve)
      for (const link of this.links) link.close()
    })
  }

  _link(socket, isInitiator, keyPair = null) {
    socket.setNoDelay && socket.setNoDelay(true)
    const stream = this.store.replicate(isInitiator, keyPair ? { keyPair } : {})
    const link = { socket, stream, errors: [], close: null, closed: null }
    link.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', (err) => link.errors.push(err))
    stream.on('error', (err) => link.errors.push(err))
    socket.once('close', () => {
      stream.destroy()
      this.links.delete(link)
    })
    stream.once('close', () => socket.destroy())
    link.close = () => {
      stream.destroy()
      socket.destroy()
      return link.closed
    }
    this.links.add(link)
    socket.pipe(stream).pipe(socket)
    return link
  }

  close() {
    if (this.closing === null) this.closing = this._close()
    return this.closing
  }

  async _close() {
    await this.disconnect()
    await this.store.close()
    if (!this.tolerant) assert.deepStrictEqual(this.troubles, [], 'a JavaScript peer met a conflict or a failed check')
  }
}

function where(address) {
  if (address.startsWith('unix:')) return { path: address.slice(5) }
  const [host, port] = splitPort(address)
  return { host, port }
}

function connect(address, options = {}) {
  return net.connect({ ...where(address), ...options })
}

/** Downloads blocks [0, length) and returns them. */
async function fetchAll(core, length = core.length) {
  await core.download({ start: 0, end: length }).done()
  return readLocal(core, length)
}

/** Blocks [0, length) without asking any peer. */
async function readLocal(core, length = core.length) {
  const out = []
  for (let i = 0; i < length; i++) out.push(await core.get(i, { wait: false }))
  return out
}

/** Waits until the core has reached a length (a live update from a peer). */
async function reach(core, length, ms = 15000) {
  if (core.length >= length) return
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(reject, new Error(`length ${core.length}, wanted ${length}`)), ms)
    const onappend = () => core.length >= length && finish(resolve)
    const finish = (settle, value) => {
      clearTimeout(timer)
      core.off('append', onappend)
      settle(value)
    }
    core.on('append', onappend)
    onappend()
  })
}

/** Deterministic block contents: same seed, index and size, same bytes. */
function block(seed, index, size) {
  if (size === 0) return Buffer.alloc(0)
  const head = Buffer.from(`${seed}/${index}/`)
  const out = Buffer.alloc(size)
  const key = crypto.hash(head)
  for (let at = 0; at < size; at += 32) key.copy(out, at)
  head.copy(out, 0, 0, Math.min(head.length, size))
  return out
}

function blocks(seed, count, size, from = 0) {
  const sizes = typeof size === 'function' ? size : () => size
  return Array.from({ length: count }, (unused, i) => block(seed, from + i, sizes(from + i)))
}

/** Compares two lists of blocks without printing megabytes when they differ. */
function sameBlocks(actual, expected) {
  assert.strictEqual(actual.length, expected.length, 'number of blocks')
  for (let i = 0; i < expected.length; i++) {
    assert(actual[i] !== null && Buffer.compare(actual[i], expected[i]) === 0, `block ${i} differs or is missing`)
  }
}

async function treeHash(core) {
  return (await core.treeHash()).toString('hex')
}

module.exports = { Peer, Hypercore, crypto, connect, fetchAll, readLocal, reach, block, blocks, sameBlocks, treeHash }
