'use strict'

// The same primary key, namespace and name give the same core on both sides.

const assert = require('node:assert')
const fs = require('node:fs')
const { scenario } = require('./js/world')
const { blocks, sameBlocks, treeHash } = require('./js/peer')

const PRIMARY_KEY = Buffer.alloc(32, 7)

async function both(world) {
  const file = world.path('key')
  fs.writeFileSync(file, PRIMARY_KEY.toString('hex') + '\n')
  const storage = world.path()
  const { store } = await world.peer({ primaryKey: PRIMARY_KEY })
  const native = async (args) => {
    return (await world.run(storage, ['--primary-key-file', file, '--json', ...args])).json()[0]
  }
  return { storage, store, native }
}

async function keyOf(core) {
  await core.ready()
  return core.key.toString('hex')
}

scenario('named cores have the same keys', async (world) => {
  const { store, native } = await both(world)
  for (const name of ['log', 'a longer name', 'Zürich ✓']) {
    const record = await native(['create', name])
    assert.strictEqual(record.key, await keyOf(store.get({ name })))
    assert.strictEqual(record.writable, true)
  }
})

scenario('namespaces and nested namespaces have the same keys', async (world) => {
  const { store, native } = await both(world)
  const outer = await native(['--namespace', 'app', 'create', 'log'])
  assert.strictEqual(outer.key, await keyOf(store.namespace('app').get({ name: 'log' })))
  const inner = await native(['--namespace', 'app', '--namespace', 'part', 'create', 'log'])
  assert.strictEqual(inner.key, await keyOf(store.namespace('app').namespace('part').get({ name: 'log' })))
  assert.notStrictEqual(inner.key, outer.key)
})

scenario('the default core is the one named default', async (world) => {
  const { store, native } = await both(world)
  assert.strictEqual((await native(['create', 'default'])).key, await keyOf(store.get({ name: 'default' })))
  assert.strictEqual((await native(['info', 'default'])).key, await keyOf(store.get({ name: 'default' })))
  const spaced = await native(['--namespace', 'app', 'create', 'default'])
  assert.strictEqual(spaced.key, await keyOf(store.namespace('app').get({ name: 'default' })))
})

scenario('the same blocks give the same tree on both sides', async (world) => {
  const { store, native, storage } = await both(world)
  const core = store.get({ name: 'log' })
  const list = blocks('same', 77, 30)
  await core.append(list)
  await native(['create', 'log'])
  await world.run(storage, ['append', 'name:log', '--block-size', '30', '--batch', '10'], { input: Buffer.concat(list) })
  const record = await native(['info', 'name:log'])
  assert.strictEqual(record.length, core.length)
  assert.strictEqual(record.treeHash, await treeHash(core))
  const out = await world.run(storage, ['--json', 'cat', 'name:log'])
  sameBlocks(out.json().map((line) => Buffer.from(line.base64, 'base64')), list)
})
