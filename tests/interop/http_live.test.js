'use strict'

// What the HTTP surface changes and tells: truncation, clearing, purging, encryption, connections, events, metrics.

const assert = require('node:assert')
const b4a = require('b4a')
const { scenario, until } = require('./js/world')
const { Api, events } = require('./js/http')
const { parse } = require('./js/prometheus')

async function serve(world, options = {}) {
  const server = await world.serve({ http: '127.0.0.1:0', ...options })
  return { server, api: new Api(server) }
}

function refused(answer, status, code) {
  assert.strictEqual(answer.status, status, answer.bytes.toString())
  assert.strictEqual(answer.json.error.code, code)
}

/** Collects the events of a path until the stream ends. */
async function listen(api, path) {
  const stream = await api.stream(path)
  assert.strictEqual(stream.response.statusCode, 200)
  const told = []
  const done = (async () => {
    for await (const event of events(stream)) told.push(event)
  })()
  return { told, done, close: stream.close }
}

scenario('a core is truncated, cleared and purged', async (world) => {
  const { api } = await serve(world)
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  const path = `/v1/cores/${core.key}`
  for (let i = 0; i < 10; i++) await api.append(core.key, 'block ' + i)
  const heard = await listen(api, path + '/events')

  const shorter = await api.json('POST', path + '/truncate', { length: 8 })
  assert.deepStrictEqual([shorter.length, shorter.fork], [8, 1])
  const forked = await api.json('POST', path + '/truncate', { length: 7, fork: 5 })
  assert.deepStrictEqual([forked.length, forked.fork], [7, 5])
  await until(() => heard.told.filter((event) => event.event === 'truncate').length === 2, 'both truncations were told')
  for (const body of [{}, { length: 99 }, { length: -1 }, { length: 2, fork: 1 }]) {
    const answer = await api.post(path + '/truncate', body)
    assert.ok(answer.status === 400 || answer.status === 409, answer.bytes.toString())
  }

  const cleared = await api.json('POST', path + '/clear', { start: 2, end: 4 })
  assert.deepStrictEqual([cleared.length, cleared.contiguousLength, cleared.blocks, cleared.bytes], [7, 2, 2, 14])
  refused(await api.get(path + '/blocks/3'), 404, 'block_not_available')
  refused(await api.post(path + '/clear', { start: 4, end: 2 }), 400, 'bad_argument')
  refused(await api.post(path + '/clear', {}), 400, 'bad_argument')

  const purged = await api.json('DELETE', path)
  assert.strictEqual(purged.key, core.key)
  refused(await api.get(path), 404, 'not_found')
  refused(await api.call('DELETE', path), 404, 'not_found')
  assert.deepStrictEqual((await api.json('GET', '/v1/cores')).cores, [])
  await heard.done // the stream of a purged core ends
})

scenario('with an encryption key reads and appends are plaintext', async (world) => {
  const { api, server } = await serve(world)
  const peer = await world.peer()
  const encryptionKey = 'ab'.repeat(32)
  const core = await api.json('POST', '/v1/cores', { name: 'secret', encryptionKey })
  await api.append(core.key, 'hush')
  assert.strictEqual((await api.get(`/v1/cores/${core.key}/blocks/0`)).bytes.toString(), 'hush')
  const theirs = await peer.core({ key: b4a.from(core.key, 'hex'), encryption: { key: b4a.from(encryptionKey, 'hex') } })
  await peer.dial(server.address)
  assert.strictEqual(b4a.toString(await theirs.get(0)), 'hush')
  refused(await api.post('/v1/cores', { name: 'x', encryptionKey: 'ab' }), 400, 'bad_argument')
})

scenario('connections are dialled, listed, told and hung up', async (world) => {
  const { api } = await serve(world)
  const peer = await world.peer()
  const theirs = await peer.core({ name: 'far' })
  await theirs.append(['one', 'two'])
  const key = b4a.toString(theirs.key, 'hex')
  await api.json('POST', '/v1/cores', { key })
  const { address } = await peer.listen()
  const heard = await listen(api, '/v1/events')
  const dialled = await api.json('POST', '/v1/peers', { address })
  assert.strictEqual(dialled.address, address)
  const open = await until(async () => {
    const { peers } = await api.json('GET', '/v1/peers')
    return peers.find((one) => one.state === 'open')
  }, 'the connection is open')
  assert.match(open.publicKey, /^[0-9a-f]{64}$/)
  assert.strictEqual((await api.get(`/v1/cores/${key}/blocks/1?wait=10000`)).bytes.toString(), 'two')
  await until(() => heard.told.some((event) => event.event === 'session' && event.data.state === 'open'), 'it was told')
  const session = heard.told.find((event) => event.event === 'session')
  for (const field of ['id', 'address', 'state']) assert.ok(field in session.data, field)

  const peers = await api.json('GET', `/v1/cores/${key}/peers`)
  assert.strictEqual(peers.peers.length, 1)
  assert.strictEqual(peers.peers[0].length, 2)
  const listed = await api.json('GET', '/v1/cores?loaded=true')
  assert.deepStrictEqual(listed.cores, [await api.json('GET', `/v1/cores/${key}`)])
  assert.strictEqual(listed.cores[0].peers, 1)
  const fresh = await api.json('POST', '/v1/cores', {})
  await until(() => heard.told.some((event) => event.event === 'feed' && event.data.key === fresh.key), 'a feed was told')

  assert.strictEqual((await api.json('DELETE', `/v1/peers/${open.id}`)).closed, true)
  await until(async () => (await api.json('GET', '/v1/peers')).peers.length === 0, 'it is gone')
  await until(() => heard.told.some((event) => event.event === 'session' && event.data.state === 'closed'), 'also told')
  refused(await api.call('DELETE', `/v1/peers/${open.id}`), 404, 'not_found')
  refused(await api.call('DELETE', '/v1/peers/x'), 400, 'bad_argument')
  for (const body of [{}, { address: 'nowhere' }, { address: 'a:0' }, { address: 5 }, { address: 'a:1', generation: 8 }]) {
    refused(await api.post('/v1/peers', body), 400, 'bad_argument')
  }
  heard.close()
})

