'use strict'

// Writes files-10.json: directories of hypercore 10 and what is in them. Usage: generate-files-10.js OUTPUT, with hypercore
// 10.38.2 and corestore 6.18.4 installed next to it or found through NODE_PATH. The output is reproducible.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Hypercore = require('hypercore')
const Corestore = require('corestore')
const crypto = require('hypercore-crypto')

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const seed = (n) => Buffer.alloc(32, n)
const list = (n, start = 0) => Array.from({ length: n }, (_, i) => Buffer.from(`block ${start + i}`.repeat((start + i) % 4)))

function dump(directory) {
  const files = {}
  for (const name of fs.readdirSync(directory)) files[name] = hex(fs.readFileSync(path.join(directory, name)))
  return files
}

async function describe(core) {
  const blocks = {}
  for (let i = 0; i < core.length; i++) if (await core.has(i)) blocks[i] = hex(await core.get(i, { wait: false }))
  return {
    key: hex(core.key),
    length: core.length,
    byteLength: core.byteLength,
    fork: core.fork,
    contiguousLength: core.contiguousLength,
    treeHash: core.length ? hex(await core.treeHash()) : null,
    writable: core.writable,
    blocks
  }
}

async function record(title, work, options = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'files-10-'))
  const core = new Hypercore(directory, options.key, { keyPair: crypto.keyPair(seed(options.seed || 1)), ...options })
  await core.ready()
  await work(core)
  const entry = { title, ...(await describe(core)), files: dump(directory) } // as it is on the disk, not closed
  await core.close()
  fs.rmSync(directory, { recursive: true })
  return entry
}

async function main() {
  const cores = []
  cores.push(await record('empty', async () => {}))
  for (const n of [1, 2, 3, 13]) {
    cores.push(await record(`${n} blocks, one by one`, async (core) => {
      for (const block of list(n)) await core.append(block)
    }))
  }
  cores.push(await record('300 blocks in one batch', (core) => core.append(list(300))))
  cores.push(await record('a truncation, and blocks after it', async (core) => {
    await core.append(list(20))
    await core.truncate(11)
    await core.append(list(3, 50))
    await core.append(list(3, 60))
  }))
  cores.push(await record('cleared blocks and user data, as entries of the oplog', async (core) => {
    await core.append(list(9))
    await core.append(list(9, 9))
    await core.setUserData('mark', Buffer.from('kept'))
    await core.clear(3, 5)
  }))
  cores.push(await record('a manifest of version 1', (core) => core.append(list(5)), { compat: false, manifest: {
    version: 1, quorum: 1, signers: [{ publicKey: crypto.keyPair(seed(2)).publicKey }] }, seed: 2 }))
  cores.push(await record('a header that does not fit the oplog', async (core) => {
    await core.append(list(5))
    await core.setUserData('large', Buffer.alloc(5000, 7))
    for (let i = 0; i < 6; i++) await core.append(list(1, i)) // a flush on the way
  }))
  const store = fs.mkdtempSync(path.join(os.tmpdir(), 'files-10-'))
  const six = new Corestore(store, { primaryKey: seed(3) })
  const named = six.namespace('app').get({ name: 'log' })
  await named.ready()
  await named.append(list(4))
  const id = hex(named.discoveryKey)
  const entry = { title: 'a named core of corestore 6', primaryKey: hex(seed(3)), name: 'log', namespace: 'app',
    ...(await describe(named)), files: dump(path.join(store, 'cores', id.slice(0, 2), id.slice(2, 4), id)) }
  cores.push(entry)
  await six.close()
  const packages = {}
  for (const name of ['hypercore', 'corestore']) packages[name] = require(name + '/package.json').version
  fs.writeFileSync(process.argv[2], JSON.stringify({ packages, cores }, null, 1) + '\n')
}

main()
