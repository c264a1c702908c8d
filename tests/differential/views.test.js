'use strict'

// Views, snapshots, checkouts and batches while the core replicates with JavaScript; commits over several cores as a
// JavaScript reader sees them; block encryption in every schedule.

const assert = require('node:assert')
const { behaviour, until, blocks, reach, WRITER } = require('./behaviour')

const toHex = (list) => list.map((bytes) => bytes.toString('hex'))
const text = ({ value }) => Buffer.from(value, 'hex').toString()

behaviour('our views stay as they were while JavaScript appends and truncates', async (world) => {
  const writer = await world.js('writer', WRITER)
  const reader = await world.native('reader')
  const key = await writer.open('log')
  await writer.append(blocks(10))
  const at = await writer.core.treeHash(6)
  const all = await writer.core.treeHash()
  await reader.open('log', key)
  await reader.dial(writer.port)
  await reach(reader, 10)
  await reader.download(0, 9, 10000)
  await reader._ask('view', { view: 'whole' })
  await reader._ask('view', { view: 'six', length: 6 })
  await writer.append(blocks(5, 10))
  await reach(reader, 15)
  assert.strictEqual((await reader._ask('viewInfo', { view: 'whole' })).treeHash, all.toString('hex'))
  assert.strictEqual((await reader._ask('viewInfo', { view: 'six' })).treeHash, at.toString('hex'))
  assert.strictEqual((await reader._ask('hash', { length: 6 })).value, at.toString('hex'))
  await assert.rejects(reader._ask('viewGet', { view: 'whole', index: 12, wait: 300 }), /block_not_available|not/)
  assert.strictEqual(text(await reader._ask('viewGet', { view: 'whole', index: 9, wait: 5000 })), 'block 9') // fetched for it
  await writer.truncate(4)
  await writer.append(blocks(8, 100))
  await until(async () => (await reader.head()).fork === 1 && (await reader.head()).length === 12, 'we follow')
  for (const index of [0, 3, 4, 8, 9]) {
    assert.strictEqual(text(await reader._ask('viewGet', { view: 'whole', index, wait: 0 })), `block ${index}`)
  }
  assert.strictEqual(text(await reader._ask('viewGet', { view: 'six', index: 5, wait: 0 })), 'block 5')
  assert.strictEqual((await reader._ask('viewInfo', { view: 'whole' })).length, 10)
  assert.strictEqual((await reader.get(4, 5000)).toString(), 'block 100')
})

behaviour('snapshots and checkouts that JavaScript holds of a core of ours stay as they were', async (world) => {
  const writer = await world.native('writer', WRITER)
  const reader = await world.js('reader')
  const key = await writer.open('log')
  await writer.append(blocks(10))
  await reader.open('log', key)
  await reader.dial(writer.port)
  await reach(reader, 10)
  await reader.download(0, 10, 10000)
  const snapshot = reader.core.snapshot()
  const branch = reader.core.session({ name: 'branch', checkout: 6, writable: false })
  await snapshot.ready()
  await branch.ready()
  const hash = (await writer._ask('hash', { length: 6 })).value
  assert.strictEqual((await branch.treeHash()).toString('hex'), hash)
  await writer.append(blocks(5, 10))
  await reach(reader, 15)
  assert.deepStrictEqual([snapshot.length, branch.length], [10, 6])
  assert.strictEqual((await snapshot.get(9)).toString(), 'block 9')
  await writer.truncate(3, 0)
  await writer.append(blocks(4, 200))
  await until(() => reader.core.fork === 1 && reader.core.length === 7, 'JavaScript follows')
  assert.strictEqual((await snapshot.get(1)).toString(), 'block 1')
  assert.strictEqual((await reader.get(3, 5000)).toString(), 'block 200')
  await snapshot.close()
  await branch.close()
})

behaviour('a batch reaches JavaScript when it is flushed, at once', async (world) => {
  const writer = await world.native('writer', WRITER)
  const reader = await world.js('reader')
  const key = await writer.open('log')
  await writer.append(blocks(2))
  await reader.open('log', key)
  await reader.dial(writer.port)
  await reach(reader, 2)
  const lengths = []
  reader.core.on('append', () => lengths.push(reader.core.length))
  await writer._ask('view', { view: 'batch', writable: true })
  for (let i = 0; i < 6; i++) await writer._ask('viewAppend', { view: 'batch', blocks: toHex(blocks(1, 2 + i)) })
  assert.strictEqual(text(await writer._ask('viewGet', { view: 'batch', index: 7, wait: 0 })), 'block 7')
  assert.strictEqual((await writer._ask('viewTruncate', { view: 'batch', length: 7 })).length, 7)
  await writer._ask('view', { view: 'dropped', writable: true })
  await writer._ask('viewAppend', { view: 'dropped', blocks: toHex(blocks(50, 500)) })
  await writer._ask('viewClose', { view: 'dropped' })
  assert.strictEqual(reader.core.length, 2)
  await writer._ask('viewFlush', { view: 'batch' })
  await reach(reader, 7)
  assert.deepStrictEqual(lengths, [7])
  await reader.download(0, 7, 5000)
  assert.deepStrictEqual((await reader.state()).blocks, toHex(blocks(7)))
})

