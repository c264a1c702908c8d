'use strict'

// Download ranges (linear, at random, block by block, cancelled), streams, gets that end, slow peers; in both roles.

const assert = require('node:assert')
const { behaviour, until, blocks, reach, met, WRITER } = require('./behaviour')

async function pair(world, kind, count) {
  const writer = await world[kind]('writer', WRITER)
  const reader = await world[kind === 'js' ? 'native' : 'js']('reader')
  const key = await writer.open('log')
  if (count > 0) await writer.append(blocks(count))
  await reader.open('log', key)
  await reader.dial(writer.port)
  if (count > 0) await reach(reader, count)
  return { writer, reader, key }
}

behaviour('we download ranges from JavaScript: linear, at random, block by block', async (world) => {
  const { writer, reader } = await pair(world, 'js', 600)
  const order = []
  writer.core.on('upload', (index) => order.push(index))
  assert.strictEqual((await reader._ask('ranges', { start: 100, end: 200, linear: true, wait: 10000 })).done, true)
  const first = order.splice(0)
  // Each once, also those that JavaScript answers before the one that proves them.
  assert.deepStrictEqual([...first].sort((a, b) => a - b), Array.from({ length: 100 }, (unused, i) => 100 + i))
  assert(Math.max(...first.slice(0, 64)) < 172, 'from the start on')
  const indices = [599, 3, 250, 251, 3]
  assert.strictEqual((await reader._ask('ranges', { indices, wait: 10000 })).done, true)
  assert.deepStrictEqual([...new Set(order.splice(0))].sort((a, b) => a - b), [3, 250, 251, 599])
  assert.strictEqual((await reader._ask('ranges', { start: 300, end: 500, wait: 10000 })).done, true)
  assert.strictEqual((await reader._ask('has', { start: 300, end: 500 })).here, true)
  assert.strictEqual((await reader._ask('has', { start: 200, end: 300 })).here, false)
})

behaviour('JavaScript downloads ranges from us: linear, at random, block by block', async (world) => {
  const { reader } = await pair(world, 'native', 600)
  await reader.core.download({ start: 100, end: 200, linear: true }).done()
  await reader.core.download({ blocks: [599, 3, 250, 251] }).done()
  await reader.core.download({ start: 300, end: 500 }).done()
  assert(await reader.core.has(100, 200))
  assert(await reader.core.has(300, 500))
  for (const index of [599, 3, 250, 251]) assert(await reader.core.has(index))
  assert.strictEqual(await reader.core.has(252), false)
})

behaviour('what is cancelled here is cancelled at JavaScript', async (world) => {
  const { writer, reader } = await pair(world, 'js', 5)
  await writer.clear(2, 3)
  const late = reader._ask('ranges', { start: 7, end: 9, wait: 20000, token: 4 }) // waits for growth
  const waiting = reader._ask('fetch', { index: 2, wait: 20000, token: 5 })
  late.catch(() => {})
  waiting.catch(() => {})
  const never = reader._ask('fetch', { index: 2, wait: 300 })
  await assert.rejects(never, /timed_out|in time/)
  // tokens belong to whoever asked; the one who waits above is another caller
  assert.strictEqual((await reader._ask('cancel', { token: 5 })).done, false)
  await writer.append(blocks(5, 5))
  assert.strictEqual((await late).done, true)
  assert.strictEqual((await reader.get(4, 5000)).toString(), 'block 4')
})

behaviour('what JavaScript cancels is not sent any more', async (world) => {
  const { writer, reader } = await pair(world, 'native', 3000)
  const range = reader.core.download({ start: 0, end: 3000 })
  await until(async () => (await writer._ask('stats')).blocksUploaded > 50, 'it has begun')
  range.destroy()
  let before = -1
  await until(async () => {
    const { blocksUploaded } = await writer._ask('stats')
    const isQuiet = blocksUploaded === before
    before = blocksUploaded
    return isQuiet
  }, 'nothing is sent any more')
  assert.strictEqual((await reader.get(2999, 5000)).toString(), 'block 2999')
})

behaviour('a live stream of ours follows JavaScript', async (world) => {
  const { writer, reader } = await pair(world, 'js', 3)
  const seen = []
  for (let start = 0; start < 9;) {
    if (start === 3) await writer.append(blocks(4, 3))
    if (start === 7) setTimeout(() => writer.append(blocks(2, 7)), 50)
    const { page } = await reader._ask('page', { start, end: 1000, wait: 10000 })
    assert(page.length > 0, `block ${start} does not come`)
    for (const { index, value } of page) seen.push([index, Buffer.from(value, 'hex').toString()])
    start = seen.length
  }
  assert.deepStrictEqual(seen, Array.from({ length: 9 }, (unused, i) => [i, `block ${i}`]))
  assert.deepStrictEqual((await reader._ask('page', { start: 9, end: 1000, wait: 100 })).page, [])
})

behaviour('read and byte streams of JavaScript over a core of ours', async (world) => {
  const { writer, reader } = await pair(world, 'native', 50)
  const list = []
  for await (const block of reader.core.createReadStream({ start: 10, end: 20 })) list.push(block.toString())
  assert.deepStrictEqual(list, blocks(10, 10).map(String))
  const whole = Buffer.concat(blocks(50))
  const parts = []
  for await (const data of reader.core.createByteStream({ byteOffset: 33, byteLength: 200 })) parts.push(data)
  assert.deepStrictEqual(Buffer.concat(parts), whole.subarray(33, 233))
  const live = []
  const stream = reader.core.createReadStream({ start: 48, live: true })
  stream.on('data', (block) => live.push(block.toString()))
  await writer.append(blocks(2, 50))
  await until(() => live.length === 4, 'the live stream goes on')
  stream.destroy()
  assert.deepStrictEqual(live, blocks(4, 48).map(String))
})

for (const kind of ['js', 'native']) {
  behaviour(`an update ends when no peer has anything new (${kind} writes)`, async (world) => {
    const { writer, reader } = await pair(world, kind, 0)
    await met(reader)
    const update = async () => {
      if (reader.isNative) return (await reader._ask('update', { wait: 5000 })).changed
      return reader.core.update({ wait: true })
    }
    assert.strictEqual(await update(), false)
    await reader.hangUp(writer.port)
    await writer.append(blocks(2))
    assert.strictEqual((await reader.head()).length, 0)
    await reader.dial(writer.port)
    await reach(reader, 2)
    assert.strictEqual(await update(), false)
  })

  behaviour(`a peer that says no is not asked for ever, and others are asked at once (${kind} seeders)`, async (world) => {
    const writer = await world[kind]('writer', WRITER)
    const sparse = await world[kind]('sparse')
    const reader = await world[kind === 'js' ? 'native' : 'js']('reader', Buffer.alloc(32, 3))
    const key = await writer.open('log')
    await writer.append(blocks(40))
    await sparse.open('log', key)
    await sparse.dial(writer.port)
    await reach(sparse, 40)
    await sparse.download(0, 20, 10000)
    await reader.open('log', key)
    await reader.dial(sparse.port)
    await reach(reader, 40)
    await assert.rejects(reader.get(33, 500))
    if (reader.isNative) {
      const { requestsSent } = await reader._ask('stats')
      assert(requestsSent < 20, `${requestsSent} requests for a block that the peer does not have`)
    }
    await reader.dial(writer.port)
    assert.strictEqual((await reader.get(33, 10000)).toString(), 'block 33')
    await reader.download(0, 40, 10000)
  })
}
