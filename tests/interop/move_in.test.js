'use strict'

// Directories written by corestore 5 and corestore 6 are imported: same keys, names, tree hashes and bytes, sparse as they
// were, without a byte of the source changed; a killed import goes on where it was.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { scenario, until } = require('./js/world')
const { blocks, fetchAll } = require('./js/peer')
const { cli, launch } = require('./js/native')
const { LegacyPeer, complete, get, readAll } = require('./js/legacy_peer')
const { bring, contents, five, hex, info, six } = require('./js/moving')
const { fill, fingerprint, openNine, openTen, treeHashNine } = require('./js/previous_peer')

async function checkAll(world, storage, known, generation) {
  const nine = generation === 9 ? ['--generation', '9'] : []
  for (const [key, expected] of Object.entries(known)) {
    const record = await info(world, storage, key)
    assert.strictEqual(record.generation, generation)
    assert.strictEqual(record.length, expected.length)
    assert.strictEqual(record.contiguousLength, expected.length)
    assert.strictEqual(record.writable, true)
    if (expected.length > 0) assert.strictEqual(record.treeHash, expected.treeHash)
    if (expected.fork !== undefined) assert.strictEqual(record.fork, expected.fork)
    if (expected.name) assert.strictEqual((await info(world, storage, 'name:' + expected.name, nine)).key, key)
    assert.deepStrictEqual(await contents(world, storage, key), expected.list)
  }
  await world.run(storage, ['verify'])
}

for (const [name, make, generation] of [['corestore 5', five, 9], ['corestore 6', six, 10]]) {
  scenario(`a store of ${name} moves in: keys, names, hashes, bytes; twice changes nothing; it goes on`, async (world) => {
    const source = world.path('source')
    const storage = world.path()
    const known = await make(source)
    const before = fingerprint(source)

    const plan = (await cli(['--json', 'import', source, '--plan'])).json()
    assert.strictEqual(plan[0].found, name)
    assert.strictEqual(plan[0].cores, Object.keys(known).length)
    const planned = plan[plan.length - 1]
    assert(planned.bytesNeeded > 0 && planned.secondsExpected > 0)
    assert(!fs.existsSync(storage))

    const first = await bring(storage, source)
    assert.strictEqual(first.code, 0, first.stderr)
    assert.strictEqual(first.total.cores, Object.keys(known).length)
    assert.strictEqual(first.total.blocks, planned.blocks)
    await checkAll(world, storage, known, generation)
    const again = await bring(storage, source)
    assert.strictEqual(again.code, 0, again.stderr)
    assert.deepStrictEqual([again.total.blocks, again.total.present], [0, first.total.blocks])
    assert.deepStrictEqual(fingerprint(source), before)

    const key = Object.keys(known).find((one) => known[one].name === 'size-13')
    assert.strictEqual((await world.run(storage, ['--json', 'append', key, '--lines'], { input: 'more\n' })).json()[0].length, 14)
  })
}

scenario('a new name derives the key that the old store would have derived', async (world) => {
  const nine = world.path('nine')
  const ten = world.path('ten')
  await five(nine, { sizes: [1] })
  await six(ten, { sizes: [1] })
  const peer = new LegacyPeer({ storage: nine })
  await peer.store.ready()
  const expected = hex((await peer.core({ name: 'later' })).key)
  await peer.close()
  const storage = world.path()
  assert.strictEqual((await bring(storage, nine)).code, 0)
  const record = (await world.run(storage, ['--generation', '9', '--json', 'create', 'later'])).json()[0]
  assert.strictEqual(record.key, expected)
  // another store's cores beside them: the names stay their own, though this store's primary key derives others
  const both = await bring(storage, ten)
  assert.strictEqual(both.code, 0, both.stderr)
  assert.strictEqual((await info(world, storage, 'name:size-1')).generation, 10)
  assert.strictEqual((await info(world, storage, 'name:size-1', ['--generation', '9'])).generation, 9)
})

scenario('JavaScript reads an imported store of generation 9, and follows what is appended', async (world) => {
  const source = world.path('source')
  const storage = world.path()
  const known = await five(source, { sizes: [300] })
  assert.strictEqual((await bring(storage, source)).code, 0)
  const key = Object.keys(known).find((one) => known[one].name === 'size-300')
  const server = await world.serve({ storage, args: ['--generation', '9'] })
  const reader = new LegacyPeer()
  world.defer(() => reader.close())
  await reader.store.ready()
  const core = await reader.core({ key: Buffer.from(key, 'hex') })
  await reader.dial(server.address)
  await complete(core, 300)
  assert.deepStrictEqual(await readAll(core, 300), known[key].list)
  await server.append(key, [Buffer.from('after')])
  assert.deepStrictEqual(await get(core, 300), Buffer.from('after'))
})

