'use strict'

// A directory of corestore 7 moves in: the package reads its own database (ops/move-in.js), a server of ours replicates.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { execFile } = require('node:child_process')
const { scenario } = require('./js/world')
const { blocks, readLocal } = require('./js/peer')
const { cli } = require('./js/native')
const { fingerprint } = require('./js/previous_peer')
const Corestore = require('corestore')

const SCRIPT = path.join(__dirname, '..', '..', 'ops', 'move-in.js')
const hex = (bytes) => bytes.toString('hex')

function moveIn(args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT, ...args], { cwd: __dirname }, (err, stdout, stderr) => {
      const lines = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line))
      resolve({ code: err ? err.code : 0, lines, total: lines[lines.length - 1], stderr })
    })
  })
}

async function written(directory) {
  const store = new Corestore(directory)
  const known = {}
  const add = async (from, name, length, work = async () => {}) => {
    const core = from.get({ name })
    await core.ready()
    for (const block of blocks(name, length, (i) => i % 200)) await core.append(block)
    await work(core)
    known[name] = { key: hex(core.key), length: core.length, fork: core.fork, treeHash: core.length ? hex(await core.treeHash()) : null,
      list: core.contiguousLength === core.length ? await readLocal(core) : null }
  }
  await add(store, 'log', 300)
  await add(store, 'empty', 0)
  await add(store, 'cut', 20, async (core) => {
    await core.truncate(11)
    await core.append(['again'])
  })
  await add(store, 'holes', 50, (core) => core.clear(10, 20))
  await add(store.namespace('app'), 'inner', 5)
  await store.close()
  return known
}

scenario('the cores of corestore 7 move in with keys, names, forks, holes and equal tree hashes', async (world) => {
  const directory = world.path('seven')
  const known = await written(directory)
  const before = fingerprint(directory)
  const refused = await cli(['--storage', world.path(), 'import', directory])
  assert.strictEqual(refused.code, 2)
  assert.match(refused.stderr, /move-in\.js/)

  const keyFile = world.path('key')
  assert.strictEqual((await moveIn([directory, '--write-primary-key', keyFile])).code, 0)
  assert.strictEqual(fs.statSync(keyFile).mode & 0o777, 0o600)
  const plan = await moveIn([directory, '--plan'])
  assert.deepStrictEqual([plan.code, plan.total.cores], [0, Object.keys(known).length], plan.stderr)

  const storage = world.path()
  const server = await world.serve({ storage, primaryKeyFile: keyFile, http: '127.0.0.1:0' })
  const to = ['--http', 'http://' + server.info.http, '--peer', server.address, '--namespace', 'app']
  const moved = await moveIn([directory, ...to])
  assert.strictEqual(moved.code, 0, moved.stderr + JSON.stringify(moved.lines))
  for (const [name, expected] of Object.entries(known)) {
    const record = await server.record(expected.key)
    assert.deepStrictEqual([record.length, record.fork, record.writable, record.name], [expected.length, expected.fork, true, name])
    if (expected.length > 0) assert.strictEqual(record.treeHash, expected.treeHash)
    if (expected.list) {
      const lines = await server.ask(['cat', expected.key])
      assert.deepStrictEqual(lines.map((line) => Buffer.from(line.base64, 'base64')), expected.list)
    }
  }
  assert.strictEqual((await server.record(known.holes.key)).contiguousLength, 10)
  assert.strictEqual((await server.ask(['--namespace', 'app', 'info', 'name:inner']))[0].key, known.inner.key)
  await server.append(known.log.key, [Buffer.from('more')])
  const again = await moveIn([directory, ...to])
  assert.strictEqual(again.code, 1) // it went on here: the two are no longer the same, and that is said
  assert.strictEqual(again.total.failed, 1)
  assert.deepStrictEqual(fingerprint(directory), before)
})

scenario('mistakes are sentences', async (world) => {
  const nothing = world.path()
  fs.mkdirSync(nothing)
  for (const [args, text] of [[[], /a directory is needed/], [[nothing], /no store of corestore 7/], [['x', '--what'], /not understood: --what/]]) {
    const result = await moveIn(args)
    assert.strictEqual(result.code, 2)
    assert.match(result.stderr, text)
  }
})
