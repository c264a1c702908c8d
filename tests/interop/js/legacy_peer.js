'use strict'

// A JavaScript peer of generation 9: corestore 5 over hypercore 9, from the package folder of its own. Promises around
// its callbacks, and every error of a stream or core kept.

const assert = require('node:assert')
const net = require('node:net')
const path = require('node:path')
const { createRequire } = require('node:module')
const { splitPort } = require('./native')

const load = createRequire(path.join(__dirname, '..', 'legacy', 'package.json'))
const Corestore = load('@andrewosh/corestore-migration')
const ram = load('random-access-memory')

const READ_MS = 15000

/** Calls target[name](...args, callback) and resolves with the callback's value. */
function call(target, name, ...args) {
  return new Promise((resolve, reject) => {
    target[name](...args, (err, value) => (err ? reject(err) : resolve(value)))
  })
}

class LegacyPeer {
  /** Options: storage (a folder; memory when absent), masterKey, and those of the corestore (sparse ...). */
  constructor({ storage = null, ...options } = {}) {
    this.store = new Corestore(storage || ram, options)
    this.links = new Set()
    this.servers = new Set()
    this.troubles = []
    this.tolerant = false
    this.closing = null
  }

  /** Opens a core; `core` is the reference's object. */
  async core(options) {
    const core = this.store.get(options)
    core.on('error', (err) => this.troubles.push(err.message))
    await call(core, 'ready')
    return core
  }

  async dial(address, options) {
    const [host, port] = splitPort(address)
    const socket = net.connect({ host, port })
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return this._link(socket, true, options)
  }

  async listen(options) {
    const server = net.createServer((socket) => this._link(socket, false, options))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.servers.add(server)
    return { address: `127.0.0.1:${server.address().port}@9` }
  }

  async disconnect() {
    for (const server of this.servers) server.close()
    this.servers.clear()
    await Promise.all([...this.links].map((link) => link.close()))
  }

  _link(socket, isInitiator, options) {
    socket.setNoDelay(true)
    const stream = this.store.replicate(isInitiator, { live: true, ...options })
    const link = { socket, stream, errors: [], ended: null, closed: null }
    link.closed = new Promise((resolve) => socket.once('close', resolve))
    link.close = () => {
      stream.destroy()
      socket.destroy()
      return link.closed
    }
    socket.on('error', (err) => link.errors.push(err.message))
    stream.on('error', (err) => link.errors.push(err.message))
    socket.once('close', () => {
      stream.destroy()
      this.links.delete(link)
    })
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
    await new Promise((resolve) => this.store.close(resolve))
    if (!this.tolerant) assert.deepStrictEqual(this.troubles, [], 'a JavaScript peer of generation 9 met an error')
  }
}

const get = (core, index) => call(core, 'get', index, { timeout: READ_MS })
const append = (core, list) => call(core, 'append', list)

/** Waits until every block of [0, length) is stored. */
async function complete(core, length, ms = 20000) {
  const end = Date.now() + ms
  while (core.length < length || core.downloaded(0, length) < length) {
    if (Date.now() > end) throw new Error(`${core.downloaded()} of ${length} blocks after ${ms} ms, length ${core.length}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function readAll(core, length = core.length) {
  const out = []
  for (let i = 0; i < length; i++) out.push(await get(core, i))
  return out
}

module.exports = { LegacyPeer, append, call, complete, get, readAll }
