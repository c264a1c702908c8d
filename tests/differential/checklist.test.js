'use strict'

// Behaviours of hypercore's own tests for replication, one by one, with a JavaScript peer as the other side.

const assert = require('node:assert')
const { behaviour, until, blocks, reach, interop, WRITER } = require('./behaviour')

const wants = interop('hypercore/lib/wants')

for (const kind of ['native', 'js']) {
  const other = kind === 'native' ? 'js' : 'native'

  behaviour(`what a stalled peer owes comes from another one within seconds (${kind} seeders)`, async (world) => {
    const writer = await world[kind]('writer', WRITER)
    const mirror = await world[kind]('mirror')
    const key = await writer.open('log')
    await writer.append(blocks(400))
    await mirror.open('log', key)
    await mirror.dial(writer.port)
    await reach(mirror, 400)
    await mirror.download(0, 400, 10000)
    const stalled = await world.relay(mirror.port)
    const reader = await world.native('reader', Buffer.alloc(32, 3))
    await reader.open('log', key)
    await reader.dial(writer.port)
    await reader.dial(stalled.port)
    await reach(reader, 400)
    await until(async () => (await reader._ask('record')).peers === 2, 'both are peers')
    stalled.isStopped = true
    const begin = Date.now()
    await reader.download(0, 400, 20000)
    assert(Date.now() - begin < 8000, `it took ${Date.now() - begin} ms`)
  })

  behaviour(`a get of a block that nobody has ends in time, and a later one succeeds (${kind} reads)`, async (world) => {
    const writer = await world[other]('writer', WRITER)
    const seeder = await world[other]('seeder')
    const reader = await world[kind]('reader', Buffer.alloc(32, 3))
    const key = await writer.open('log')
    await writer.append(blocks(20))
    await seeder.open('log', key)
    await reader.open('log', key)
    await seeder.dial(writer.port)
    await reach(seeder, 20)
    await seeder.get(4, 5000)
    await seeder.hangUp(writer.port)
    await reader.dial(seeder.port)
    await reach(reader, 20)
    assert.strictEqual((await reader.get(4, 5000)).toString(), 'block 4')
    const begin = Date.now()
    await assert.rejects(reader.get(9, 500))
    assert(Date.now() - begin < 3000)
    await seeder.dial(writer.port)
    await seeder.get(9, 5000)
    assert.strictEqual((await reader.get(9, 5000)).toString(), 'block 9') // announced when it arrived there
  })

  behaviour(`blocks appended while a download waits for them arrive (${kind} reads)`, async (world) => {
    const writer = await world[other]('writer', WRITER)
    const reader = await world[kind]('reader')
    const key = await writer.open('log')
    await reader.open('log', key)
    await reader.dial(writer.port)
    await writer.append(blocks(3))
    await reach(reader, 3)
    const late = reader.get(7, 10000)
    await writer.append(blocks(6, 3))
    assert.strictEqual((await late).toString(), 'block 7')
  })

  behaviour(`a reader that was away for two forks catches up (${kind} reads)`, async (world) => {
    const writer = await world[other]('writer', WRITER)
    const reader = await world[kind]('reader')
    const key = await writer.open('log')
    await writer.append(blocks(300))
    await reader.open('log', key)
    await reader.dial(writer.port)
    await reach(reader, 300)
    await reader.download(0, 300, 10000)
    await reader.hangUp(writer.port)
    await writer.truncate(120, 1)
    await writer.append(blocks(50, 1000))
    await writer.truncate(150, 2)
    await writer.append(blocks(10, 2000))
    await reader.dial(writer.port)
    await until(async () => (await reader.head()).fork === 2 && (await reader.head()).length === 160, 'the new head')
    const state = await reader.state()
    assert.deepStrictEqual(state.blocks.slice(0, 120), blocks(120).map((block) => block.toString('hex')))
    assert(state.blocks.slice(120).every((block) => block === null), 'nothing of the old history is left')
    await reader.download(0, 160, 10000)
    assert.deepStrictEqual((await reader.state()).blocks, (await writer.state()).blocks)
  })
}

for (const isCompat of [true, false]) {
  behaviour(`JavaScript seeks and reads through our holes, with ${isCompat ? 'segment' : 'small'} wants`, async (world) => {
    wants.UPDATE_COMPAT(isCompat)
    try {
      const writer = await world.js('writer', WRITER)
      const middle = await world.native('middle')
      const reader = await world.js('reader', Buffer.alloc(32, 3))
      const key = await writer.open('log')
      await writer.append(blocks(9000))
      await middle.open('log', key)
      await middle.dial(writer.port)
      await reach(middle, 9000)
      for (const index of [3, 4500, 4501, 8999]) await middle.get(index, 5000)
      await middle.hangUp(writer.port)
      await reader.open('log', key)
      await reader.dial(middle.port)
      await reach(reader, 9000)
      for (const index of [4501, 3, 8999]) assert.strictEqual((await reader.get(index, 5000)).toString(), `block ${index}`)
      await assert.rejects(reader.get(4502, 300))
      await middle.dial(writer.port)
      await middle.get(4502, 5000)
      assert.strictEqual((await reader.get(4502, 5000)).toString(), 'block 4502')
      const offset = blocks(4501).reduce((sum, block) => sum + block.length, 0)
      assert.deepStrictEqual(await reader.seek(offset + 2, 5000), [4501, 2])
    } finally {
      wants.UPDATE_COMPAT(true)
    }
  })
}
