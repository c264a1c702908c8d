'use strict'

// The shell of tests that play one behaviour with native and JavaScript stores side by side.

const test = require('node:test')
const fs = require('node:fs')
const os = require('node:os')
const net = require('node:net')
const path = require('node:path')
const { createRequire } = require('node:module')
const { Driver } = require('./driver')
const { NativeNode, JsNode } = require('./node')

const interop = createRequire(path.join(__dirname, '..', 'interop', 'package.json'))

const WRITER = Buffer.alloc(32, 1)
const READER = Buffer.alloc(32, 2)

/** One test with a driver and a scratch folder; nodes that it starts are stopped. */
function behaviour(name, fn, { seconds = 60 } = {}) {
  test(name, { timeout: seconds * 1000 }, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'corestore-checklist-'))
    const driver = new Driver(process.env.CORESTORE_DRIVER)
    const started = []
    const start = async (node) => {
      await node.start()
      started.push(node)
      return node
    }
    const world = {
      native: (label, key = READER) => start(new NativeNode(label, driver, folder, key)),
      js: (label, key = READER) => start(new JsNode(label, folder, key)),
      /** A peer in front of `port` whose bytes stop flowing to the dialler when `isStopped` is set. */
      relay: (port) => relay(port, started),
      defer: (fn) => started.push({ stop: fn }),
      folder
    }
    try {
      await fn(world)
    } finally {
      for (const node of started.reverse()) await node.stop()
      await driver.end()
      fs.rmSync(folder, { recursive: true, force: true })
    }
  })
}

async function relay(port, started) {
  const state = { isStopped: false, port: 0 }
  const sockets = new Set()
  const server = net.createServer((near) => {
    const far = net.connect({ host: '127.0.0.1', port })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => [near, far].forEach((one) => one.destroy()))
    }
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => state.isStopped || near.write(bytes))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  state.port = server.address().port
  started.push({
    stop: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(resolve))
    }
  })
  return state
}

async function until(fn, what, ms = 10000) {
  for (const end = Date.now() + ms; !(await fn()); await new Promise((resolve) => setTimeout(resolve, 10))) {
    if (Date.now() > end) throw new Error('in vain: ' + what)
  }
}

const blocks = (count, from = 0) => Array.from({ length: count }, (unused, i) => Buffer.from(`block ${from + i}`))
/** Waits until a node has a length, maybe of a fork. */
const reach = (node, length) => until(async () => (await node.head()).length === length, `${node.name} is at ${length}`)

/** Waits until a node of either kind has a peer that has said what it has. */
function met(node) {
  const known = async () => {
    if (node.isNative) return (await node._ask('peers')).peers.length > 0
    return node.core.peers.some((peer) => peer.remoteOpened && peer.remoteSynced)
  }
  return until(known, `${node.name} has a peer`)
}

module.exports = { behaviour, until, blocks, reach, met, interop, WRITER, READER }