scenario('metrics follow what happens, in the text format of Prometheus', async (world) => {
  const { api, server } = await serve(world)
  const peer = await world.peer()
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  for (let i = 0; i < 5; i++) await api.append(core.key, 'block')
  const theirs = await peer.core({ key: b4a.from(core.key, 'hex') })
  await peer.dial(server.address)
  for (let i = 0; i < 5; i++) await theirs.get(i)
  const scrape = async () => {
    const answer = await api.get('/metrics')
    assert.match(answer.headers.get('content-type'), /^text\/plain; version=0.0.4/)
    return parse(answer.bytes.toString())
  }
  const value = (samples, name) => samples.get(name)[0].value
  const found = await until(async () => {
    const samples = await scrape()
    return value(samples, 'hypercore_total_blocks_uploaded') === 5 && samples
  }, 'the uploads are counted')
  for (const [name, wanted] of [
    ['hypercore_total_cores', 1], ['hypercore_total_fully_downloaded_cores', 1], ['hypercore_total_length', 5],
    ['hypercore_total_peers', 1], ['hypercore_total_bytes_uploaded', 25], ['hypercore_total_blocks_downloaded', 0],
    ['hypercore_total_bytes_downloaded', 0], ['hypercore_invalid_data', 0], ['hypercore_invalid_requests', 0],
    ['corestore_appended_blocks_total', 5], ['corestore_sessions', 1]
  ]) assert.strictEqual(value(found, name), wanted, name)
  for (const kind of ['sync', 'request', 'cancel', 'data', 'want', 'bitfield', 'range', 'extension']) {
    for (const way of ['received', 'transmitted']) assert.ok(found.has(`hypercore_total_wire_${kind}_${way}`), kind)
  }
  assert.ok(value(found, 'hypercore_total_wire_data_transmitted') >= 5)
  assert.ok(value(found, 'hypercore_total_wire_request_received') >= 5)
  for (const name of ['hypercore_sessions_total', 'hypercore_filesystem_size_bytes', 'hypercore_filesystem_avail_bytes']) {
    assert.ok(value(found, name) > 0, name)
  }
  assert.ok(value(found, 'corestore_commit_duration_seconds_count') >= 5)
  await peer.disconnect()
  await until(async () => value(await scrape(), 'hypercore_total_peers') === 0, 'the peer is gone')

  // every metric of the board and of the alert rules is there
  const fs = require('node:fs')
  const path = require('node:path')
  const folder = path.join(__dirname, '..', '..', 'ops')
  const texts = ['grafana.json', 'alerts.yml'].map((name) => fs.readFileSync(path.join(folder, name), 'utf8')).join('\n')
  for (const name of new Set(texts.match(/\b(corestore|hypercore|process)_[a-z_]+\b/g))) {
    assert.ok(found.has(name), `${name} of the board or the rules is scraped`)
  }
})

scenario('idle clients do not keep busy ones or replication waiting', async (world) => {
  const { api, server } = await serve(world)
  const peer = await world.peer()
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  const idle = await Promise.all(Array.from({ length: 200 }, () => api.stream(`/v1/cores/${core.key}/events`)))
  const theirs = await peer.core({ key: b4a.from(core.key, 'hex') })
  await peer.dial(server.address)
  await Promise.all(Array.from({ length: 50 }, async () => {
    for (let i = 0; i < 4; i++) assert.strictEqual((await api.append(core.key, 'busy')).status, 200)
  }))
  await until(() => theirs.length === 200, 'the peer has heard of everything')
  assert.strictEqual(b4a.toString(await theirs.get(199)), 'busy')
  for (const stream of idle) stream.close()
}, { seconds: 90 })