behaviour('a commit over several cores is whole for a JavaScript reader', async (world) => {
  const writer = await world.native('writer', WRITER)
  const reader = await world.js('reader')
  const keys = []
  for (const name of ['left', 'right']) keys.push(await writer.open(name))
  const cores = []
  for (const key of keys) {
    cores.push(reader.store.get({ key }))
    await cores.at(-1).ready()
  }
  await reader.dial(writer.port)
  const ask = (verb, core, more) => writer.driver.ask({ do: verb, store: writer.name, core, ...more })
  for (let round = 1; round <= 5; round++) {
    for (const core of ['left', 'right']) {
      await ask('view', core, { view: core, writable: true })
      await ask('viewAppend', core, { view: core, blocks: toHex(blocks(3, 3 * round)) })
    }
    const { sizes } = await ask('viewCommit', 'left', { views: ['left', 'right'] })
    assert.deepStrictEqual(sizes.map(({ length }) => length), [3 * round, 3 * round])
    await until(() => cores.every((core) => core.length === 3 * round), `round ${round} arrives`)
  }
  // one of them is stale: none of them is written
  for (const core of ['left', 'right']) {
    await ask('view', core, { view: core, writable: true })
    await ask('viewAppend', core, { view: core, blocks: toHex(blocks(1)) })
  }
  await ask('append', 'right', { blocks: toHex(blocks(1)) })
  await assert.rejects(ask('viewCommit', 'left', { views: ['left', 'right'] }), /stale/)
  await until(() => cores[1].length === 16, 'the append arrives')
  assert.strictEqual(cores[0].length, 15)
})

for (const isBlockKey of [false, true]) {
  const kind = isBlockKey ? 'a key for blocks' : 'a key for the core'
  const encryptionKey = Buffer.alloc(32, 7)
  const schedule = isBlockKey ? { schedule: 2 } : {}

  behaviour(`JavaScript reads what we encrypted with ${kind}, also in a batch`, async (world) => {
    const writer = await world.native('writer', WRITER)
    const reader = await world.js('reader')
    const key = await writer.open('log')
    await writer._ask('encrypt', { key: encryptionKey.toString('hex'), ...schedule })
    await writer.append(blocks(4))
    await writer._ask('view', { view: 'batch', writable: true })
    await writer._ask('viewAppend', { view: 'batch', blocks: toHex(blocks(2, 4)) })
    await writer._ask('viewFlush', { view: 'batch' })
    reader.core = reader.store.get({ key, encryption: { key: encryptionKey, block: isBlockKey } })
    await reader.core.ready()
    await reader.dial(writer.port)
    await reach(reader, 6)
    for (let i = 0; i < 6; i++) assert.strictEqual((await reader.get(i, 5000)).toString(), `block ${i}`)
    assert.strictEqual(reader.core.byteLength, (await writer._ask('record')).byteLength)
    const raw = (await writer._ask('fetch', { index: 3, raw: true, wait: 0 })).value
    assert.deepStrictEqual((await reader.core.get(3, { raw: true })).toString('hex'), raw)
    await reader.core.close()
    reader.coreName = null
  })

  behaviour(`we read what JavaScript encrypted with ${kind}; without the key it is served as it is`, async (world) => {
    const writer = await world.js('writer', WRITER)
    const reader = await world.native('reader')
    writer.core = writer.store.get({ name: 'log', encryption: { key: encryptionKey, block: isBlockKey } })
    await writer.core.ready()
    await writer.append(blocks(4))
    await reader.open('log', writer.core.key)
    await reader.dial(writer.port)
    await reach(reader, 4)
    await reader.download(0, 4, 5000)
    assert.notStrictEqual((await reader.get(1, 0)).toString(), 'block 1')
    await reader._ask('encrypt', { key: encryptionKey.toString('hex'), ...schedule })
    for (let i = 0; i < 4; i++) assert.strictEqual((await reader.get(i, 0)).toString(), `block ${i}`)
    const blind = await world.js('blind', Buffer.alloc(32, 5))
    await blind.open('log', writer.core.key)
    await blind.dial(reader.port)
    await reach(blind, 4)
    assert.deepStrictEqual(await blind.get(2, 5000), await writer.core.get(2, { raw: true }))
  })
}

behaviour('an open core keeps its encryption key until nobody holds it', async (world) => {
  const writer = await world.native('writer', WRITER)
  await writer.open('log')
  const open = (core, more) => writer.driver.ask({ do: 'open', store: writer.name, core, name: 'log', ...more })
  await open('first', { encryptionKey: '11'.repeat(32) })
  await open('second', { encryptionKey: '11'.repeat(32) })
  await assert.rejects(open('third', { encryptionKey: '22'.repeat(32) }), /another encryption key/)
  await open('blind', {})
})
