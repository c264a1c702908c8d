'use strict'

// Directories written by corestore 5 and corestore 6 are imported: same keys, names, tree hashes and bytes, sparse as they
// were, without a byte of the source changed; damage is named and the rest comes; a killed import goes on where it was.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { scenario, until } = require('./js/world')
const { blocks, fetchAll } = require('./js/peer')
const { cli, launch } = require('./js/native')
const { LegacyPeer, complete, get, readAll } = require('./js/legacy_peer')
const { Corestore6, fill, fingerprint, flip, openNine, openTen, placeOf, treeHashNine } = require('./js/previous_peer')

const hex = (buffer) => buffer.toString('hex')

/** Runs an import; { code, lines by key, total, stderr }. */
async function bring(storage, directory, args = []) {
  const result = await cli(['--storage', storage, '--json', ...args, 'import', directory])
  const lines = result.json()
  const byKey = Object.fromEntries(lines.filter((line) => line.key).map((line) => [line.key, line]))
  return { code: result.code, stderr: result.stderr, lines, byKey, total: lines[lines.length - 1] }
}

const info = async (world, storage, core, args = []) =>
  (await world.run(storage, [...args, '--json', 'info', core])).json()[0]

async function contents(world, storage, core, args = []) {
  const lines = (await world.run(storage, [...args, '--json', 'cat', core])).json()
  return lines.map((line) => Buffer.from(line.base64, 'base64'))
}

/** A store of corestore 5 with cores of several sizes, closed; what is in it by key. */
async function five(directory, { sizes = [0, 1, 2, 3, 13, 2000], options = {} } = {}) {
  const peer = new LegacyPeer({ storage: directory, ...options })
  await peer.store.ready()
  const known = {}
  const note = async (core, list, name) => {
    known[hex(core.key)] = { list, name, length: core.length, treeHash: await treeHashNine(core) }
  }
  for (const size of sizes) {
    const core = await peer.core({ name: 'size-' + size })
    const list = blocks('five-' + size, size, (i) => (i * 37) % 300)
    await fill(core, list, 7)
    await note(core, list, 'size-' + size)
  }
  for (const [store, name] of [[peer.store, 'default'], [peer.store.namespace('a').namespace('b'), 'a:b']]) {
    const core = store.default()
    await new Promise((resolve) => core.ready(resolve))
    await fill(core, [Buffer.from(name)])
    await note(core, [Buffer.from(name)], name)
  }
  const random = await peer.core({})
  await fill(random, blocks('random', 5, () => 20))
  await note(random, blocks('random', 5, () => 20), null)
  await peer.close()
  return known
}

async function six(directory, { sizes = [0, 1, 2, 3, 13, 2000], options = {} } = {}) {
  const store = new Corestore6(directory, options)
  await store.ready()
  const known = {}
  const note = async (core, list, name) => {
    known[hex(core.key)] = { list, name, length: core.length, fork: core.fork, treeHash: hex(await core.treeHash()) }
  }
  for (const size of sizes) {
    const core = store.get({ name: 'size-' + size, compat: size % 2 === 0 })
    await core.ready()
    const list = blocks('six-' + size, size, (i) => (i * 37) % 300)
    await fill(core, list, 7)
    await note(core, list, 'size-' + size)
  }
  const cut = store.get({ name: 'cut' })
  await cut.ready()
  await fill(cut, blocks('cut', 20, () => 30))
  await cut.truncate(11)
  await fill(cut, blocks('cut again', 3, () => 30))
  await cut.setUserData('mark', Buffer.from('kept'))
  await note(cut, [...blocks('cut', 11, () => 30), ...blocks('cut again', 3, () => 30)], 'cut')
  await store.close()
  return known
}

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

// -- damage: each is named, and the rest comes

async function damaged(world, make, name, hurt, check) {
  const source = world.path('source')
  const known = await make(source, { sizes: [3, 64] })
  const key = Object.keys(known).find((one) => known[one].name === 'size-64')
  const place = placeOf(source, { discoveryKey: Buffer.from((await discovery(world, source, key)), 'hex') })
  await hurt(place, source, known)
  const storage = world.path()
  const moved = await bring(storage, source)
  const line = moved.byKey[key] || moved.lines.find((one) => one.path && one.path.endsWith(path.basename(place)))
  await check({ world, moved, line, storage, key, known, name })
  for (const [other, expected] of Object.entries(known)) {
    if (other === key || name === 'wrong key') continue
    assert.strictEqual((await info(world, storage, other)).contiguousLength, expected.length)
  }
}

async function discovery(world, source, key) {
  const plan = (await cli(['--json', 'import', source, '--plan'])).json()
  return plan.find((line) => line.key === key).discoveryKey
}

