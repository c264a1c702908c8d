'use strict'

// The scrape as a contract: names and types, single cores and peers on request only, and a cost that does not know how
// many cores there are. CORESTORE_SCRAPE_CORES makes more of them and prints the figures; promtool is asked when it is
// installed.

const assert = require('node:assert')
const b4a = require('b4a')
const { spawnSync } = require('node:child_process')
const { scenario, until } = require('./js/world')
const { Api } = require('./js/http')
const { parse } = require('./js/prometheus')

const CORES = Number(process.env.CORESTORE_SCRAPE_CORES || 2000)

const TYPES = {
  histogram: ['corestore_append_duration_seconds', 'corestore_commit_duration_seconds', 'corestore_queue_age_seconds', 'corestore_group_size'],
  counter: ['corestore_commits_total', 'corestore_change_sets_total', 'corestore_cache_hits_total', 'corestore_cache_misses_total',
    'corestore_cache_evictions_total', 'corestore_connections_accepted_total', 'corestore_connections_refused_total',
    'corestore_throttled_total', 'corestore_peer_requests_total', 'corestore_strikes_total', 'corestore_bans_total',
    'corestore_mailbox_late_total', 'corestore_http_requests_total', 'corestore_http_failures_total', 'corestore_refusals_total'],
  gauge: ['corestore_lmdb_used_bytes', 'corestore_lmdb_limit_bytes', 'corestore_lmdb_free_bytes', 'corestore_lmdb_reusable_bytes',
    'corestore_lmdb_readers', 'corestore_lmdb_oldest_reader_commits', 'corestore_actors', 'corestore_actors_by_state',
    'corestore_mailbox_age_seconds', 'corestore_cores', 'corestore_cache_limit', 'corestore_bans', 'corestore_http_connections', 'corestore_http_busy_connections']
}

async function scrape(api, query = '') {
  const text = (await api.get('/metrics' + query)).bytes.toString()
  return { text, samples: parse(text) }
}

function promtool(text) {
  const done = spawnSync(process.env.PROMTOOL || 'promtool', ['check', 'metrics'], { input: text })
  if (done.error) return // not installed
  const said = done.stderr.toString() + done.stdout.toString()
  // The names of the JavaScript exporter are older than the rules for names: only what is ours has to keep to them.
  const ours = said.split('\n').filter((line) => /^corestore_/.test(line) || /error/.test(line))
  assert.deepStrictEqual(ours, [], said)
}

scenario('every metric has its type, its labels and a value', async (world) => {
  const server = await world.serve({ http: '127.0.0.1:0', durability: 'interval' })
  const api = new Api(server)
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  for (let i = 0; i < 20; i++) await api.append(core.key, 'block')
  const { text, samples } = await scrape(api)
  for (const [type, names] of Object.entries(TYPES)) {
    for (const name of names) {
      const found = samples.get(type === 'histogram' ? name + '_count' : name)
      assert.ok(found, name)
      assert.strictEqual(found[0].type, type, name)
    }
  }
  const count = (name) => samples.get(name + '_count')[0].value
  assert.strictEqual(count('corestore_append_duration_seconds'), 20)
  assert.ok(count('corestore_commit_duration_seconds') >= 1 && count('corestore_group_size') >= 1)
  assert.ok(count('corestore_queue_age_seconds') >= 20)
  for (const name of ['append_duration', 'commit_duration', 'queue_age']) {
    assert.strictEqual(samples.get(`corestore_${name}_seconds_count`)[0].labels.durability, 'interval')
  }
  const listeners = new Set(samples.get('corestore_connections_refused_total').map((sample) => sample.labels.listener))
  assert.deepStrictEqual([...listeners].sort(), [server.address, 'dialled'].sort())
  const states = samples.get('corestore_actors_by_state').map(({ labels }) => `${labels.actor} ${labels.state}`)
  assert.deepStrictEqual(states, ['core active', 'core idle', 'core passive', 'session open', 'session handshake', 'connector dialling'])
  const watched = samples.get('corestore_mailbox_age_seconds').map(({ labels, value }) => [labels.actor, value < 5])
  assert.deepStrictEqual(watched, [['store', true], ['writer', true], ['session', true], ['core', true]])
  promtool(text)
})

scenario('single cores and peers are told on request only', async (world) => {
  const server = await world.serve({ http: '127.0.0.1:0' })
  const api = new Api(server)
  const keys = []
  for (let i = 0; i < 4; i++) {
    const core = await api.json('POST', '/v1/cores', { name: 'c' + i })
    keys.push(core.key)
    for (let n = 0; n <= i; n++) await api.append(core.key, 'x'.repeat(10))
  }
  const peer = await world.peer()
  const theirs = await peer.core({ key: b4a.from(keys[0], 'hex') })
  await peer.dial(server.address)
  await theirs.get(0)
  const plain = await scrape(api)
  assert.ok(!plain.samples.has('corestore_core_length') && !plain.samples.has('corestore_peer_channels'))
  const found = await until(async () => {
    const { text, samples } = await scrape(api, '?top=2')
    return samples.get('corestore_core_peers')[0].value === 1 && { text, samples }
  }, 'the peer is counted')
  const told = found.samples.get('corestore_core_length')
  assert.deepStrictEqual(told.map((sample) => [sample.labels.key, sample.labels.name, sample.value]),
    [[keys[0], 'c0', 1], [keys[3], 'c3', 4]], 'the one with a peer, then the longest')
  assert.ok(found.samples.get('corestore_core_uploaded_bytes_total')[0].value === 10)
  assert.strictEqual(found.samples.get('corestore_peer_channels').length, 1)
  assert.match(found.samples.get('corestore_peer_channels')[0].labels.key, /^[0-9a-f]{64}$/)
  promtool(found.text)
})

scenario('a scrape does not grow with the cores', async (world) => {
  const server = await world.serve({ http: '127.0.0.1:0', durability: 'none' })
  const api = new Api(server)
  let made = 0
  const make = async (count) => {
    await Promise.all(Array.from({ length: 64 }, async () => {
      while (made < count) {
        const core = await api.json('POST', '/v1/cores', { name: 'core-' + made++ })
        if (made % 10 === 0) await api.append(core.key, 'block')
      }
    }))
    while ((await scrape(api)).samples.get('hypercore_total_cores')[0].value < count) await make(made + 1)
  }
  const measure = async () => {
    const times = []
    for (let i = 0; i < 30; i++) {
      const begin = performance.now()
      await api.get('/metrics')
      times.push(performance.now() - begin)
    }
    return times.sort((a, b) => a - b)[15]
  }
  const names = ({ text }) => text.replace(/ [^ ]+$/gm, '')
  await make(10)
  const [few, fewMs] = [await scrape(api), await measure()]
  await make(CORES)
  const [many, manyMs] = [await scrape(api), await measure()]
  assert.strictEqual(names(many), names(few), 'the same lines, whatever is stored')
  assert.ok(many.samples.get('hypercore_total_cores')[0].value >= CORES)
  console.log(JSON.stringify({ cores: CORES, scrape_ms_10: Number(fewMs.toFixed(2)), scrape_ms: Number(manyMs.toFixed(2)) }))
}, { seconds: process.env.CORESTORE_SCRAPE_CORES ? 500 : 90 })
