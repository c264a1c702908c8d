'use strict'

// Backup while serving, restore, and the fence that keeps a restored writer from forking its cores.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { scenario, until, sleep } = require('./js/world')
const { cli, hex } = require('./js/native')
const { blocks, fetchAll, reach, sameBlocks, treeHash } = require('./js/peer')

/** A server with a core `log`, and a JavaScript peer that follows all of it. */
async function followed(world, list, options = {}) {
  const storage = world.path()
  await world.run(storage, ['create', 'log'])
  const server = await world.serve({ storage, ...options })
  const key = (await server.ask(['info', 'name:log']))[0].key
  if (list.length > 0) await server.append(key, list)
  const peer = await world.peer()
  const core = await peer.core({ key: Buffer.from(key, 'hex') })
  const link = await peer.dial(server.address)
  core.download({ start: 0, end: -1 })
  await reach(core, list.length)
  return { storage, server, key, peer, core, link }
}

async function appendFails(server, key) {
  const refused = await server.cli(['append', key, '--lines'], { input: 'must not be signed\n' })
  assert.strictEqual(refused.code, 1)
  assert.match(refused.stderr, /restored from a backup at length \d+.*unfence/)
}

scenario('a backup under load is complete, verifies and is no store', async (world) => {
  const { server, key, storage } = await followed(world, blocks('load', 50, 500))
  let appended = 50
  let isLoading = true
  const load = (async () => {
    while (isLoading) appended = (await server.append(key, blocks('load', 100, 500, appended))).length
  })()
  const copies = []
  for (const [i, where] of ['node', 'storage', 'compact'].entries()) {
    const target = world.path('backup')
    const args = where === 'storage' ? ['--storage', storage, '--json'] : ['--node', server.info.node, '--json']
    const made = await cli([...args, 'backup', target, ...(i === 2 ? ['--compact'] : [])])
    assert.strictEqual(made.code, 0, made.stderr)
    assert.strictEqual(made.json()[0].cores, 1)
    assert.strictEqual(made.json()[0].bytes, fs.statSync(path.join(target, 'data.mdb')).size)
    copies.push(target)
  }
  isLoading = false
  await load
  let before = 0
  for (const copy of copies) {
    const checked = (await world.run(copy, ['--json', 'verify'])).json()[0]
    assert.deepStrictEqual(checked.faults, [])
    assert(checked.length >= 50 && checked.length <= appended && checked.length >= before)
    assert.strictEqual(checked.blocks, checked.length)
    before = checked.length
    assert.deepStrictEqual(fs.readdirSync(copy).filter((name) => name.includes('partial')), [])
    const opened = await cli(['--storage', copy, 'append', 'name:log', '--lines'], { input: 'fork\n' })
    assert.strictEqual(opened.code, 1)
    assert.match(opened.stderr, /is a backup: .*restore/)
  }
  const again = await cli(['--node', server.info.node, 'backup', copies[0]])
  assert.strictEqual(again.code, 2)
  assert.match(again.stderr, /exists already/)
}, { seconds: 90 })

scenario('a restored writer signs nothing before a peer that knows more has brought it up to date', async (world) => {
  const { server, key, peer, core, link } = await followed(world, blocks('w', 30, 100))
  const backup = world.path('backup')
  await server.ask(['backup', backup])
  await server.append(key, blocks('w', 25, 100, 30)) // what the backup does not know
  await reach(core, 55)
  await until(() => core.contiguousLength === 55, 'JavaScript has everything')
  await link.close()
  await server.kill()

  const storage = world.path('restored')
  const outcome = (await world.run(storage, ['--json', 'restore', backup])).json()[0]
  assert.deepStrictEqual([outcome.cores, outcome.fenced], [1, 1])
  const restored = await world.serve({ storage })
  assert.strictEqual((await restored.record(key)).length, 30)
  assert.strictEqual((await restored.record(key)).fenced, true)
  await appendFails(restored, key)
  assert.strictEqual((await restored.cli(['truncate', key, '10'])).code, 1)
  assert.strictEqual((await restored.record(key)).length, 30)

  await peer.dial(restored.address)
  const caughtUp = await until(async () => {
    const record = await restored.record(key)
    return record.length === 55 && !record.fenced && record
  }, 'the restored store has caught up')
  assert.strictEqual(caughtUp.contiguousLength, 55)
  assert.strictEqual(caughtUp.treeHash, await treeHash(core))
  assert.strictEqual(caughtUp.fork, 0)

  assert.strictEqual((await restored.append(key, blocks('w', 5, 100, 55))).length, 60)
  await reach(core, 60)
  sameBlocks(await fetchAll(core), blocks('w', 60, 100))
  assert.strictEqual(core.fork, 0) // and peer.close() asserts that no conflict was seen
  assert.deepStrictEqual((await restored.ask(['verify', key]))[0].faults, [])
}, { seconds: 90 })