const cases = {
  five: {
    'a byte of data is wrong': [
      (place) => flip(path.join(place, 'data'), 500),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.strictEqual(line.damaged, 1)
        assert.match(line.faults[0], /do not match its hash/)
        assert.strictEqual(line.blocks, 63)
      }
    ],
    'data is cut off': [
      (place) => fs.truncateSync(path.join(place, 'data'), 300),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert(line.damaged > 0 && line.blocks > 0 && line.damaged + line.blocks === 64)
        assert.match(line.faults[0], /not all there/)
      }
    ],
    'a node of the tree is wrong': [
      (place) => flip(path.join(place, 'tree'), 32 + 40 * 9 + 3),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.match(line.faults[0], /tree node/)
        assert(line.blocks >= 48 && line.damaged > 0)
      }
    ],
    'the tree is cut off': [
      (place) => fs.truncateSync(path.join(place, 'tree'), 32 + 40 * 70),
      ({ line, moved }) => {
        assert.strictEqual(moved.code, 1)
        assert.strictEqual(line.length, 64) // its root is there
        // the roots of 35 blocks, a length that was signed, are there
        assert.deepStrictEqual([line.blocks, line.damaged], [35, 29])
      }
    ],
    'the newest signature does not match': [
      (place) => flip(path.join(place, 'signatures'), 32 + 64 * 63 + 5),
      ({ line }) => {
        assert(line.complaints.some((text) => /newest length that is signed/.test(text)))
        assert.strictEqual(line.length, 63)
        assert.strictEqual(line.blocks, 63)
      }
    ],
    'an older signature does not match': [
      (place) => flip(path.join(place, 'signatures'), 32 + 64 * 6 + 5),
      ({ line }) => {
        assert.match(line.faults[0], /signature of length 7 does not hold/)
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the bitfield is garbage': [
      (place) => fs.writeFileSync(path.join(place, 'bitfield'), Buffer.alloc(5000, 0xab)),
      ({ line }) => {
        assert(line.complaints.some((text) => /bitfield/.test(text)))
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the header of a file is from another one': [
      (place) => fs.writeFileSync(path.join(place, 'signatures'), Buffer.alloc(200, 7)),
      ({ line }) => {
        assert(line.complaints.some((text) => /signatures/.test(text)))
        assert.strictEqual(line.length, 0)
      }
    ],
    'the name is a huge varint': [
      (place) => fs.writeFileSync(path.join(place, 'name'), Buffer.alloc(40, 0xff)),
      ({ line }) => {
        assert(line.complaints.some((text) => /name/.test(text)))
        assert.strictEqual(line.writable, false)
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the key is another one': [
      (place) => flip(path.join(place, 'key'), 3),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.match(line.error, /belongs to another directory/)
      }
    ],
    'the key is cut off': [
      (place) => fs.truncateSync(path.join(place, 'key'), 31),
      ({ moved }) => assert(moved.lines[0].complaints.some((text) => /holds no core/.test(text)))
    ]
  },
  six: {
    'a byte of data is wrong': [
      (place) => flip(path.join(place, 'data'), 500),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.strictEqual(line.damaged, 1)
        assert.strictEqual(line.blocks, 63)
      }
    ],
    'data is cut off': [
      (place) => fs.truncateSync(path.join(place, 'data'), 300),
      ({ line }) => assert(line.damaged > 0 && line.damaged + line.blocks === 64)
    ],
    'a node of the tree is wrong': [
      (place) => flip(path.join(place, 'tree'), 40 * 9 + 3),
      ({ line }) => {
        assert.match(line.faults[0], /tree node/)
        assert(line.blocks >= 48)
      }
    ],
    'the oplog ends in a batch that was half written': [
      (place) => fs.appendFileSync(path.join(place, 'oplog'), Buffer.alloc(777, 0x5a)),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 0)
        assert(line.complaints.some((text) => /777 bytes of a write that was cut off/.test(text)))
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the oplog is garbage': [
      (place) => fs.writeFileSync(path.join(place, 'oplog'), Buffer.alloc(9000, 0x5a)),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.match(line.error, /neither header of the oplog can be read/)
      }
    ],
    'the bitfield is gone': [
      (place) => fs.rmSync(path.join(place, 'bitfield')),
      ({ line }) => {
        assert(line.complaints.some((text) => /no file `bitfield`/.test(text)))
        assert.strictEqual(line.blocks, 64)
      }
    ]
  }
}

for (const [kind, make] of [['five', five], ['six', six]]) {
  for (const [name, [hurt, check]] of Object.entries(cases[kind])) {
    scenario(`corestore ${kind === 'five' ? 5 : 6}: ${name}`, (world) => damaged(world, make, name, hurt, check))
  }
}

scenario('a wrong master key is named, and the cores come as read-only ones', async (world) => {
  const source = world.path('source')
  const known = await five(source, { sizes: [3] })
  fs.writeFileSync(path.join(source, 'master_key'), Buffer.alloc(32, 9))
  const storage = world.path()
  const moved = await bring(storage, source)
  for (const [key, expected] of Object.entries(known)) {
    const line = moved.byKey[key]
    assert(line.complaints.some((text) => /another master key/.test(text)), JSON.stringify(line))
    assert.deepStrictEqual([line.writable, line.blocks], [false, expected.length])
  }
})

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
  assert.strictEqual((await cli(['import', source])).code, 2)
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
