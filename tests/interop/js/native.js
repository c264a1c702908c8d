'use strict'

// Drives the binaries under test, from the folder named by CORESTORE_BIN, through their documented
// surface only: flags, the ready line, exit codes, JSON lines.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawn } = require('node:child_process')

const READY_MS = 20000
const STOP_MS = 15000
const LOG_LINES_MAX = 400

const living = new Set()
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

function binary(name) {
  const folder = process.env.CORESTORE_BIN
  assert(folder, 'CORESTORE_BIN must name the folder with corestored and corestore')
  return path.join(folder, name)
}

/** Starts a binary; the child is killed when this process ends. */
function launch(name, args, options = {}) {
  const child = spawn(binary(name), args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
  living.add(child)
  child.stdin.on('error', () => {}) // a killed child closes its end: the exit code tells
  child.ended = new Promise((resolve) => {
    child.once('error', (err) => resolve({ code: null, signal: null, err }))
    child.once('close', (code, signal) => resolve({ code, signal, err: null }))
  })
  child.ended.then(() => living.delete(child))
  return child
}

/** Runs a binary to its end: { code, signal, stdout: Buffer, stderr: string, json() }. */
async function run(name, args, { input = null, timeout = 60000, env = process.env } = {}) {
  const child = launch(name, args, { env })
  const out = []
  const err = []
  child.stdout.on('data', (data) => out.push(data))
  child.stderr.on('data', (data) => err.push(data))
  child.stdin.end(input === null ? undefined : input)
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
  const end = await child.ended
  clearTimeout(timer)
  if (end.err) throw end.err
  const stdout = Buffer.concat(out)
  return {
    code: end.code,
    signal: end.signal,
    stdout,
    stderr: Buffer.concat(err).toString(),
    json: () => parseLines(stdout)
  }
}

const cli = (args, options) => run('corestore', args, options)
const daemon = (args, options) => run('corestored', args, options)

function parseLines(buffer) {
  return buffer.toString().split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

/** One running corestored. */
class Server {
  /**
   * Options: storage; listen (list of addresses, default one free TCP port); connect, mirror (lists);
   * http, node (addresses); args (more flags); primaryKeyFile; durability.
   */
  constructor(options) {
    this.storage = options.storage
    this.log = []
    const args = ['--storage', options.storage]
    for (const address of options.listen || ['127.0.0.1:0']) args.push('--listen', address)
    for (const address of options.connect || []) args.push('--connect', address)
    for (const key of options.mirror || []) args.push('--mirror', hex(key))
    args.push('--http', options.http || 'off', '--node', options.node || '127.0.0.1:0')
    if (options.primaryKeyFile) args.push('--primary-key-file', options.primaryKeyFile)
    if (options.durability) args.push('--durability', options.durability)
    this.child = launch('corestored', [...args, ...(options.args || [])])
    this.child.stderr.on('data', (data) => this._note(data))
    this.stopping = null
    this._ready = readyLine(this.child)
    this._ready.catch(() => {})
  }

  _note(data) {
    this.log.push(data.toString())
    if (this.log.length > LOG_LINES_MAX) this.log.shift()
  }

  async ready() {
    this.info = await this._ready
    return this.info
  }

  get address() {
    return this.info.listen[0]
  }

  get pid() {
    return this.child.pid
  }

  get running() {
    return living.has(this.child)
  }

  /** SIGTERM; the exit code must be 0. Further calls return the first one's outcome. */
  stop() {
    if (this.stopping === null) this.stopping = this._stop()
    return this.stopping
  }

  async _stop() {
    const before = this.running
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS)
    const end = await this.child.ended
    clearTimeout(timer)
    if (!before) throw new Error(`corestored was gone before it was stopped: ${JSON.stringify(end)}`)
    assert.deepStrictEqual([end.code, end.signal], [0, null], 'corestored must end with exit code 0 on SIGTERM')
  }

  /** kill -9: nothing is flushed, nothing is asserted. */
  async kill() {
    this.stopping = Promise.resolve()
    this.child.kill('SIGKILL')
    await this.child.ended
  }

  /** Runs a CLI verb against this running server; resolves with its JSON lines. */
  async ask(args, options) {
    const result = await this.cli(args, options)
    if (result.code !== 0) throw new Error(`corestore ${args.join(' ')} exited with ${result.code}: ${result.stderr}`)
    return result.json()
  }

  cli(args, options) {
    return cli(['--node', this.info.node, '--json', ...args], options)
  }

  /** The record of a core, or null when the server does not know it. */
  async record(core) {
    const result = await this.cli(['info', hex(core)])
    return result.code === 0 ? result.json()[0] : null
  }

  async create(name) {
    return (await this.ask(['create', name]))[0]
  }

  /** Appends blocks in one batch; resolves after the commit with { length, byteLength }. */
  async append(core, blocks) {
    const list = blocks.map((bytes) => Buffer.from(bytes))
    const size = list[0].length
    const args = ['append', hex(core), '--batch', String(list.length)]
    if (size > 0 && list.every((bytes) => bytes.length === size)) {
      return last(await this.ask([...args, '--block-size', String(size)], { input: Buffer.concat(list) }))
    }
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'corestore-blocks-'))
    try {
      const files = list.map((bytes, i) => path.join(folder, String(i)))
      files.forEach((file, i) => fs.writeFileSync(file, list[i]))
      return last(await this.ask([...args, ...files]))
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  }

  /** Resident memory in MiB (VmRSS). */
  rssMiB() {
    const text = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)[1]) / 1024
  }

  dumpLog() {
    if (this.log.length > 0) process.stderr.write(`--- corestored ${this.pid}\n${this.log.join('')}\n`)
  }
}

function readyLine(child) {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error('corestored printed no ready line')), READY_MS)
    child.stdout.on('data', (data) => {
      text += data
      const end = text.indexOf('\n')
      if (end === -1) return
      clearTimeout(timer)
      try {
        const line = JSON.parse(text.slice(0, end))
        assert.strictEqual(line.event, 'ready')
        resolve(line)
      } catch (err) {
        reject(err)
      }
    })
    child.ended.then((end) => {
      clearTimeout(timer)
      reject(new Error('corestored ended before it was ready: ' + JSON.stringify(end)))
    })
  })
}

function last(list) {
  return list[list.length - 1]
}

function splitPort(address) {
  const at = address.lastIndexOf(':')
  return [address.slice(0, at), Number(address.slice(at + 1))]
}

function hex(core) {
  return Buffer.isBuffer(core) ? core.toString('hex') : core
}

module.exports = { Server, launch, run, cli, daemon, parseLines, splitPort, hex }