scenario('a peer with less than the backup lifts no fence and is served nothing that it could echo', async (world) => {
  const { server, key, peer, core, link } = await followed(world, blocks('s', 10, 20))
  await until(() => core.contiguousLength === 10, 'JavaScript has ten blocks')
  await link.close()
  await server.append(key, blocks('s', 10, 20, 10))
  const other = await world.peer()
  const ahead = await other.core({ key: Buffer.from(key, 'hex') })
  const line = await other.dial(server.address)
  await ahead.update({ wait: true })
  await ahead.get(3)
  await line.close()
  const backup = world.path('backup')
  await server.ask(['backup', backup])
  await server.stop()
  const storage = world.path('restored')
  await world.run(storage, ['restore', backup])
  const restored = await world.serve({ storage })
  await peer.dial(restored.address)
  await until(async () => (await restored.record(key)).peers === 1, 'the peer is here')
  await sleep(1500)
  assert.strictEqual(core.length, 10)
  assert.strictEqual((await restored.record(key)).fenced, true)
  await appendFails(restored, key)
  // one that knows as much as the backup, if not its blocks, is enough; then everybody is served again
  await other.dial(restored.address)
  await until(async () => !(await restored.record(key)).fenced, 'confirmed')
  await reach(core, 20)
  await restored.append(key, blocks('s', 1, 20, 20))
  await reach(core, 21)
  await reach(ahead, 21)
  sameBlocks(await fetchAll(core), blocks('s', 21, 20))
}, { seconds: 60 })

scenario('without peers a fence is lifted by hand; names that are new after a restore begin fenced', async (world) => {
  const storage = world.path()
  await world.run(storage, ['create', 'log'])
  await cli(['--storage', storage, 'append', 'name:log', '--lines'], { input: 'a\nb\n' })
  const backup = world.path('backup')
  await world.run(storage, ['backup', backup])
  const restored = world.path('restored')
  await world.run(restored, ['restore', backup])
  const append = (name) => cli(['--storage', restored, 'append', 'name:' + name, '--lines'], { input: 'x\n' })
  assert.strictEqual((await append('log')).code, 1)
  await world.run(restored, ['create', 'later'])
  assert.match((await append('later')).stderr, /restored from a backup at length 0/)
  await world.run(restored, ['create']) // at random: nobody can have signed for it
  await world.run(restored, ['unfence', 'name:log'])
  assert.strictEqual((await append('log')).code, 0)
  assert.strictEqual((await append('later')).code, 1)
  await world.run(restored, ['unfence'])
  assert.strictEqual((await append('later')).code, 0)
  await world.run(restored, ['create', 'latest'])
  assert.strictEqual((await append('latest')).code, 0)

  const forced = world.path('forced')
  await world.run(forced, ['restore', '--force', backup])
  assert.strictEqual((await cli(['--storage', forced, 'append', 'name:log', '--lines'], { input: 'x\n' })).code, 0)
  const taken = await cli(['--storage', forced, 'restore', backup])
  assert.strictEqual(taken.code, 2)
  assert.match(taken.stderr, /exists already/)
  const nothing = await cli(['--storage', world.path('none'), 'restore', world.path('missing')])
  assert.strictEqual(nothing.code, 1)
})

scenario('the folder of a stopped server can be restored as well, one at work not', async (world) => {
  const { server, storage } = await followed(world, blocks('c', 3, 10))
  const held = await cli(['--storage', world.path('x'), 'restore', storage])
  assert.strictEqual(held.code, 3)
  await server.stop()
  const restored = world.path('restored')
  await world.run(restored, ['restore', storage])
  assert.strictEqual((await world.run(restored, ['--json', 'list'])).json()[0].fenced, true)
})

scenario('a running server gives free pages back, and serves meanwhile', async (world) => {
  const { server, key, core } = await followed(world, blocks('z', 2000, 2000))
  await until(() => core.contiguousLength === 2000, 'JavaScript has everything')
  await server.ask(['clear', key, '0', '1900'])
  const [report] = await server.ask(['compact'])
  assert(report.givenBack > 2000000, `${report.givenBack} bytes given back`)
  assert.strictEqual(report.fileBytesBefore - report.fileBytes, report.givenBack)
  assert.strictEqual((await server.append(key, blocks('z', 10, 2000, 2000))).length, 2010)
  await reach(core, 2010)
  await server.stop()
  assert.deepStrictEqual((await world.run(server.storage, ['--json', 'verify'])).json()[0].faults, [])
  const [offline] = (await world.run(server.storage, ['--json', 'compact'])).json()
  assert.strictEqual(fs.statSync(path.join(server.storage, 'data.mdb')).size, offline.fileBytes)
  assert.deepStrictEqual((await world.run(server.storage, ['--json', 'verify'])).json()[0].faults, [])
})
