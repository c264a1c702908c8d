'use strict'

// Exports: directories that corestore 5 and 6, hypercore 9 and 10 open, read, check and go on writing.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { scenario } = require('./js/world')
const { blocks } = require('./js/peer')
const { cli } = require('./js/native')
const { LegacyPeer, call, complete, get, readAll } = require('./js/legacy_peer')
const { Corestore6, fill, files, openNine, openTen, placeOf, treeHashNine } = require('./js/previous_peer')

const hex = (buffer) => buffer.toString('hex')

/** Blocks appended to a core of ours; its record. */
async function written(world, storage, core, list, args = [], batch = '50') {
  if (list.length > 0) {
    const lines = list.map((one) => one.toString('hex')).join('\n') + '\n'
    await world.run(storage, [...args, 'append', core, '--lines', '--batch', batch], { input: lines })
  } else {
    await world.run(storage, [...args, 'create', core.slice('name:'.length)])
  }
  return (await world.run(storage, [...args, '--json', 'info', core])).json()[0]
}

const stored = (list) => list.map((one) => Buffer.from(one.toString('hex')))

async function give(world, storage, args) {
  return (await world.run(storage, ['--json', 'export', ...args])).json()
}

for (const length of [0, 1, 2, 3, 100, 20000]) {
  const list = blocks('out', length, (i) => 1 + (i % 40))

  scenario(`hypercore 9 opens an exported core of ${length} blocks, checks it and goes on`, async (world) => {
    const storage = world.path()
    const record = await written(world, storage, 'name:log', list, ['--generation', '9'])
    const target = world.path('nine')
    const lines = await give(world, storage, ['name:log', target, '--format', 'hypercore-9'])
    assert.strictEqual(lines[0].blocks, length)
    const core = await openNine(target)
    assert.strictEqual(hex(core.key), record.key)
    assert.deepStrictEqual([core.length, core.byteLength, core.writable], [length, record.byteLength, true])
    assert.strictEqual(core.downloaded(0, length), length)
    if (length > 0) assert.strictEqual(await treeHashNine(core), record.treeHash)
    for (const i of [0, 1, 2, 99, 8191, 8192, 19999].filter((i) => i < length)) {
      assert.deepStrictEqual(await call(core, 'get', i), stored(list)[i])
    }
    assert.deepStrictEqual(await call(core, 'audit'), { valid: length, invalid: 0 })
    await fill(core, [Buffer.from('more')])
    assert.strictEqual(core.length, length + 1)
    await call(core, 'close')
  }, { seconds: 90 })

  scenario(`hypercore 10 opens an exported core of ${length} blocks, checks it and goes on`, async (world) => {
    const storage = world.path()
    const record = await written(world, storage, 'name:log', list)
    const target = world.path('ten')
    const lines = await give(world, storage, ['name:log', target, '--format', 'hypercore-10'])
    assert.strictEqual(lines[0].blocks, length)
    const core = await openTen(target)
    assert.strictEqual(hex(core.key), record.key)
    assert.deepStrictEqual([core.length, core.byteLength, core.writable], [length, record.byteLength, true])
    assert.deepStrictEqual([core.fork, core.contiguousLength], [0, length])
    if (length > 0) assert.strictEqual(hex(await core.treeHash()), record.treeHash)
    for (const i of [0, 1, 2, 99, 8191, 8192, 19999].filter((i) => i < length)) {
      assert.deepStrictEqual(await core.get(i, { wait: false }), stored(list)[i])
    }
    assert.deepStrictEqual(await core.core.audit(), { tree: 0, blocks: 0 })
    await core.append('more')
    assert.strictEqual(core.length, length + 1)
    await core.close()
  }, { seconds: 90 })
}

scenario('corestore 5 opens an exported store: names, namespaces, key pairs, read-only cores', async (world) => {
  const storage = world.path()
  const nine = ['--generation', '9']
  const named = await written(world, storage, 'name:log', blocks('a', 30, () => 9), nine)
  const inner = await written(world, storage, 'default', blocks('b', 3, () => 9), [...nine, '--namespace', 'a', '--namespace', 'b'])
  const random = (await world.run(storage, [...nine, '--json', 'create'])).json()[0]
  await written(world, storage, random.key, blocks('c', 4, () => 9))
  await written(world, storage, 'name:other', blocks('d', 4, () => 9)) // generation 10: not in there
  const target = world.path('five')
  const lines = await give(world, storage, [target, '--format', 'corestore-5'])
  assert.strictEqual(lines[lines.length - 1].cores, 3)
  const peer = new LegacyPeer({ storage: target })
  world.defer(() => peer.close())
  await peer.store.ready()
  for (const [core, record] of [
    [await peer.core({ name: 'log' }), named],
    [peer.store.namespace('a').namespace('b').default(), inner],
    [await peer.core({ key: random.key }), { ...random, length: 4 }]
  ]) {
    await call(core, 'ready')
    assert.strictEqual(hex(core.key), record.key)
    assert.deepStrictEqual([core.length, core.writable], [record.length, true])
    assert.deepStrictEqual(await call(core, 'audit'), { valid: record.length, invalid: 0 })
    await fill(core, [Buffer.from('more')])
  }
  // and back again: the same cores, longer
  await peer.close()
  const again = (await cli(['--storage', storage, '--json', 'import', target])).json()
  assert.strictEqual(again[again.length - 1].blocks, 3)
  assert.strictEqual((await world.run(storage, [...nine, '--json', 'info', 'name:log'])).json()[0].length, 31)
})