scenario('JavaScript reads an imported store of generation 10, and follows what is appended', async (world) => {
  const source = world.path('source')
  const storage = world.path()
  const known = await six(source, { sizes: [300] })
  assert.strictEqual((await bring(storage, source)).code, 0)
  const server = await world.serve({ storage })
  const reader = await world.peer()
  await reader.dial(server.address)
  for (const [key, expected] of Object.entries(known)) {
    const core = await reader.core({ key: Buffer.from(key, 'hex') })
    await core.update({ wait: true })
    assert.deepStrictEqual(await fetchAll(core, expected.length), expected.list)
    assert.strictEqual(hex(await core.treeHash()), expected.treeHash)
    await server.append(key, [Buffer.from('after')])
    assert.deepStrictEqual(await core.get(expected.length), Buffer.from('after'))
  }
})

scenario('a sparse core of generation 9 stays as sparse as it was, and what it has it proves', async (world) => {
  const owner = new LegacyPeer()
  world.defer(() => owner.close())
  await owner.store.ready()
  const origin = await owner.core({ name: 'log' })
  const list = blocks('sparse', 700, (i) => 10 + (i % 90))
  await fill(origin, list.slice(0, 201), 201)
  const source = world.path('source')
  const holder = new LegacyPeer({ storage: source, sparse: true })
  await holder.store.ready()
  const copy = await holder.core({ key: origin.key })
  const { address } = await owner.listen()
  const link = await holder.dial(address.split('@')[0])
  for (const i of [0, 7, 150, 199, 200]) await get(copy, i) // proven with the roots of 201 blocks
  await fill(origin, list.slice(201), 13)
  const wanted = [0, 7, 150, 199, 200, 201, 333, 512, 698, 699]
  for (const i of wanted.slice(5)) await get(copy, i)
  await link.close()
  const treeHashWas = await treeHashNine(copy).catch(() => null)
  const length = copy.length
  await holder.close()

  const storage = world.path()
  const moved = await bring(storage, source)
  assert.strictEqual(moved.code, 0, moved.stderr + JSON.stringify(moved.lines))
  const key = hex(origin.key)
  assert.strictEqual(moved.byKey[key].blocks, wanted.length)
  const record = await info(world, storage, key)
  assert.strictEqual(record.length, length)
  assert.strictEqual(record.writable, false)
  if (treeHashWas) assert.strictEqual(record.treeHash, treeHashWas)
  for (const i of wanted) {
    assert.deepStrictEqual((await world.run(storage, ['get', key, String(i)])).stdout, list[i])
  }
  for (const i of [1, 8, 300, 697]) assert.strictEqual((await cli(['--storage', storage, 'get', key, String(i)])).code, 1)

  const server = await world.serve({ storage, args: ['--generation', '9'] })
  const third = new LegacyPeer({ sparse: true })
  world.defer(() => third.close())
  await third.store.ready()
  const seen = await third.core({ key: origin.key })
  const far = await third.dial(server.address)
  for (const i of wanted) assert.deepStrictEqual(await get(seen, i), list[i])
  assert.deepStrictEqual(far.errors, [])
})

scenario('a sparse and cleared core of generation 10 stays as sparse as it was', async (world) => {
  const list = blocks('sparse', 5000, (i) => 10 + (i % 90))
  const origin = await openTen(world.path('origin'))
  await fill(origin, list, 1000)
  const source = world.path('source')
  const copy = await openTen(source, origin.key)
  const [one, two] = [origin.replicate(true), copy.replicate(false)]
  one.pipe(two).pipe(one)
  await copy.update({ wait: true })
  const wanted = [0, 1, 2, 31, 777, 4095, 4096, 4999]
  for (const i of wanted) await copy.get(i)
  await copy.download({ start: 2000, end: 3000 }).done()
  await copy.clear(2500, 2600)
  await copy.close()
  await origin.close()

  const storage = world.path()
  const moved = await bring(storage, source)
  assert.strictEqual(moved.code, 0, moved.stderr + JSON.stringify(moved.lines))
  assert.strictEqual(moved.lines[0].found, 'hypercore 10')
  const key = hex(origin.key)
  assert.strictEqual(moved.byKey[key].blocks, wanted.length + 900)
  for (const i of [...wanted, 2000, 2499, 2600, 2999]) {
    assert.deepStrictEqual((await world.run(storage, ['get', key, String(i)])).stdout, list[i])
  }
  for (const i of [3, 2500, 2599, 3000]) assert.strictEqual((await cli(['--storage', storage, 'get', key, String(i)])).code, 1)
  await world.run(storage, ['verify'])
  const server = await world.serve({ storage })
  const reader = await world.peer()
  await reader.dial(server.address)
  const seen = await reader.core({ key: Buffer.from(key, 'hex') })
  for (const i of [...wanted, 2000, 2999]) assert.deepStrictEqual(await seen.get(i), list[i])
})

