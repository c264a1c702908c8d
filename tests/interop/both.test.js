'use strict'

// One core in both generations: the same key, the same blocks, one commit; a reader of either generation follows the same
// appends over the same port.

const assert = require('node:assert')
const { scenario, until } = require('./js/world')
const { Api } = require('./js/http')
const { blocks, reach, readLocal } = require('./js/peer')
const { cli } = require('./js/native')
const { LegacyPeer, complete, get, readAll } = require('./js/legacy_peer')

const BOTH = ['--generation', 'both']
const hex = (bytes) => bytes.toString('hex')
const lines = (list) => list.map((one) => one.toString('hex')).join('\n') + '\n'
const stored = (list) => list.map((one) => Buffer.from(one.toString('hex')))

async function readers(world, server, key, options) {
  const old = new LegacyPeer(options)
  world.defer(() => old.close())
  await old.store.ready()
  const nine = await old.core({ key: Buffer.from(key, 'hex') })
  const oldLink = await old.dial(server.address)
  const current = await world.peer()
  const ten = await current.core({ key: Buffer.from(key, 'hex') })
  const link = await current.dial(server.address)
  return { old, nine, oldLink, current, ten, link }
}

async function same(nine, ten, list) {
  await complete(nine, list.length)
  await reach(ten, list.length)
  await ten.download({ start: 0, end: list.length }).done()
  assert.deepStrictEqual(await readAll(nine, list.length), list)
  assert.deepStrictEqual(await readLocal(ten, list.length), list)
  assert.deepStrictEqual([nine.length, ten.length], [list.length, list.length])
}

const halves = async (world, storage, key) => {
  const records = (await world.run(storage, ['--json', 'list'])).json().filter((record) => record.key === key)
  return Object.fromEntries(records.map((record) => [record.generation, record]))
}

scenario('readers of both generations follow the same appends, over one port and through restarts', async (world) => {
  const storage = world.path()
  const record = (await world.run(storage, [...BOTH, '--json', 'create', 'log'])).json()[0]
  const list = blocks('both', 90, (i) => 1 + (i % 50))
  await world.run(storage, [...BOTH, 'append', 'name:log', '--lines', '--batch', '7'], { input: lines(list.slice(0, 30)) })
  const found = await halves(world, storage, record.key)
  assert.deepStrictEqual([found[9].length, found[10].length], [30, 30])
  assert.deepStrictEqual([found[9].writable, found[10].writable], [true, true])
  assert.strictEqual(found[9].discoveryKey, found[10].discoveryKey)

  let server = await world.serve({ storage })
  const both = await readers(world, server, record.key)
  const all = stored(list)
  await same(both.nine, both.ten, all.slice(0, 30))
  for (let i = 30; i < 60; i++) await server.append(record.key, [all[i]])
  await same(both.nine, both.ten, all.slice(0, 60))
  assert.deepStrictEqual([both.oldLink.errors, both.link.errors], [[], []])
  await both.oldLink.close()
  await both.link.close()
  await server.stop()

  server = await world.serve({ storage })
  await both.old.dial(server.address)
  await both.current.dial(server.address)
  await server.append(record.key, all.slice(60, 90)) // opened by its key alone: it is still in both
  await same(both.nine, both.ten, all)
  await server.stop()
  await world.run(storage, ['verify'])
  const after = await halves(world, storage, record.key)
  assert.deepStrictEqual([after[9].length, after[10].length], [90, 90])
})

scenario('a core of generation 9 is published in generation 10 too, with all that it has', async (world) => {
  const storage = world.path()
  const list = stored(blocks('older', 300, (i) => 1 + (i % 50)))
  await world.run(storage, ['--generation', '9', 'append', 'name:log', '--lines'], { input: list.join('\n') + '\n' })
  const key = (await world.run(storage, ['--generation', '9', '--json', 'info', 'name:log'])).json()[0].key
  await world.run(storage, [...BOTH, 'create', 'log'])
  assert.deepStrictEqual(Object.keys(await halves(world, storage, key)), ['9', '10'])
  const server = await world.serve({ storage })
  const both = await readers(world, server, key)
  await same(both.nine, both.ten, list)
  await server.append(key, [Buffer.from('more')])
  await same(both.nine, both.ten, [...list, Buffer.from('more')])
})

