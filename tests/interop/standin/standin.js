'use strict'

// The binaries under test, played by the JavaScript peer. See README.md.

const fs = require('node:fs')
const http = require('node:http')
const net = require('node:net')
const path = require('node:path')
const Corestore = require('corestore')
const crypto = require('hypercore-crypto')
const { flags, UsageError } = require('./flags')
const { verbs } = require('./verbs')

const FAULT = process.env.STANDIN_FAULT || ''
const REDIAL_MS = 200
const EXIT = { usage: 2, held: 3, damaged: 4 }

class HeldError extends Error {}
class DamagedError extends Error {}

/** Opens the store folder; errors carry the documented exit code. */
async function openStore(dir, primaryKeyFile) {
  if (fs.existsSync(path.join(dir, 'data.mdb'))) throw new DamagedError('not a store of this program')
  const options = {}
  if (primaryKeyFile) {
    const raw = fs.readFileSync(primaryKeyFile)
    options.primaryKey = raw.length === 32 ? raw : Buffer.from(raw.toString().trim(), 'hex')
    if (options.primaryKey.length !== 32) throw new UsageError('primary key file: 64 hex digits or 32 bytes')
    options.unsafe = true
  }
  const store = new Corestore(dir, options)
  try {
    await store.ready()
  } catch (err) {
    if (!/lock/i.test(err.message)) throw err
    const pid = fs.readFileSync(path.join(dir, 'standin.pid'), 'utf8')
    throw new HeldError(`${dir} is held by process ${pid}`)
  }
  fs.writeFileSync(path.join(dir, 'standin.pid'), String(process.pid))
  return store
}

/** Resolves the CLI's and HTTP's CORE; null when the store does not know the key. */
async function openCore(store, text, namespaces = []) {
  for (const name of namespaces) store = store.namespace(name)
  let options
  if (text === 'default') options = { name: 'default' }
  else if (text.startsWith('name:')) options = { name: text.slice(5) }
  else options = { key: Buffer.from(text, 'hex') }
  if (options.key && !(await known(store, options.key))) return null
  const core = store.get(options)
  await core.ready()
  return core
}

function known(store, key) {
  return store.storage.hasCore(crypto.discoveryKey(key))
}

async function record(core) {
  return {
    key: core.key.toString('hex'),
    discoveryKey: core.discoveryKey.toString('hex'),
    generation: 10,
    length: core.length,
    byteLength: core.byteLength,
    fork: core.fork,
    contiguousLength: core.contiguousLength,
    writable: core.writable,
    active: true,
    peers: core.peers.length,
    treeHash: core.contiguousLength === core.length ? (await core.treeHash()).toString('hex') : null
  }
}

function fail(err) {
  process.stderr.write(err.message + '\n')
  if (err instanceof UsageError) process.exit(EXIT.usage)
  if (err instanceof HeldError) process.exit(EXIT.held)
  if (err instanceof DamagedError) process.exit(EXIT.damaged)
  process.exit(1)
}

// ---------------------------------------------------------------- corestored

const DAEMON_FLAGS = {
  config: 'one', storage: 'one', 'primary-key-file': 'one', generation: 'one', listen: 'many', connect: 'many',
  mirror: 'many', http: 'one', node: 'one', durability: 'one', 'log-level': 'one', check: 'flag',
  'print-config': 'flag', dev: 'flag', version: 'flag'
}

async function corestored(argv) {
  try {
    const { options } = flags(argv, DAEMON_FLAGS)
    if (options.config) readConfig(options.config, options)
    if (options.version) return void console.log('stand-in')
    if (options['print-config']) return void console.log('[store]\npath = ' + JSON.stringify(options.storage))
    if (options.check) return
    await serve(options)
  } catch (err) {
    fail(err)
  }
}

