'use strict'

// corestored is killed while blocks are appended through it and a JavaScript reader follows live. No peer may ever have heard
// of a block that is not on disk afterwards: that would be a fork. One reader lives through all rounds.

const assert = require('node:assert')
const { once } = require('node:events')
const { treeHash, reach } = require('../interop/js/peer')
const { launch } = require('../interop/js/native')
const { main, chance, line, inspect, sleep } = require('./loop')

const CORE = 'name:log'
const AHEAD = 4000
const LIFE_MS_MAX = 150
const FIRST_MS_MAX = 10000

main(async (world, { kills, seed, checkEvery }) => {
  const random = chance(seed)
  const storage = world.path()
  const { key } = (await world.run(storage, ['--json', 'create', 'log'])).json()[0]
  const reader = await world.peer()
  const core = await reader.core({ key: Buffer.from(key, 'hex') })
  core.download({ start: 0, end: -1 })
  let length = 0
  let heardInAll = 0
  for (let round = 1; round <= kills; round++) {
    const server = await world.serve({ storage })
    await reader.dial(server.address)
    const acknowledged = await appendAndKill(server, length, random() * LIFE_MS_MAX)
    await reader.disconnect()
    const heard = core.length
    const record = await inspect(world, storage, CORE, length)
    assert(record.length >= acknowledged, `round ${round}: ${acknowledged} acknowledged, ${record.length} there`)
    assert(record.length >= heard, `round ${round}: JavaScript heard of ${heard} blocks, ${record.length} are there`)
    heardInAll += Math.max(0, heard - length)
    length = record.length
    if (round % checkEvery === 0 || round === kills) await replicate(world, storage, reader, core, record)
  }
  return { kills, length, heardBeforeTheKill: heardInAll }
})

async function appendAndKill(server, length, ms) {
  const args = ['--node', server.info.node, '--json', 'append', CORE, '--lines', '--batch', '1']
  const child = launch('corestore', args)
  let text = ''
  child.stdout.on('data', (data) => (text += data))
  const lines = []
  for (let i = length; i < length + AHEAD; i++) lines.push(line(i) + '\n')
  child.stdin.write(lines.join(''))
  await Promise.race([once(child.stdout, 'data'), child.ended, sleep(FIRST_MS_MAX)])
  await Promise.race([sleep(ms), child.ended])
  await server.kill()
  child.stdin.end()
  const timer = setTimeout(() => child.kill('SIGKILL'), 10000) // a lost server must not hang the client
  const end = await child.ended
  clearTimeout(timer)
  assert.notStrictEqual(end.signal, 'SIGKILL', 'corestore append hung after its server was killed')
  assert.strictEqual(end.code, 1, 'a lost server is exit code 1')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).trim()
  return whole === '' ? length : JSON.parse(whole.slice(whole.lastIndexOf('\n') + 1)).length
}

async function replicate(world, storage, reader, core, record) {
  const server = await world.serve({ storage })
  await reader.dial(server.address)
  await reach(core, record.length)
  await core.download({ start: 0, end: record.length }).done()
  assert.strictEqual(core.fork, 0)
  assert.deepStrictEqual(reader.troubles, [])
  if (record.length > 0) assert.strictEqual(await treeHash(core), record.treeHash)
  await reader.disconnect()
  await server.stop()
}