for (const [name, open, files] of [['9', openNine, 5], ['10', openTen, 1]]) {
  scenario(`an import of hypercore ${name} that is killed again and again goes on where it was`, async (world) => {
    const source = world.path('source')
    const core = await open(source)
    const list = blocks('large', 30000, () => 1200)
    await fill(core, list, 1000)
    const key = hex(core.key)
    await (core.core ? core.close() : new Promise((resolve) => core.close(resolve)))
    const before = fingerprint(source)
    assert(Object.keys(before).length >= files)

    const storage = world.path()
    const database = path.join(storage, 'data.mdb')
    const size = () => (fs.existsSync(database) ? fs.statSync(database).size : 0)
    let kills = 0
    for (let goal = 4e6; goal < 30e6; goal += 6e6) {
      const child = launch('corestore', ['--storage', storage, 'import', source])
      await until(() => size() > goal || child.exitCode !== null, 'the import has written more', 30000)
      child.kill('SIGKILL')
      if ((await child.ended).signal === 'SIGKILL') kills++
    }
    assert(kills >= 2, `killed ${kills} times`)
    const last = await bring(storage, source)
    assert.strictEqual(last.code, 0, last.stderr)
    assert(last.total.present > 0, 'something had been there')
    assert.strictEqual(last.total.present + last.total.blocks, list.length)
    assert.deepStrictEqual(fingerprint(source), before)
    await world.run(storage, ['verify'])
    const record = await info(world, storage, key)
    assert.strictEqual(record.contiguousLength, list.length)
    const bytes = (await world.run(storage, ['cat', key])).stdout
    assert(bytes.equals(Buffer.concat(list)))
  }, { seconds: 150 })
}

scenario('a core that is open elsewhere, a store of ours, an unknown directory: a sentence each', async (world) => {
  const source = world.path('source')
  const core = await openNine(source)
  await fill(core, blocks('open', 3, () => 9))
  const storage = world.path()
  const moved = await bring(storage, source)
  assert.strictEqual(moved.code, 1)
  assert.match(moved.lines[1].error, /in use by another process/)
  await new Promise((resolve) => core.close(resolve))
  assert.strictEqual((await bring(storage, source)).code, 0)

  const own = await bring(world.path(), storage)
  assert.strictEqual(own.code, 2)
  assert.match(own.stderr, /a store of this engine/)
  const nothing = world.path('nothing')
  assert.strictEqual((await bring(world.path(), nothing)).code, 1)
  fs.mkdirSync(nothing)
  assert.match((await bring(world.path(), nothing)).stderr, /no directory of corestore or hypercore/)
  const remote = await cli(['import', source])
  assert.strictEqual(remote.code, 2)
  assert.match(remote.stderr, /which only the owner of a store takes in: end the server/)
  const server = await world.serve({ storage })
  const held = await bring(storage, source)
  assert.strictEqual(held.code, 3)
  assert.match(held.stderr, new RegExp(`${server.child.pid}.*end it`))
})

scenario('another log of the same key in the store is a conflict, and stays as it is', async (world) => {
  const keyPair = { publicKey: null, secretKey: null }
  const first = await openTen(world.path('first'))
  await fill(first, blocks('first', 5, () => 9))
  keyPair.publicKey = first.keyPair.publicKey
  keyPair.secretKey = first.keyPair.secretKey
  await first.close()
  const second = await openTen(world.path('second'), { keyPair })
  await fill(second, blocks('second', 7, () => 9))
  await second.close()
  const storage = world.path()
  assert.strictEqual((await bring(storage, path.join(world.root, 'first-0'))).code, 0)
  const moved = await bring(storage, path.join(world.root, 'second-1'))
  assert.strictEqual(moved.code, 1)
  assert.match(moved.byKey[hex(first.key)].error, /another log of this key/)
  assert.strictEqual((await info(world, storage, hex(first.key))).length, 5)
})