scenario('corestore 6 opens an exported store: names, key pairs, read-only cores, forks', async (world) => {
  const storage = world.path()
  const named = await written(world, storage, 'name:log', blocks('a', 30, () => 9))
  const inner = await written(world, storage, 'name:in', blocks('b', 3, () => 9), ['--namespace', 'a'])
  await written(world, storage, 'name:cut', blocks('c', 30, () => 9))
  await world.run(storage, ['truncate', 'name:cut', '17'])
  const cut = await written(world, storage, 'name:cut', blocks('d', 4, () => 9))
  const target = world.path('six')
  const lines = await give(world, storage, [target, '--format', 'corestore-6'])
  assert.strictEqual(lines[lines.length - 1].cores, 3)
  const store = new Corestore6(target)
  await store.ready()
  for (const [from, name, record] of [[store, 'log', named], [store.namespace('a'), 'in', inner], [store, 'cut', cut]]) {
    const core = from.get({ name, compat: false })
    const byKey = store.get({ key: Buffer.from(record.key, 'hex') })
    await byKey.ready()
    assert.deepStrictEqual([byKey.length, byKey.fork, byKey.writable], [record.length, record.fork, true])
    assert.strictEqual(hex(await byKey.treeHash()), record.treeHash)
    assert.deepStrictEqual(await byKey.core.audit(), { tree: 0, blocks: 0 })
    await byKey.append('more')
    await core.close()
    await byKey.close()
  }
  await store.close()
  const again = (await cli(['--storage', storage, '--json', 'import', target])).json()
  assert.strictEqual(again[again.length - 1].blocks, 3)
})

scenario('a directory of corestore 5 that comes in goes out byte for byte', async (world) => {
  const source = world.path('source')
  const peer = new LegacyPeer({ storage: source })
  await peer.store.ready()
  for (const size of [0, 1, 2, 3, 64, 300, 9000]) {
    await fill(await peer.core({ name: 'size-' + size }), blocks('five-' + size, size, (i) => (i * 37) % 90), 7)
  }
  await peer.close()
  const storage = world.path()
  await world.run(storage, ['import', source])
  const target = world.path('target')
  await give(world, storage, [target, '--format', 'corestore-5'])
  const names = (directory) => files(directory).map((file) => path.relative(directory, file))
  assert.deepStrictEqual(names(target), names(source))
  for (const name of names(source)) {
    assert(fs.readFileSync(path.join(target, name)).equals(fs.readFileSync(path.join(source, name))), name)
  }
}, { seconds: 90 })

scenario('a sparse mirror of generation 9 is exported as sparse as it is, and JavaScript goes on from there', async (world) => {
  const owner = new LegacyPeer()
  world.defer(() => owner.close())
  await owner.store.ready()
  const origin = await owner.core({ name: 'log' })
  const list = blocks('sparse', 500, (i) => 10 + (i % 90))
  await fill(origin, list, 33)
  const source = world.path('source')
  const holder = new LegacyPeer({ storage: source, sparse: true })
  await holder.store.ready()
  const copy = await holder.core({ key: origin.key })
  const { address } = await owner.listen()
  const link = await holder.dial(address.split('@')[0])
  const wanted = [0, 9, 200, 201, 499]
  for (const i of wanted) await get(copy, i)
  await link.close()
  await holder.close()
  const storage = world.path()
  await world.run(storage, ['import', source])
  const target = world.path('target')
  await give(world, storage, [hex(origin.key), target, '--format', 'hypercore-9'])
  assert(!fs.existsSync(path.join(target, 'secret_key')))
  for (const name of ['bitfield', 'tree', 'signatures', 'data']) {
    const original = fs.readFileSync(path.join(placeOf(source, origin), name))
    assert(fs.readFileSync(path.join(target, name)).equals(original), name)
  }
  const core = await openNine(target)
  assert.deepStrictEqual([core.length, core.writable, core.downloaded()], [500, false, wanted.length])
  for (const i of wanted) assert.deepStrictEqual(await call(core, 'get', i, { wait: false }), list[i])
  const stream = core.replicate(true, { live: true })
  const other = origin.replicate(false, { live: true })
  for (const end of [stream, other]) end.on('error', () => {}) // each hears that the other was destroyed
  stream.pipe(other).pipe(stream)
  await complete(core, 500)
  assert.deepStrictEqual(await readAll(core, 500), list)
  stream.destroy()
  await call(core, 'close')
})