scenario('a core of corestore 6, whose key is its public key, is published in generation 9 too', async (world) => {
  const { openTen, fill } = require('./js/previous_peer')
  const source = world.path('six')
  const origin = await openTen(source)
  const list = blocks('six', 40, (i) => 1 + i)
  await fill(origin, list, 9)
  const key = hex(origin.key)
  await origin.close()
  const storage = world.path()
  await world.run(storage, ['import', source])
  await world.run(storage, [...BOTH, 'append', key, '--lines'], { input: 'more\n' })
  const server = await world.serve({ storage })
  const both = await readers(world, server, key)
  await same(both.nine, both.ten, [...list, Buffer.from('more')])
})

scenario('over HTTP: both at once, appends from many sides in one order', async (world) => {
  const server = await world.serve({ http: '127.0.0.1:0' })
  const api = new Api(server)
  const core = await api.json('POST', '/v1/cores', { name: 'log', generation: 'both' })
  const both = await readers(world, server, core.key)
  const put = async (n) => assert.strictEqual((await api.append(core.key, 'block ' + n)).status, 200)
  await Promise.all([...Array.from({ length: 40 }, (_, i) => put(i)), server.append(core.key, [Buffer.from('cli')])])
  await until(async () => (await api.json('GET', '/v1/cores/' + core.key)).length === 41, 'all are appended')
  await complete(both.nine, 41)
  const list = await readAll(both.nine, 41)
  assert.strictEqual(new Set(list.map(String)).size, 41)
  await same(both.nine, both.ten, list)
  assert.strictEqual((await api.call('DELETE', '/v1/cores/' + core.key)).status, 200)
  assert.strictEqual((await api.get('/v1/cores/' + core.key)).status, 404)
  assert.deepStrictEqual((await api.json('GET', '/v1/cores')).cores, [])
})

scenario('an idle half leaves the memory and comes back', async (world) => {
  const storage = world.path()
  const config = world.path('conf')
  require('node:fs').writeFileSync(config, '[store]\ncache.active = 1\ncache.passive = 1\n')
  const keys = []
  for (let i = 0; i < 6; i++) {
    const core = (await world.run(storage, [...BOTH, '--json', 'create', 'log-' + i])).json()[0]
    await world.run(storage, [...BOTH, 'append', 'name:log-' + i, '--lines'], { input: 'a\nb\n' })
    keys.push(core.key)
  }
  const server = await world.serve({ storage, args: ['--config', config] })
  for (let round = 0; round < 2; round++) {
    for (const key of keys) {
      const both = await readers(world, server, key)
      const list = [...'ab', ...'c'.repeat(round)].map((one) => Buffer.from(one))
      await same(both.nine, both.ten, list)
      if (round === 0) await server.append(key, [Buffer.from('c')])
      assert.deepStrictEqual(await get(both.nine, 2), Buffer.from('c'))
      await both.oldLink.close()
      await both.link.close()
    }
  }
})

scenario('what one of the generations has no form for is refused, and nothing changes', async (world) => {
  const storage = world.path()
  await world.run(storage, [...BOTH, 'append', 'name:log', '--lines'], { input: 'a\nb\n' })
  await world.run(storage, ['create', 'current'])
  const fails = async (args, code, text, options) => {
    const result = await cli(['--storage', storage, ...args], options)
    assert.strictEqual(result.code, code, result.stderr)
    assert.match(result.stderr, text)
  }
  await fails([...BOTH, 'truncate', 'name:log', '1'], 2, /truncation: a core that is published in both generations has none/)
  await fails([...BOTH, '--encryption-key', '5'.repeat(64), 'append', 'name:log', '--lines'], 2, /encryption/, { input: 'c\n' })
  const current = (await world.run(storage, ['--json', 'info', 'name:current'])).json()[0].key
  await fails([...BOTH, 'append', current, '--lines'], 2, /generation 9 knows public keys only/, { input: 'c\n' })
  await fails([...BOTH, 'append', '7'.repeat(64), '--lines'], 1, /only a core that is written here/, { input: 'c\n' })
  await fails(['--generation', '8', 'list'], 2, /10, 9 or both/)
  const key = (await world.run(storage, [...BOTH, '--json', 'info', 'name:log'])).json()[0].key
  const found = await halves(world, storage, key)
  assert.deepStrictEqual([found[9].length, found[10].length], [2, 2])
  await world.run(storage, ['clear', key, '0', '1'])
  const cleared = await halves(world, storage, key)
  assert.deepStrictEqual([cleared[9].contiguousLength, cleared[10].contiguousLength], [0, 0])
})