function readConfig(file, options) {
  const allowed = { 'store.path': 'storage' }
  let section = ''
  fs.readFileSync(file, 'utf8').split('\n').forEach((line, i) => {
    const text = line.replace(/#.*/, '').trim()
    const head = /^\[(.*)\]$/.exec(text)
    if (head) section = head[1]
    const pair = /^([\w.-]+)\s*=\s*'?(.*?)'?$/.exec(text)
    if (!pair) return
    const key = `${section}.${pair[1]}`
    if (!allowed[key]) throw new UsageError(`${file}:${i + 1}: unknown key ${key}`)
    options[allowed[key]] = options[allowed[key]] || pair[2]
  })
}

async function serve(options) {
  const store = await openStore(options.storage, options['primary-key-file'])
  const state = { store, sockets: new Set(), servers: [], stopping: false, cores: [] }
  for (const key of options.mirror || []) await mirror(state, key)
  const listen = []
  for (const address of options.listen || []) if (address !== 'off') listen.push(await accept(state, address))
  for (const address of options.connect || []) redial(state, address)
  const [web, node] = await Promise.all([control(state, options.http), control(state, options.node)])
  const end = () => stop(state).then(() => process.exit(FAULT === 'exit' ? 1 : 0))
  process.once('SIGTERM', end).once('SIGINT', end)
  const line = { event: 'ready', storage: options.storage, listen, http: web, node, publicKey: '00'.repeat(32), pid: process.pid }
  process.stdout.write(JSON.stringify(line) + '\n')
}

async function mirror(state, key) {
  const core = state.store.get({ key: Buffer.from(key, 'hex') })
  await core.ready()
  state.cores.push(core)
  if (FAULT !== 'no-mirror') core.download({ start: 0, end: -1 })
}

function link(state, socket, isInitiator) {
  const stream = state.store.replicate(isInitiator)
  state.sockets.add(socket)
  socket.on('error', () => stream.destroy())
  stream.on('error', () => socket.destroy())
  socket.once('close', () => {
    state.sockets.delete(socket)
    stream.destroy()
  })
  socket.pipe(stream).pipe(socket)
}

const SILENCE_MS = 10000

async function accept(state, address) {
  const server = net.createServer((socket) => {
    const timer = setTimeout(() => socket.bytesRead === 0 && socket.destroy(), SILENCE_MS)
    socket.once('close', () => clearTimeout(timer))
    link(state, socket, false)
  })
  state.servers.push(server)
  await new Promise((resolve) => server.listen(target(address), resolve))
  return address.startsWith('unix:') ? address : `127.0.0.1:${server.address().port}`
}

function redial(state, address) {
  if (state.stopping) return
  const socket = net.connect(target(address))
  socket.once('connect', () => link(state, socket, true))
  socket.on('error', () => {})
  socket.once('close', () => setTimeout(() => redial(state, address), REDIAL_MS))
}

function target(address) {
  if (address.startsWith('unix:')) return { path: address.slice(5) }
  const [host, port] = address.split(':')
  return { host, port: Number(port) }
}

async function stop(state) {
  state.stopping = true
  for (const server of state.servers) server.close()
  for (const socket of state.sockets) socket.destroy()
  await state.store.close()
}

// ---------------------------------------------------------------- the HTTP face

async function control(state, address) {
  if (!address || address === 'off') return null
  const server = http.createServer((req, res) => {
    route(state, req).then(
      ([status, body]) => res.writeHead(status, { connection: 'close' }).end(JSON.stringify(body)),
      (err) => res.writeHead(500, { connection: 'close' }).end(JSON.stringify({ error: { message: err.message } }))
    )
  })
  state.servers.push(server)
  await new Promise((resolve) => server.listen(target(address), resolve))
  return `127.0.0.1:${server.address().port}`
}

async function route(state, req) {
  const parts = []
  for await (const data of req) parts.push(data)
  const body = parts.length > 0 ? JSON.parse(Buffer.concat(parts)) : {}
  if (req.url === '/v1/peers') return [200, redial(state, body.address) || {}]
  if (req.url === '/v1/cores') return [200, await record(await openCore(state.store, 'name:' + body.name))]
  const [, core, verb] = /^\/v1\/cores\/([^/]+)\/?(\w*)$/.exec(req.url)
  const opened = await openCore(state.store, decodeURIComponent(core))
  if (opened === null) return [404, { error: { code: 'NOT_FOUND', message: core } }]
  if (verb === 'blocks') {
    const blocks = body.blocks.map((text) => Buffer.from(text, 'base64'))
    if (FAULT === 'bytes') for (const block of blocks) if (block.length > 0) block[0] ^= 1
    await opened.append(blocks)
  }
  if (verb === 'truncate') await opened.truncate(body.length, body.fork)
  return [200, await record(opened)]
}

// ---------------------------------------------------------------- corestore

const CLI_FLAGS = {
  storage: 'one', 'primary-key-file': 'one', node: 'one', json: 'flag', namespace: 'many', generation: 'one',
  lines: 'flag', 'block-size': 'one', batch: 'one', wait: 'one', start: 'one', end: 'one', follow: 'flag',
  key: 'many', live: 'flag', timeout: 'one', recursive: 'flag', offset: 'one', length: 'one', fork: 'one', version: 'flag'
}

async function corestore(argv) {
  try {
    const { options, rest } = flags(argv, CLI_FLAGS)
    const verb = verbs[rest[0]]
    if (!verb) throw new UsageError('unknown verb ' + rest[0])
    if (!options.storage) throw new UsageError('--storage is needed')
    const store = await openStore(options.storage, options['primary-key-file'])
    const code = await verb({ store, options, args: rest.slice(1), openCore, record, target, FAULT })
    await store.close()
    process.exitCode = code || 0
  } catch (err) {
    fail(err)
  }
}

module.exports = { corestored, corestore }
