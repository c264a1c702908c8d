'use strict'

// One peer of a history, native or JavaScript, behind the same few verbs. A peer keeps its store over many histories.

const net = require('node:net')
const { createRequire } = require('node:module')
const path = require('node:path')

const interop = createRequire(path.join(__dirname, '..', 'interop', 'package.json'))
const Corestore = interop('corestore')
const crypto = interop('hypercore-crypto')

const REDIAL_MS = 10

class NativeNode {
  constructor(name, driver, folder, primary) {
    this.name = name
    this.isNative = true
    this.driver = driver
    this.options = { store: name, path: path.join(folder, name), primary: primary.toString('hex') }
    this.port = 0
    this.core = null
    this.dialled = new Set()
  }

  async start() {
    this.port = (await this.driver.ask({ do: 'start', ...this.options, port: this.port })).port
  }

  async stop() {
    await this.driver.ask({ do: 'stop', store: this.name })
  }

  async open(core, key = null) {
    this.core = core
    this.key = key
    return Buffer.from((await this._ask('open', key ? { key: key.toString('hex') } : { name: core })).key, 'hex')
  }

  async restart() {
    await this.stop()
    await this.start()
    if (this.core) await this.open(this.core, this.key)
    for (const port of this.dialled) await this._ask('dial', { port })
  }

  async close() {
    for (const port of this.dialled) await this.hangUp(port)
    this.core = null
  }

  async dial(port) {
    this.dialled.add(port)
    await this._ask('dial', { port })
  }

  async hangUp(port) {
    this.dialled.delete(port)
    await this._ask('dial', { port, off: true })
  }

  append(blocks) {
    return this._ask('append', { blocks: blocks.map((block) => block.toString('hex')) })
  }

  truncate(length, fork) {
    return this._ask('truncate', { length, fork })
  }

  clear(start, end) {
    return this._ask('clear', { start, end })
  }

  async get(index, ms) {
    return Buffer.from((await this._ask('get', { index, wait: ms })).value, 'hex')
  }

  async download(start, end, ms) {
    if (!(await this._ask('download', { start, end, wait: ms })).done) throw new Error('download: not done in time')
  }

  async seek(position, ms) {
    const { index, offset } = await this._ask('seek', { position, wait: ms })
    return [index, offset]
  }

  async head() {
    const { length, fork } = await this._ask('record')
    return { length, fork }
  }

  async state() {
    const { length, fork, byteLength, treeHash, blocks } = await this._ask('state')
    return { length, fork, byteLength, treeHash, blocks }
  }

  _ask(verb, more = {}) {
    return this.driver.ask({ do: verb, store: this.name, core: this.core, ...more })
  }
}

class JsNode {
  constructor(name, folder, primary) {
    this.name = name
    this.isNative = false
    this.path = path.join(folder, name)
    this.primary = primary
    this.port = 0
    this.coreName = null
    this.dialled = new Map() // port -> { socket, wanted }
    this.sockets = new Set()
    this.troubles = []
  }

  async start() {
    this.store = new Corestore(this.path, { primaryKey: this.primary, unsafe: true })
    await this.store.ready()
    this.server = net.createServer((socket) => this._carry(socket, false))
    await new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(this.port, '127.0.0.1', resolve)
    })
    this.port = this.server.address().port
    for (const link of this.dialled.values()) this._connect(link)
  }

  async stop() {
    const server = this.server
    this.server = null
    await new Promise((resolve) => {
      server.close(resolve)
      for (const socket of this.sockets) socket.destroy()
    })
    await this.store.close()
  }

  async open(core, key = null) {
    this.coreName = core
    this.key = key
    this.core = this.store.get(key ? { key } : { name: core })
    await this.core.ready()
    this.core.on('conflict', (length, fork) => this.troubles.push(`conflict at ${length}, fork ${fork}`))
    this.core.on('verification-error', (err) => this.troubles.push('verification error: ' + err.message))
    return this.core.key
  }

  async restart() {
    await this.stop()
    await this.start()
    if (this.coreName) await this.open(this.coreName, this.key)
  }

  async close() {
    for (const port of [...this.dialled.keys()]) await this.hangUp(port)
    await this.core.close()
    this.coreName = null
  }

  async dial(port) {
    if (this.dialled.has(port)) return
    const link = { port, socket: null, isWanted: true }
    this.dialled.set(port, link)
    this._connect(link)
  }

  async hangUp(port) {
    const link = this.dialled.get(port)
    this.dialled.delete(port)
    if (!link) return
    link.isWanted = false
    if (link.socket) link.socket.destroy()
  }

  append(blocks) {
    return this.core.append(blocks)
  }

  truncate(length, fork) {
    return this.core.truncate(length, fork)
  }

  clear(start, end) {
    return this.core.clear(start, end)
  }

  get(index, ms) {
    return this.core.get(index, { timeout: ms })
  }

  async download(start, end, ms) {
    const range = this.core.download({ start, end })
    let timer
    const late = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('download: not done in time')), ms)
    })
    await Promise.race([range.done(), late]).finally(() => clearTimeout(timer))
  }

  seek(position, ms) {
    return this.core.seek(position, { timeout: ms })
  }

  async head() {
    return { length: this.core.length, fork: this.core.fork }
  }

  async state() {
    const { core } = this
    const blocks = []
    for (let i = 0; i < core.length; i++) {
      const block = (await core.has(i)) ? await core.get(i, { wait: false }) : null
      blocks.push(block === null ? null : block.toString('hex'))
    }
    const treeHash = crypto.tree(core.core.state.roots).toString('hex') // core.treeHash() fetches the last block
    return { length: core.length, fork: core.fork, byteLength: core.byteLength, treeHash, blocks }
  }

  _connect(link) {
    if (!link.isWanted || this.server === null) return
    const socket = net.connect({ host: '127.0.0.1', port: link.port })
    link.socket = socket
    socket.once('connect', () => this._carry(socket, true))
    socket.on('error', () => {})
    socket.once('close', () => setTimeout(() => link.socket === socket && this._connect(link), REDIAL_MS))
  }

  _carry(socket, isInitiator) {
    if (this.server === null) return socket.destroy()
    socket.setNoDelay(true)
    this.sockets.add(socket)
    const stream = this.store.replicate(isInitiator)
    socket.on('error', () => {})
    stream.on('error', () => {})
    socket.once('close', () => {
      this.sockets.delete(socket)
      stream.destroy()
    })
    stream.once('close', () => socket.destroy())
    socket.pipe(stream).pipe(socket)
  }
}

module.exports = { NativeNode, JsNode }
