'use strict'

// JavaScript reads cores that we wrote.

const assert = require('node:assert')
const fs = require('node:fs')
const { scenario } = require('./js/world')
const { block, blocks, fetchAll, sameBlocks, treeHash } = require('./js/peer')

const MIB = 1024 * 1024

/** Writes blocks with the CLI, one per file, and returns the record. */
async function write(world, storage, name, list) {
  if (list.length > 0) {
    const files = list.map((bytes, i) => {
      const file = world.path('block')
      fs.writeFileSync(file, bytes)
      return file
    })
    await world.run(storage, ['append', 'name:' + name, '--batch', '16', ...files])
  } else {
    await world.run(storage, ['create', name])
  }
  return (await world.run(storage, ['--json', 'info', 'name:' + name])).json()[0]
}

/** A fresh JavaScript peer downloads the core and must see the same blocks and the same tree. */
async function readBack(world, server, record, expected) {
  const peer = await world.peer()
  const core = await peer.core({ key: Buffer.from(record.key, 'hex') })
  await peer.dial(server.address)
  await core.update({ wait: true })
  assert.strictEqual(core.length, expected.length)
  assert.strictEqual(core.fork, 0)
  sameBlocks(await fetchAll(core, expected.length), expected)
  if (expected.length > 0) assert.strictEqual(await treeHash(core), record.treeHash)
  assert.strictEqual(core.byteLength, record.byteLength)
  return core
}

for (const length of [1, 2, 3]) {
  scenario(`JavaScript reads our core of ${length} blocks`, async (world) => {
    const storage = world.path()
    const list = blocks('small', length, (i) => 5 + i)
    const record = await write(world, storage, 'log', list)
    await readBack(world, await world.serve({ storage }), record, list)
  })
}

scenario('JavaScript opens our empty core and gets the first block live', async (world) => {
  const storage = world.path()
  const record = await write(world, storage, 'log', [])
  assert.strictEqual(record.length, 0)
  const server = await world.serve({ storage })
  const peer = await world.peer()
  const core = await peer.core({ key: Buffer.from(record.key, 'hex') })
  await peer.dial(server.address)
  assert.strictEqual(await core.update({ wait: true }), false)
  assert.strictEqual(core.length, 0)
  const first = core.get(0, { timeout: 10000 })
  await server.append(record.key, ['hello'])
  assert.strictEqual((await first).toString(), 'hello')
})

scenario('JavaScript reads empty blocks between others', async (world) => {
  const storage = world.path()
  const list = blocks('empty', 9, (i) => [0, 3, 0, 0, 7, 1, 0, 2, 0][i])
  const record = await write(world, storage, 'log', list)
  await readBack(world, await world.serve({ storage }), record, list)
})

scenario('JavaScript reads blocks of 1 MiB and one of 15,000,000 bytes', async (world) => {
  const storage = world.path()
  const list = [...blocks('large', 8, MIB), block('largest', 0, 15000000), block('after', 0, 10)]
  const record = await write(world, storage, 'log', list)
  await readBack(world, await world.serve({ storage }), record, list)
})

scenario('JavaScript reads our core of 100,000 blocks', async (world) => {
  const storage = world.path()
  const count = 100000
  const size = 16
  const whole = Buffer.concat(blocks('many', count, size))
  await world.run(storage, ['append', 'name:log', '--block-size', String(size), '--batch', '1000'], { input: whole })
  const record = (await world.run(storage, ['--json', 'info', 'name:log'])).json()[0]
  assert.strictEqual(record.length, count)
  const server = await world.serve({ storage })
  const peer = await world.peer()
  const core = await peer.core({ key: Buffer.from(record.key, 'hex') })
  await peer.dial(server.address)
  await core.update({ wait: true })
  await core.download({ start: 0, end: count }).done()
  for (let i = 0; i < count; i += 997) {
    assert(Buffer.compare(await core.get(i, { wait: false }), whole.subarray(i * size, (i + 1) * size)) === 0)
  }
  assert.strictEqual(core.contiguousLength, count)
  assert.strictEqual(await treeHash(core), record.treeHash)
}, { seconds: 90 })

scenario('JavaScript reads through a Unix socket', async (world) => {
  const storage = world.path()
  const list = blocks('unix', 20, 50)
  const record = await write(world, storage, 'log', list)
  await readBack(world, await world.serve({ storage, listen: ['unix:' + world.path('socket')] }), record, list)
})

scenario('JavaScript seeks in our core without having its blocks', async (world) => {
  const storage = world.path()
  const sizes = [3, 5, 8, 1, 13, 2, 21, 1, 1, 34, 4, 6, 7, 10, 9, 12, 3, 3, 5, 2]
  const list = blocks('seek', sizes.length, (i) => sizes[i])
  const record = await write(world, storage, 'log', list)
  const server = await world.serve({ storage })
  for (const [bytes, index, offset] of positions(sizes)) {
    const peer = await world.peer()
    const core = await peer.core({ key: Buffer.from(record.key, 'hex') })
    await peer.dial(server.address)
    await core.update({ wait: true })
    assert.deepStrictEqual(await core.seek(bytes, { timeout: 10000 }), [index, offset], `byte ${bytes}`)
    assert.strictEqual((await core.get(index, { timeout: 10000 })).length, sizes[index])
    await peer.close()
  }
})

/** Byte positions worth asking for: starts, ends and middles. */
function positions(sizes) {
  const out = []
  let start = 0
  sizes.forEach((size, index) => {
    if (index % 3 === 0) out.push([start, index, 0])
    if (index % 4 === 1) out.push([start + size - 1, index, size - 1])
    start += size
  })
  return out
}

scenario('a second JavaScript reader does not disturb the first', async (world) => {
  const storage = world.path()
  const list = blocks('two', 500, 200)
  const record = await write(world, storage, 'log', list.slice(0, 20))
  const server = await world.serve({ storage })
  await server.append(record.key, list.slice(20))
  const now = await server.record(record.key)
  await Promise.all([1, 2, 3].map(() => readBack(world, server, now, list)))
})
