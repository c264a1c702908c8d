'use strict'

// `corestore append` is killed again and again while it appends. A batch is acknowledged by its JSON line. Afterwards every
// acknowledged block is there with the right bytes, nothing is there that was not sent, and a JavaScript reader that has
// followed the core all along accepts it without a fork.

const assert = require('node:assert')
const { once } = require('node:events')
const { launch } = require('../interop/js/native')
const { treeHash, reach } = require('../interop/js/peer')
const { main, chance, line, inspect, sleep } = require('./loop')

const CORE = 'name:log'
const BATCHES = [1, 1, 3, 16]
const AHEAD = 4000 // blocks fed to each run: more than it can append before it is killed
const LIFE_MS_MAX = 150
const FIRST_MS_MAX = 10000
const EARLY_SHARE = 0.3

/**
 * One run: feeds lines from `length` on, kills after `ms`, counted from the start or from the first acknowledgement; the
 * number of acknowledged blocks.
 */
async function appendAndKill(storage, length, { batch, ms, isEarly }) {
  const child = launch('corestore', ['--storage', storage, '--json', 'append', CORE, '--lines', '--batch', String(batch)])
  let text = ''
  let errors = ''
  child.stdout.on('data', (data) => (text += data))
  child.stderr.on('data', (data) => (errors += data))
  const lines = []
  for (let i = length; i < length + AHEAD; i++) lines.push(line(i) + '\n')
  child.stdin.write(lines.join(''))
  const acknowledged = () => {
    const whole = text.slice(0, text.lastIndexOf('\n') + 1).trim()
    return whole === '' ? length : JSON.parse(whole.slice(whole.lastIndexOf('\n') + 1)).length
  }
  if (!isEarly) await Promise.race([once(child.stdout, 'data'), child.ended, sleep(FIRST_MS_MAX)])
  await Promise.race([sleep(ms), child.ended])
  child.kill('SIGKILL')
  const end = await child.ended
  assert.strictEqual(end.signal, 'SIGKILL', `corestore append ended by itself: ${JSON.stringify(end)} ${errors}`)
  return acknowledged()
}

/** The JavaScript reader of all rounds replicates what is new and compares the trees. */
async function replicate(world, storage, reader, record) {
  const server = await world.serve({ storage })
  const core = await reader.core({ key: Buffer.from(record.key, 'hex') })
  const link = await reader.dial(server.address)
  await reach(core, record.length)
  await core.download({ start: 0, end: record.length }).done()
  assert.strictEqual(core.length, record.length)
  assert.strictEqual(core.fork, 0)
  assert.deepStrictEqual(reader.troubles, [])
  if (record.length > 0) assert.strictEqual(await treeHash(core), record.treeHash)
  await link.close()
  await core.close()
  await server.stop()
}

main(async (world, { kills, seed, checkEvery }) => {
  const random = chance(seed)
  const storage = world.path()
  const reader = await world.peer()
  await world.run(storage, ['create', 'log'])
  let length = 0
  let acknowledgedInAll = 0
  let unacknowledged = 0
  let busyRuns = 0
  for (let round = 1; round <= kills; round++) {
    const batch = BATCHES[Math.floor(random() * BATCHES.length)]
    const run = { batch, ms: random() * LIFE_MS_MAX, isEarly: random() < EARLY_SHARE }
    const acknowledged = await appendAndKill(storage, length, run)
    const record = await inspect(world, storage, CORE, length)
    assert(record.length >= acknowledged, `round ${round}: ${acknowledged} acknowledged, ${record.length} there`)
    assert(record.length <= length + AHEAD, `round ${round}: more blocks than were sent`)
    assert.strictEqual(record.contiguousLength, record.length)
    acknowledgedInAll += acknowledged - length
    unacknowledged += record.length - acknowledged
    if (acknowledged > length) busyRuns++
    length = record.length
    if (round % checkEvery === 0 || round === kills) await replicate(world, storage, reader, record)
  }
  await inspect(world, storage, CORE, 0)
  assert(busyRuns >= kills / 5, `only ${busyRuns} of ${kills} runs lived long enough to acknowledge anything`)
  return { kills, length, acknowledged: acknowledgedInAll, committedButNotAcknowledged: unacknowledged, busyRuns }
})
