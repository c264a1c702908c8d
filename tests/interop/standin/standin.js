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
  const allowed = { 'store.path': 'storage', 'replication.handshake-timeout': 'handshake-timeout' }
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
  const handshakeMs = 1000 * parseInt(options['handshake-timeout'] || '10s', 10)
  const state = { store, sockets: new Set(), servers: [], stopping: false, cores: [], handshakeMs }
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
  return stream
}

async function accept(state, address) {
  const server = net.createServer((socket) => {
    const stream = link(state, socket, false)
    const timer = setTimeout(() => socket.destroy(), state.handshakeMs)
    stream.noiseStream.opened.then(() => clearTimeout(timer))
    socket.once('close', () => clearTimeout(timer))
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

// ---------------------------------------------------------------- the node face: verbs run where the store is

async function control(state, address) {
  if (!address || address === 'off') return null
  const server = http.createServer((req, res) => {
    const { options, args } = JSON.parse(req.headers['x-run'])
    const out = []
    const err = []
    const write = (data) => out.push(Buffer.from(data))
    const complain = (text) => err.push(text)
    const run = { store: state.store, options, args, stdin: req, write, complain }
    execute(run).catch((failure) => { err.push(failure.message); return 1 }).then((code) => {
      res.writeHead(200, { connection: 'close', 'x-end': JSON.stringify({ code: code || 0, err: err.join('') }) })
      res.end(Buffer.concat(out))
    })
  })
  state.servers.push(server)
  await new Promise((resolve) => server.listen(target(address), resolve))
  return `127.0.0.1:${server.address().port}`
}

function execute(run) {
  return verbs[run.args[0]]({ ...run, args: run.args.slice(1), openCore, record, target, FAULT })
}

function forward(options, args) {
  return new Promise((resolve, reject) => {
    const headers = { 'x-run': JSON.stringify({ options, args }) }
    const request = http.request({ ...target(options.node), method: 'POST', headers, agent: false }, async (res) => {
      for await (const data of res) process.stdout.write(data)
      const end = JSON.parse(res.headers['x-end'])
      process.stderr.write(end.err)
      resolve(end.code)
    })
    request.on('error', reject)
    if (args[0] === 'append') process.stdin.pipe(request)
    else request.end()
  })
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
    if (!verbs[rest[0]]) throw new UsageError('unknown verb ' + rest[0])
    if (options.node) return void (process.exitCode = await forward(options, rest))
    if (!options.storage) throw new UsageError('--storage is needed')
    const store = await openStore(options.storage, options['primary-key-file'])
    const write = (data) => process.stdout.write(data)
    const complain = (text) => process.stderr.write(text)
    const code = await execute({ store, options, args: rest, stdin: process.stdin, write, complain })
    await store.close()
    process.exitCode = code || 0
  } catch (err) {
    fail(err)
  }
}

module.exports = { corestored, corestore }
