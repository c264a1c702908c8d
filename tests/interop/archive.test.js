'use strict'

// Export and import of single cores: verified block by block, resumable, in either direction of generations.

const assert = require('node:assert')
const fs = require('node:fs')
const { scenario, until } = require('./js/world')
const { cli, hex } = require('./js/native')
const { blocks, fetchAll, reach, sameBlocks, treeHash } = require('./js/peer')
const { writer, readAgain } = require('./js/steps')

async function exported(world, storage, core) {
  const file = world.path('archive')
  const made = (await world.run(storage, ['--json', 'export', core, file])).json()[0]
  return { file, made }
}

async function filled(world, name, list, args = []) {
  const storage = world.path()
  const [record] = (await world.run(storage, [...args, '--json', 'create', name])).json()
  if (list.length > 0) await append(storage, record.key, list)
  return { storage, key: record.key }
}

async function append(storage, key, list) {
  const result = await cli(['--storage', storage, 'append', key, '--block-size', String(list[0].length)],
    { input: Buffer.concat(list) })
  assert.strictEqual(result.code, 0, result.stderr)
}

async function importing(storage, file, ...more) {
  return cli(['--storage', storage, '--json', 'import', file, ...more])
}

for (const generation of ['10', '9']) {
  scenario(`a core of generation ${generation} moves by file`, async (world) => {
    for (const count of [1, 2, 3, 7, 64, 1000]) {
      const { storage, key } = await filled(world, 'log', blocks('g' + count, count, 90), ['--generation', generation])
      const { file, made } = await exported(world, storage, key)
      assert.deepStrictEqual([made.blocks, made.missing, made.bytes], [count, 0, count * 90])
      assert.strictEqual(made.fileBytes, fs.statSync(file).size)
      const target = world.path()
      const taken = await importing(target, file)
      assert.strictEqual(taken.code, 0, taken.stderr)
      const [record] = taken.json()
      assert.deepStrictEqual([record.key, record.length, record.contiguousLength, record.blocks, record.added],
        [key, count, count, count, count])
      const [checked] = (await world.run(target, ['--json', 'verify', key])).json()
      assert.deepStrictEqual([checked.blocks, checked.faults], [count, []])
      const again = (await importing(target, file)).json()[0]
      assert.deepStrictEqual([again.blocks, again.added], [count, 0])
    }
  })
}

scenario('an imported core is served to JavaScript, forks and gaps included', async (world) => {
  const { storage, key } = await filled(world, 'log', blocks('x', 40, 50))
  await world.run(storage, ['truncate', key, '33'])
  await append(storage, key, blocks('y', 20, 50))
  await world.run(storage, ['clear', key, '5', '17'])
  await world.run(storage, ['clear', key, '30', '31'])
  const { file, made } = await exported(world, storage, key)
  assert.deepStrictEqual([made.blocks, made.missing, made.fork], [40, 13, 1])
  const target = world.path()
  assert.strictEqual((await importing(target, file)).code, 0)
  const server = await world.serve({ storage: target })
  assert.strictEqual((await server.record(key)).fork, 1)
  const reader = await world.peer()
  const core = await reader.core({ key: Buffer.from(key, 'hex') })
  await reader.dial(server.address)
  await core.update({ wait: true })
  assert.deepStrictEqual([core.length, core.fork], [53, 1])
  for (const i of [0, 4, 17, 29, 31, 32, 33, 52]) {
    sameBlocks([await core.get(i, { timeout: 10000 })], i < 33 ? blocks('x', 1, 50, i) : blocks('y', 1, 50, i - 33))
  }
  await assert.rejects(core.get(10, { timeout: 300 }))
})

scenario('an archive made from what JavaScript wrote, over a running server', async (world) => {
  const js = await writer(world, blocks('js', 300, 70))
  const server = await world.serve({ connect: [js.address], mirror: [js.core.key] })
  await until(async () => (await server.record(js.core.key)).contiguousLength === 300, 'mirrored')
  const file = world.path('archive')
  await server.ask(['export', hex(js.core.key), file])
  const other = await world.serve()
  const [record] = await other.ask(['import', file])
  assert.deepStrictEqual([record.length, record.added, record.treeHash], [300, 300, await treeHash(js.core)])
  await readAgain(world, other, js.core)
})

scenario('a longer archive leads a shorter log on, a shorter one fills gaps', async (world) => {
  for (const [short, long] of [[5, 8], [1, 2], [3, 200], [64, 65], [7, 1000]]) {
    const { storage, key } = await filled(world, 'log', blocks('l', short, 30))
    const first = await exported(world, storage, key)
    await append(storage, key, blocks('l', long - short, 30, short))
    const second = await exported(world, storage, key)
    const target = world.path()
    assert.strictEqual((await importing(target, first.file)).code, 0)
    const [record] = (await importing(target, second.file)).json()
    assert.deepStrictEqual([record.length, record.contiguousLength, record.added], [long, long, long - short])
    await world.run(target, ['clear', key, '0', String(short)])
    const [back] = (await importing(target, first.file)).json()
    assert.deepStrictEqual([back.length, back.contiguousLength, back.added], [long, long, short])
    assert.deepStrictEqual((await world.run(target, ['--json', 'verify'])).json()[0].faults, [])
  }
})

scenario('what is wrong with an archive is said, and nothing of it is believed', async (world) => {
  const { storage, key } = await filled(world, 'log', blocks('b', 100, 40))
  const { file } = await exported(world, storage, key)
  const good = fs.readFileSync(file)
  const attempt = async (content, target = world.path()) => {
    const name = world.path('bad')
    fs.writeFileSync(name, content)
    const result = await importing(target, name)
    assert.strictEqual(result.code !== 0, true, 'it must fail')
    assert.strictEqual(result.stderr.trim().split('\n').length, 1, result.stderr)
    return { ...result, target }
  }
  // every byte that is flipped is noticed; what was stored by then verifies, and the rest comes with the good file
  for (let at = 8; at < good.length; at += 1 + Math.floor(good.length / 60)) {
    const bad = Buffer.from(good)
    bad[at] ^= 1
    const { target } = await attempt(bad)
    const faults = (await cli(['--storage', target, '--json', 'verify'])).json()
    for (const report of faults) assert.deepStrictEqual(report.faults, [], `byte ${at}`)
    assert.strictEqual((await importing(target, file)).code, 0, `after byte ${at}`)
  }
  for (const end of [8, 9, 11, 200, good.length - 5, good.length - 1]) {
    const { target } = await attempt(good.subarray(0, end))
    assert.strictEqual((await importing(target, file)).code, 0)
  }
  assert.match((await attempt(Buffer.concat([good.subarray(0, 8), Buffer.from('ffffff7f', 'hex')]))).stderr, /frame/)
  const forked = world.path()
  await importing(forked, file)
  await world.run(storage, ['truncate', key, '50'])
  const cut = await exported(world, storage, key)
  const refused = await importing(forked, cut.file)
  assert.strictEqual(refused.code, 2)
  assert.match(refused.stderr, /length 50 of fork 1, the store length 100 of fork 0/)
  const taken = await cli(['--storage', storage, 'export', key, file])
  assert.strictEqual(taken.code, 2)
  assert.match(taken.stderr, /exists already/)
  await world.run(storage, ['create', 'empty'])
  assert.strictEqual((await cli(['--storage', storage, 'export', 'name:empty', world.path('none')])).code, 1)
  const [plan] = (await importing(world.path(), file, '--plan')).json()
  assert.deepStrictEqual([plan.found, plan.key, plan.length], ['archive', key, 100])
}, { seconds: 180 })