scenario('a cleared core of generation 10 is exported as sparse as it is', async (world) => {
  const storage = world.path()
  const list = blocks('clear', 5000, () => 20)
  const record = await written(world, storage, 'name:log', list, [], '1000')
  await world.run(storage, ['clear', 'name:log', '100', '4000'])
  const target = world.path('ten')
  await give(world, storage, ['name:log', target, '--format', 'hypercore-10'])
  const core = await openTen(target)
  assert.deepStrictEqual([core.length, core.contiguousLength], [5000, 100])
  assert.strictEqual(hex(await core.treeHash()), record.treeHash)
  for (const i of [0, 99, 4000, 4999]) assert.deepStrictEqual(await core.get(i, { wait: false }), stored(list)[i])
  for (const i of [100, 3999]) assert.strictEqual(await core.has(i), false)
  await core.close()
})

scenario('user data goes out as it came in', async (world) => {
  const source = world.path('source')
  const origin = await openTen(source)
  await fill(origin, blocks('mark', 5, () => 9))
  const values = { mark: Buffer.from('kept'), large: Buffer.alloc(100000, 7), '': null, ü: Buffer.from([0]), forgotten: Buffer.from('x') }
  for (const [name, value] of Object.entries(values)) if (value) await origin.setUserData(name, value)
  await origin.setUserData('forgotten', null)
  const key = hex(origin.key)
  await origin.close()
  const storage = world.path()
  await world.run(storage, ['import', source])
  for (const format of ['hypercore-10', 'corestore-6']) {
    const target = world.path(format)
    const [line] = await give(world, storage, [...(format === 'hypercore-10' ? [key] : []), target, '--format', format])
    const core = await openTen(line.path)
    for (const name of ['mark', 'large', 'ü']) assert.deepStrictEqual(await core.getUserData(name), values[name])
    assert.strictEqual(await core.getUserData('forgotten'), null)
    assert.strictEqual(core.length, 5)
    await core.close()
  }
})

scenario('a core in both generations goes out as either', async (world) => {
  const storage = world.path()
  const list = blocks('both', 40, (i) => 1 + i)
  const record = await written(world, storage, 'name:log', list, ['--generation', 'both'])
  const check = async (core) => {
    assert.deepStrictEqual([hex(core.key), core.length, core.writable], [record.key, 40, true])
    await core.close()
  }
  for (const name of ['name:log', record.key]) {
    const ten = world.path('ten')
    await give(world, storage, [name, ten, '--format', 'hypercore-10'])
    await check(await openTen(ten))
    const nine = world.path('nine')
    await give(world, storage, [name, nine, '--format', 'hypercore-9'])
    const core = await openNine(nine)
    assert.deepStrictEqual([hex(core.key), core.length, core.writable], [record.key, 40, true])
    assert.deepStrictEqual(await call(core, 'audit'), { valid: 40, invalid: 0 })
    await call(core, 'close')
  }
  const six = world.path('six')
  await give(world, storage, [six, '--format', 'corestore-6'])
  const store = new Corestore6(six)
  await store.ready()
  const core = store.get({ key: Buffer.from(record.key, 'hex') })
  await core.ready()
  await check(core)
  await store.close()
  const five = world.path('five')
  await give(world, storage, [five, '--format', 'corestore-5'])
  const peer = new LegacyPeer({ storage: five })
  world.defer(() => peer.close())
  await peer.store.ready()
  const named = await peer.core({ name: 'log' })
  assert.deepStrictEqual([hex(named.key), named.length, named.writable], [record.key, 40, true])
})

scenario('beside a running server; not over something else; mistakes are sentences', async (world) => {
  const storage = world.path()
  const record = await written(world, storage, 'name:log', blocks('a', 30, () => 9))
  const server = await world.serve({ storage })
  const target = world.path('ten')
  const lines = await give(world, storage, [record.key, target, '--format', 'hypercore-10'])
  assert.strictEqual(lines[0].blocks, 30)
  await server.stop()
  const fails = async (args, code, text) => {
    const result = await cli(['--storage', storage, 'export', ...args])
    assert.strictEqual(result.code, code, result.stderr)
    assert.match(result.stderr, text)
  }
  await fails([record.key, target, '--format', 'hypercore-10'], 2, /is not empty/)
  await fails([record.key, world.path(), '--format', 'hypercore-9'], 2, /is of generation 10: its format is hypercore-10/)
  await fails(['name:nobody', world.path(), '--format', 'hypercore-10'], 1, /does not know the core name:nobody/)
  await fails([record.key, '--format', 'hypercore-10'], 2, /needs CORE and DIR/)
  await fails([record.key, world.path(), '--format', 'corestore-6'], 2, /takes DIR alone/)
  await fails([record.key, world.path(), '--format', 'tar'], 2, /format/)
})
