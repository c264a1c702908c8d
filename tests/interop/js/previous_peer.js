'use strict'

// The JavaScript packages that keep cores in files, and what tests do with such directories: corestore 5 over hypercore 9,
// corestore 6 over hypercore 10.

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { createRequire } = require('node:module')
const { LegacyPeer, append, call } = require('./legacy_peer')

const load = createRequire(path.join(__dirname, '..', 'previous', 'package.json'))
const loadLegacy = createRequire(path.join(__dirname, '..', 'legacy', 'package.json'))
const Corestore6 = load('corestore')
const Hypercore10 = load('hypercore')
const { oplog } = load('hypercore/lib/messages')
const compact = load('compact-encoding')
const Hypercore9 = loadLegacy('hypercore')
const legacyCrypto = loadLegacy('hypercore-crypto')

/** A core of hypercore 9 in a directory of its own, opened. */
async function openNine(...args) {
  const core = new Hypercore9(...args)
  await call(core, 'ready')
  return core
}

/** A core of hypercore 10 in a directory of its own, opened. */
async function openTen(...args) {
  const core = new Hypercore10(...args)
  await core.ready()
  return core
}

/** The tree hash of a core of hypercore 9, in hex. */
async function treeHashNine(core) {
  if (core.length === 0) return legacyCrypto.tree([]).toString('hex')
  const roots = await call(core, 'rootHashes', core.length - 1)
  return legacyCrypto.tree(roots).toString('hex')
}

/** Appends to a core of either kind, in batches. */
async function fill(core, list, batch = list.length) {
  for (let i = 0; i < list.length; i += batch) {
    const part = list.slice(i, i + batch)
    if (core.core) await core.append(part)
    else await append(core, part)
  }
}

function files(directory) {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath || entry.path, entry.name))
    .sort()
}

/** Every file below a directory with all that a writer would change. */
function fingerprint(directory) {
  const seen = {}
  for (const file of files(directory)) {
    const { size, mtimeMs, ctimeMs } = fs.statSync(file)
    const hash = crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex')
    seen[path.relative(directory, file)] = [size, mtimeMs, ctimeMs, hash]
  }
  return seen
}

/** The directory of a core in one of the store layouts. */
function placeOf(store, core) {
  const id = core.discoveryKey.toString('hex')
  const below = path.join(id.slice(0, 2), id.slice(2, 4), id)
  const six = path.join(store, 'cores', below)
  return fs.existsSync(six) ? six : path.join(store, below)
}

/** Changes one byte of a file. */
function flip(file, offset) {
  const fd = fs.openSync(file, 'r+')
  const byte = Buffer.alloc(1)
  if (fs.readSync(fd, byte, 0, 1, offset) !== 1) throw new Error(`${file} ends before ${offset}`)
  byte[0] ^= 0x55
  fs.writeSync(fd, byte, 0, 1, offset)
  fs.closeSync(fd)
}

module.exports = {
  Corestore6,
  LegacyPeer,
  call,
  compact,
  fill,
  files,
  fingerprint,
  flip,
  oplog,
  openNine,
  openTen,
  placeOf,
  treeHashNine
}
