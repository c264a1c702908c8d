'use strict'

// The shell of every scenario: a deadline, scratch folders, and an orderly end in which each server
// must leave with exit code 0 and no peer may have met a fork.

const test = require('node:test')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Server, cli } = require('./native')
const { Peer } = require('./peer')

const POLL_MS = 20
const POLL_MS_MAX = 500

/** How much longer than usual things may take: under the sanitizers. */
const PATIENCE = Number(process.env.CORESTORE_TEST_PATIENCE || 1)

/** Runs fn(world) as one test; fails when it takes longer than `seconds`. */
function scenario(name, fn, { seconds = 60 } = {}) {
  test(name, { timeout: (seconds + 30) * 1000 * PATIENCE }, async () => {
    const world = new World()
    let failure = null
    try {
      await deadline(fn(world), seconds * 1000, name)
    } catch (err) {
      failure = err
    }
    try {
      await deadline(world.close(), 20000, 'cleaning up after: ' + name)
    } catch (err) {
      failure = failure || err
    }
    if (failure) {
      for (const server of world.servers) server.dumpLog()
      throw failure
    }
  })
}

class World {
  constructor() {
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), 'corestore-interop-'))
    this.servers = []
    this.peers = []
    this.closers = []
    this.count = 0
  }

  /** A fresh path below the scratch folder; nothing is created. */
  path(name = 'store') {
    return path.join(this.root, name + '-' + this.count++)
  }

  /** Starts corestored and waits for its ready line. Options: see Server. */
  async serve(options = {}) {
    const server = new Server({ storage: options.storage || this.path('native'), ...options })
    this.servers.push(server)
    await server.ready()
    return server
  }

  /** A JavaScript corestore on disk. */
  async peer(options = {}) {
    const peer = new Peer(options.storage || this.path('js'), options)
    this.peers.push(peer)
    await peer.store.ready()
    return peer
  }

  /** Runs a CLI verb on a store folder; the exit code must be 0. */
  async run(storage, args, options) {
    const result = await cli(['--storage', storage, ...args], options)
    if (result.code !== 0) {
      throw new Error(`corestore ${args.join(' ')} exited with ${result.code}: ${result.stderr}`)
    }
    return result
  }

  defer(fn) {
    this.closers.push(fn)
  }

  async close() {
    const failures = []
    const attempt = (promise) => promise.catch((err) => failures.push(err))
    for (const fn of this.closers.reverse()) await attempt(Promise.resolve().then(fn))
    for (const peer of this.peers) await attempt(peer.close())
    for (const server of this.servers) await attempt(server.stop())
    fs.rmSync(this.root, { recursive: true, force: true })
    if (failures.length > 0) throw failures[0]
  }
}

function deadline(promise, limit, what) {
  const ms = limit * PATIENCE
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${ms} ms: ${what}`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Polls, ever more rarely, until fn() is truthy and returns that value. */
async function until(fn, what, limit = 15000) {
  const ms = limit * PATIENCE
  const end = Date.now() + ms
  for (let pause = POLL_MS; ; pause = Math.min(POLL_MS_MAX, pause * 1.1)) {
    const value = await fn()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain until ${what}`)
    await sleep(pause)
  }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

module.exports = { scenario, World, until, sleep, deadline }
