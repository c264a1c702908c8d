'use strict'

// A thousand idle and two hundred busy HTTP clients, and a JavaScript peer that replicates beside them: everybody gets
// on, idle clients cost no thread, and everything is given back. CORESTORE_CROWD_MS lengthens the busy time, and the
// figures are printed; none of them is asserted.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { fork } = require('node:child_process')
const { scenario, until, sleep } = require('./js/world')
const { Api } = require('./js/http')
const { parse } = require('./js/prometheus')

const IDLE = 1000
const BUSY = 200
const BLOCKS = 20000
const SIZE = 1000
const BUSY_MS = Number(process.env.CORESTORE_CROWD_MS || 4000)

function ask(child, message) {
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => (answer.error ? reject(new Error(answer.error)) : resolve(answer)))
    child.once('exit', () => reject(new Error('the crowd is gone')))
    child.send(message)
  })
}

const count = (server, what) => fs.readdirSync(`/proc/${server.pid}/${what}`).length

/** A fresh reader, connected and ready: `take(ms)` downloads for that long and answers blocks a second. */
async function reader(world, server, key) {
  const peer = await world.peer()
  const core = await peer.core({ key })
  const link = await peer.dial(server.address)
  await core.update({ wait: true })
  let blocks = 0
  core.on('download', () => blocks++)
  return {
    async take(ms) {
      const begin = Date.now()
      const download = core.download({ start: 0, end: BLOCKS })
      let finished = false
      download.done().then(() => (finished = true), () => {})
      while (!finished && Date.now() - begin < ms) await sleep(10)
      const rate = Math.round((blocks * 1000) / (Date.now() - begin))
      download.destroy()
      await link.close()
      return { rate, blocks }
    }
  }
}

scenario('a thousand idle and two hundred busy clients beside replication', async (world) => {
  const storage = world.path()
  const input = Buffer.alloc(BLOCKS * SIZE, 'corestore ')
  await world.run(storage, ['append', 'name:log', '--block-size', String(SIZE), '--batch', '1000'], { input })
  const server = await world.serve({ storage, http: '127.0.0.1:0' })
  const api = new Api(server)
  const core = (await api.json('POST', '/v1/cores', { name: 'log' }))
  const other = (await api.json('POST', '/v1/cores', { name: 'other' }))
  const key = Buffer.from(core.key, 'hex')
  await sleep(1000)
  const before = { threads: count(server, 'task'), descriptors: count(server, 'fd'), memory: server.rssMiB() }

  const crowd = fork(path.join(__dirname, 'js/crowd.js'))
  world.defer(() => crowd.kill())
  const host = server.info.http
  assert.strictEqual((await ask(crowd, { do: 'gather', host, count: IDLE })).idle, IDLE)
  await until(() => count(server, 'task') <= before.threads + 2, 'an idle client has no thread')
  assert.ok(count(server, 'fd') >= before.descriptors + IDLE)
  const idleMiB = server.rssMiB() - before.memory

  const [first, second] = [await reader(world, server, key), await reader(world, server, key)]
  const alone = await first.take(BUSY_MS)
  const requests = []
  const get = (route) => `GET ${route} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  for (let i = 0; i < 16; i++) requests.push(get(`/v1/cores/${core.key}/blocks/${(i * 997) % BLOCKS}`))
  requests.push(get('/v1/store'), get('/metrics'), get(`/v1/cores/${core.key}`))
  requests.push(`POST /v1/cores/${other.key}/blocks HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/octet-stream\r\n` +
    'Content-Length: 10\r\n\r\n0123456789')
  const busy = ask(crowd, { do: 'run', host, busy: BUSY, ms: BUSY_MS, requests })
  const [answers, beside] = await Promise.all([busy, second.take(BUSY_MS)])
  assert.strictEqual(answers.failures, 0)
  assert.strictEqual(answers.lost, 0, 'no idle client was cut off')
  assert.ok(answers.fewest > 0, 'every busy client had answers')
  assert.ok(beside.blocks > 0, 'the reader got on meanwhile')
  const metrics = parse((await api.get('/metrics')).bytes.toString())
  assert.ok(metrics.get('corestore_http_requests_total')[0].value >= IDLE + answers.answers)

  crowd.kill()
  await until(() => count(server, 'task') <= before.threads + 2 && count(server, 'fd') <= before.descriptors + 2,
    'threads and descriptors are back', 20000)
  console.log(JSON.stringify({
    idle: IDLE, busy: BUSY, idle_mib: Number(idleMiB.toFixed(1)), http_s: Math.round((answers.answers * 1000) / BUSY_MS),
    p50_ms: answers.p50, p99_ms: answers.p99, slowest_ms: answers.slowest, fewest: answers.fewest,
    replicated_s_alone: alone.rate, replicated_s_beside: beside.rate
  }))
}, { seconds: 120 })
