'use strict'

// The contract of the HTTP surface: right answers, and clear ones to every kind of wrong request.

const assert = require('node:assert')
const b4a = require('b4a')
const fs = require('node:fs')
const { scenario, until, sleep } = require('./js/world')
const { daemon } = require('./js/native')
const { Api, events } = require('./js/http')

const HTTP = { http: '127.0.0.1:0' }
const UNKNOWN = 'ab'.repeat(32)

async function serve(world, options = {}) {
  const server = await world.serve({ ...HTTP, ...options })
  return { server, api: new Api(server) }
}

function refused(answer, status, code) {
  assert.strictEqual(answer.status, status, answer.bytes.toString())
  assert.strictEqual(answer.json.error.code, code)
  assert.ok(answer.json.error.message.length > 0)
}

function descriptors(server) {
  return fs.readdirSync(`/proc/${server.pid}/fd`).length
}

function threads(server) {
  return fs.readdirSync(`/proc/${server.pid}/task`).length
}

scenario('a core is created, filled, described and read', async (world) => {
  const { api } = await serve(world)
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  assert.strictEqual(core.writable, true)
  assert.strictEqual(core.length, 0)
  assert.match(core.key, /^[0-9a-f]{64}$/)
  assert.strictEqual((await api.json('POST', '/v1/cores', { name: 'log' })).key, core.key)

  const one = await api.append(core.key, 'hello')
  assert.deepStrictEqual(one.json, { length: 1, byteLength: 5 })
  const two = await api.json('POST', `/v1/cores/${core.key}/blocks`, {
    blocks: ['', 'world', '!'].map((text) => Buffer.from(text).toString('base64'))
  })
  assert.deepStrictEqual(two, { length: 4, byteLength: 11 })

  for (const id of [core.key, core.discoveryKey, core.key.toUpperCase()]) {
    const record = await api.json('GET', `/v1/cores/${id}`)
    assert.strictEqual(record.key, core.key)
    assert.deepStrictEqual([record.length, record.byteLength, record.contiguousLength], [4, 11, 4])
    for (const field of ['generation', 'fork', 'active', 'peers', 'treeHash', 'discoveryKey']) {
      assert.ok(field in record, field)
    }
  }
  const block = await api.get(`/v1/cores/${core.key}/blocks/0`)
  assert.strictEqual(block.headers.get('content-type'), 'application/octet-stream')
  assert.strictEqual(block.bytes.toString(), 'hello')
  assert.strictEqual((await api.get(`/v1/cores/${core.key}/blocks/1`)).bytes.length, 0)

  const stream = await api.get(`/v1/cores/${core.key}/blocks?start=0&end=3`)
  const found = stream.bytes.toString().trim().split('\n').map((line) => JSON.parse(line))
  assert.deepStrictEqual(found, [
    { index: 0, value: 'aGVsbG8=' },
    { index: 1, value: '' },
    { index: 2, value: 'd29ybGQ=' }
  ])
  assert.strictEqual((await api.get(`/v1/cores/${core.key}/blocks?start=2`)).bytes.toString().split('\n').length, 3)
  assert.strictEqual((await api.get(`/v1/cores/${core.key}/blocks?start=4`)).bytes.length, 0)
  assert.strictEqual((await api.get(`/v1/cores/${core.key}/blocks?start=9&end=12`)).bytes.length, 0)

  assert.deepStrictEqual(await api.json('POST', `/v1/cores/${core.key}/seek`, { bytes: 7 }), { index: 2, offset: 2 })
  const listed = await api.json('GET', '/v1/cores')
  assert.deepStrictEqual(listed.cores.map((record) => record.key), [core.key])
})

scenario('a core reads as one byte string, whole or in ranges', async (world) => {
  const { api } = await serve(world)
  const core = await api.json('POST', '/v1/cores', {})
  const whole = Buffer.alloc(700000, 'corestore ')
  const cut = [0, 1, 1, 300, 70000, 400000, 700000]
  for (let i = 1; i < cut.length; i++) await api.append(core.key, whole.subarray(cut[i - 1], cut[i]))
  const path = `/v1/cores/${core.key}/bytes`
  const all = await api.get(path)
  assert.strictEqual(all.status, 200)
  assert.ok(all.bytes.equals(whole))
  assert.strictEqual(all.headers.get('accept-ranges'), 'bytes')
  for (const [range, start, end] of [
    ['0-0', 0, 1],
    ['0-', 0, 700000],
    ['299-301', 299, 302],
    ['-10', 699990, 700000],
    ['69999-400000', 69999, 400001],
    ['5-9999999', 5, 700000]
  ]) {
    const part = await api.get(path, { range: `bytes=${range}` })
    assert.strictEqual(part.status, 206, range)
    assert.strictEqual(part.headers.get('content-range'), `bytes ${start}-${end - 1}/700000`)
    assert.ok(part.bytes.equals(whole.subarray(start, end)), range)
  }
  for (const range of ['700000-', '5-2', 'x', '-0']) {
    const wrong = await api.get(path, { range: `bytes=${range}` })
    refused(wrong, 416, 'bad_argument')
    assert.strictEqual(wrong.headers.get('content-range'), 'bytes */700000')
  }
  const head = await api.call('HEAD', path)
  assert.deepStrictEqual([head.status, head.headers.get('content-length'), head.bytes.length], [200, '700000', 0])
  const empty = await api.json('POST', '/v1/cores', {})
  assert.strictEqual((await api.get(`/v1/cores/${empty.key}/bytes`)).bytes.length, 0)
  refused(await api.get(`/v1/cores/${empty.key}/bytes`, { range: 'bytes=0-' }), 416, 'bad_argument')
})

scenario('another encryption key for a core that is open is a conflict, and the readers keep theirs', async (world) => {
  const { api } = await serve(world)
  const body = { name: 'secret', encryptionKey: '11'.repeat(32) }
  const core = await api.json('POST', '/v1/cores', body)
  assert.strictEqual(core.encrypted, true)
  const path = `/v1/cores/${core.key}/blocks`
  await api.json('POST', path, { blocks: [Buffer.from('hidden').toString('base64')] })
  assert.strictEqual((await api.json('POST', '/v1/cores', body)).key, core.key)
  refused(await api.post('/v1/cores', { ...body, encryptionKey: '22'.repeat(32) }), 409, 'key_mismatch')
  assert.strictEqual((await api.get(`${path}/0`)).bytes.toString(), 'hidden')
})

scenario('cores are named by key, pair, manifest and namespace', async (world) => {
  const { api } = await serve(world)
  const peer = await world.peer()
  const pair = await peer.store.createKeyPair('x')
  const keyPair = { publicKey: b4a.toString(pair.publicKey, 'hex'), secretKey: b4a.toString(pair.secretKey, 'hex') }
  const theirs = await peer.core({ keyPair: pair })
  const ours = await api.json('POST', '/v1/cores', { keyPair })
  assert.strictEqual(ours.key, b4a.toString(theirs.key, 'hex'))
  assert.strictEqual(ours.writable, true)

  const manifest = {
    version: 1,
    quorum: 1,
    signers: [keyPair.publicKey, 'cd'.repeat(32)].map((publicKey) => ({ signature: 'ed25519', publicKey }))
  }
  const buffers = { ...manifest, signers: manifest.signers.map((s) => ({ ...s, publicKey: b4a.from(s.publicKey, 'hex') })) }
  const shared = await peer.core({ manifest: buffers })
  const read = await api.json('POST', '/v1/cores', { manifest })
  assert.strictEqual(read.key, b4a.toString(shared.key, 'hex'))
  const { encodeManifest } = require('hypercore/lib/verifier')
  const encoded = encodeManifest ? encodeManifest(shared.manifest) : null
  if (encoded) {
    const again = await api.json('POST', '/v1/cores', { manifest: b4a.toString(encoded, 'base64') })
    assert.strictEqual(again.key, read.key)
  }

  const a = await api.json('POST', '/v1/cores', { name: 'n', namespace: ['a', 'b'] })
  const b = await api.json('POST', '/v1/cores', { name: 'n', namespace: ['a'] })
  const root = await api.json('POST', '/v1/cores', { name: 'n' })
  assert.strictEqual(new Set([a.key, b.key, root.key]).size, 3)
  const inside = await api.json('GET', '/v1/cores?namespace=a&namespace=b')
  assert.deepStrictEqual(inside.cores.map((record) => record.key), [a.key])
  const unnamed = await api.json('POST', '/v1/cores', { default: true })
  assert.strictEqual((await api.json('POST', '/v1/cores', { default: true })).key, unnamed.key)
  const known = await api.json('POST', '/v1/cores', { key: UNKNOWN })
  assert.deepStrictEqual([known.key, known.writable, known.length], [UNKNOWN, false, 0])
  assert.strictEqual((await api.json('POST', '/v1/cores', { discoveryKey: known.discoveryKey })).key, UNKNOWN)
  const paged = []
  for (let after = ''; after !== undefined; ) {
    const page = await api.json('GET', `/v1/cores?limit=2${after && '&after=' + after}`)
    assert.ok(page.cores.length <= 2)
    paged.push(...page.cores.map((record) => record.discoveryKey))
    after = page.next
  }
  const all = await api.json('GET', '/v1/cores?loaded=true')
  assert.deepStrictEqual(paged, all.cores.map((record) => record.discoveryKey))
  assert.ok(all.cores.length >= 7 && all.cores.every((record) => record.active))
})

scenario('wrong requests get clear answers and change nothing', async (world) => {
  const { api, server } = await serve(world)
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  const readonly = await api.json('POST', '/v1/cores', { key: UNKNOWN })
  await api.append(core.key, 'kept')
  const path = `/v1/cores/${core.key}`

  for (const route of ['/nothing', '/v1', '/v1/', '/v2/store', path + '/nothing', path + '/', '//']) {
    refused(await api.get(route), 404, 'not_found')
  }
  for (const [method, route, allow] of [
    ['POST', '/v1/store', 'GET, HEAD'],
    ['PUT', '/v1/cores', 'GET, HEAD, POST'],
    ['GET', path + '/seek', 'POST'],
    ['DELETE', path + '/blocks', 'POST, GET, HEAD'],
    ['PATCH', '/healthz', 'GET, HEAD']
  ]) {
    const answer = await api.call(method, route)
    refused(answer, 405, 'bad_argument')
    assert.strictEqual(answer.headers.get('allow'), allow)
  }
  const unknown = 'cd'.repeat(32)
  for (const route of ['', '/blocks', '/blocks/0', '/bytes', '/events']) {
    refused(await api.get(`/v1/cores/${unknown}${route}`), 404, 'not_found')
    refused(await api.get(`/v1/cores/nokey${route}`), 400, 'bad_argument')
  }
  for (const verb of ['update', 'download', 'mirror']) {
    refused(await api.post(`/v1/cores/${unknown}/${verb}`, {}), 404, 'not_found')
  }
  refused(await api.append(unknown, 'x'), 404, 'not_found')
  refused(await api.append(readonly.key, 'x'), 409, 'not_writable')

  for (const query of ['start=-1', 'start=a', 'end=1.5', 'start=3&end=2', 'live=maybe', 'wait=x', 'start=%zz', 'wait=99999999999']) {
    refused(await api.get(`${path}/blocks?${query}`), 400, 'bad_argument')
  }
  for (const query of ['limit=0', 'limit=1001', 'after=x', 'loaded=perhaps']) {
    refused(await api.get('/v1/cores?' + query), 400, 'bad_argument')
  }
  for (const index of ['-1', 'x', '1.5', '9007199254740993']) {
    refused(await api.get(`${path}/blocks/${index}`), 400, 'bad_argument')
  }
  refused(await api.get(`${path}/blocks/7`), 404, 'block_not_available')
  refused(await api.get(`${path}/blocks/7?wait=50`), 404, 'block_not_available')

  for (const body of ['{', '[]', '"x"', '{"name":1}', '{"name":""}', '{"nmae":"x"}', '{"key":"zz"}', '{"generation":8}',
    '{"name":"a","key":"' + UNKNOWN + '"}', '{"namespace":"a"}', '{"keyPair":{}}', '{"manifest":5}', '{"default":"yes"}']) {
    refused(await api.post('/v1/cores', body, { 'content-type': 'application/json' }), 400, 'bad_argument')
  }
  for (const body of [{}, { blocks: 'x' }, { blocks: [1] }, { blocks: ['%%'] }, { block: [] }]) {
    refused(await api.post(path + '/blocks', body), 400, 'bad_argument')
  }
  for (const [verb, body] of [['seek', {}], ['seek', { bytes: -1 }], ['download', { start: 2, end: 1 }],
    ['update', { wait: 'x' }], ['mirror', { on: 1 }], ['seek', { bytes: '1' }]]) {
    refused(await api.post(`${path}/${verb}`, body), 400, 'bad_argument')
  }
  refused(await api.post(path + '/blocks', 'text', { 'content-type': 'text/plain' }), 415, 'bad_argument')
  refused(await api.post('/v1/cores', '{}', { 'content-type': 'application/octet-stream' }), 415, 'bad_argument')
  refused(await api.post(path + '/seek', { bytes: 1 }, { origin: 'http://elsewhere.example' }), 403, 'invalid_capability')

  const large = Buffer.alloc(15728641)
  refused(await api.append(core.key, large), 413, 'limit_exceeded')
  refused(await api.post('/v1/cores', JSON.stringify({ name: 'x'.repeat(1 << 20) }), { 'content-type': 'application/json' }),
    413, 'limit_exceeded')

  const record = await api.json('GET', path)
  assert.deepStrictEqual([record.length, record.byteLength], [1, 4])
  assert.ok(server.running)
})

scenario('bytes that are no request of HTTP are answered or cut off', async (world) => {
  const { api } = await serve(world)
  const host = `Host: ${api.host}\r\n`
  for (const [text, status] of [
    ['hello\r\n\r\n', 400],
    ['GET / HTTP/2.0\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n', 400],
    ['GET nopath HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    [`GET /${'a/'.repeat(40)} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400],
    [`GET /healthz HTTP/1.1\r\nX: ${'y'.repeat(20000)}\r\n\r\n`, 431],
    [`GET /${'a'.repeat(20000)} HTTP/1.1\r\n\r\n`, 431],
    ['POST /v1/cores HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    ['GET /healthz HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n', 403],
    [`GET /healthz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 200]
  ]) {
    assert.match(await api.raw(text), new RegExp(`^HTTP/1.1 ${status} `), text.slice(0, 60))
  }
  const pipelined = await api.raw(
    `GET /healthz HTTP/1.1\r\n${host}\r\nGET /v1/store HTTP/1.1\r\n${host}\r\nGET /nothing HTTP/1.1\r\n${host}Connection: close\r\n\r\n`
  )
  assert.deepStrictEqual(pipelined.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404'])
  const chunked = await api.raw(
    `POST /v1/cores HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n9\r\n{"name":"\r\n5\r\nlog"}\r\n0\r\n\r\n`
  )
  assert.match(chunked, /^HTTP\/1.1 200 /)
  const expecting = await api.raw(
    `POST /v1/cores HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`
  )
  assert.match(expecting, /HTTP\/1.1 200 /)
  const old = await api.raw('GET /v1/cores HTTP/1.0\r\n\r\n')
  assert.match(old, /^HTTP\/1.1 200 [^]*\r\n\r\n\{"cores":\[/)
})

scenario('a token guards writes over an open address', async (world) => {
  const closed = await daemon(['--storage', world.path(), '--listen', 'off', '--http', '0.0.0.0:0'])
  assert.strictEqual(closed.code, 2)
  assert.match(closed.stderr, /http.token/)
  const config = world.path('conf')
  fs.writeFileSync(config, '[http]\ntoken = sesame\n')
  const { api } = await serve(world, { http: '0.0.0.0:0', args: ['--config', config] })
  api.base = api.base.replace('0.0.0.0', '127.0.0.1')
  assert.strictEqual((await api.get('/v1/cores')).status, 200)
  const without = await api.post('/v1/cores', { name: 'x' })
  refused(without, 401, 'invalid_capability')
  assert.strictEqual(without.headers.get('www-authenticate'), 'Bearer')
  for (const token of ['Bearer wrong', 'Bearer', 'Basic sesame', 'Bearer sesame2', 'sesame']) {
    refused(await api.post('/v1/cores', { name: 'x' }, { authorization: token }), 401, 'invalid_capability')
  }
  assert.deepStrictEqual((await api.get('/v1/cores')).json.cores, [])
  assert.strictEqual((await api.post('/v1/cores', { name: 'x' }, { authorization: 'Bearer sesame' })).status, 200)
})

scenario('blocks of a JavaScript peer are waited for, and followed live', async (world) => {
  const { api, server } = await serve(world)
  const peer = await world.peer()
  const theirs = await peer.core({ name: 'live' })
  await theirs.append(['a', 'b'])
  const key = b4a.toString(theirs.key, 'hex')
  await api.json('POST', '/v1/cores', { key })
  const early = api.get(`/v1/cores/${key}/blocks/1?wait=20000`)
  await peer.dial(server.address)
  assert.strictEqual((await early).bytes.toString(), 'b')
  const updated = await api.json('POST', `/v1/cores/${key}/update`, { wait: 5000 })
  assert.strictEqual(updated.length, 2)

  const follow = await api.stream(`/v1/cores/${key}/blocks?live=true`)
  const watch = await api.stream(`/v1/cores/${key}/events`)
  assert.strictEqual(watch.response.headers['content-type'], 'text/event-stream')
  const seen = []
  const told = []
  const following = (async () => {
    for await (const line of follow.lines()) seen.push(JSON.parse(line))
  })()
  const watching = (async () => {
    for await (const event of events(watch)) told.push(event)
  })()
  await until(() => seen.length === 2, 'what was there has come')
  const start = process.hrtime.bigint()
  await theirs.append('c')
  await until(() => seen.length === 3, 'the new block has come')
  assert.ok(Number(process.hrtime.bigint() - start) < 2e9)
  assert.deepStrictEqual(seen.map((line) => Buffer.from(line.value, 'base64').toString()), ['a', 'b', 'c'])
  await until(() => told.some((event) => event.event === 'append' && event.data.length === 3), 'the append was told')
  const download = told.find((event) => event.event === 'download' && event.data.index === 2)
  assert.deepStrictEqual([download.data.key, download.data.byteLength], [key, 1])
  await peer.disconnect()
  await until(() => told.some((event) => event.event === 'peer-remove'), 'the peer was seen leaving')
  await server.stop() // ends both streams in order
  await following
  await watching
})

scenario('clients that leave, stall or never read cost nothing in the end', async (world) => {
  const { api, server } = await serve(world)
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  const block = Buffer.alloc(1 << 20, 7)
  for (let i = 0; i < 24; i++) await api.append(core.key, block)
  await api.get('/healthz')
  const before = { fds: descriptors(server), threads: threads(server) }
  const open = []
  for (let i = 0; i < 40; i++) {
    open.push(await api.stream(`/v1/cores/${core.key}/events`))
    open.push(await api.stream(`/v1/cores/${core.key}/blocks?live=true&start=24`))
    open.push(await api.stream(`/v1/cores/${core.key}/bytes`)) // never reads
  }
  const waiting = await Promise.all(Array.from({ length: 20 }, () => leave(api, `/v1/cores/${core.key}/blocks/99?wait=600000`)))
  assert.ok(threads(server) >= before.threads + 100)
  await api.append(core.key, 'still served')
  for (const stream of open) stream.close()
  for (const close of waiting) close()
  await until(() => threads(server) <= before.threads + 3 && descriptors(server) <= before.fds + 3,
    'threads and descriptors are back', 20000)
  assert.strictEqual((await api.json('GET', `/v1/cores/${core.key}`)).length, 25)
})

/** Begins a request; resolves with a function that abandons it. */
async function leave(api, path) {
  const aborter = new AbortController()
  fetch(api.base + path, { signal: aborter.signal }).catch(() => {})
  await sleep(5)
  return () => aborter.abort()
}

scenario('connections are bounded, and the next one is told so', async (world) => {
  const config = world.path('conf')
  fs.writeFileSync(config, '[http]\nconnections-max = 4\n')
  const { api } = await serve(world, { args: ['--config', config] })
  const core = await api.json('POST', '/v1/cores', {})
  const open = []
  await until(async () => {
    const stream = await api.stream(`/v1/cores/${core.key}/events`)
    open.push(stream)
    return stream.response.statusCode === 503
  }, 'the limit is reached')
  assert.ok(open.length <= 5)
  for (const stream of open) stream.close()
  await until(async () => (await api.get('/healthz').catch(() => ({}))).status === 200, 'there is room again')
})

scenario('the HTTP surface on a Unix socket', async (world) => {
  const file = world.path('sock')
  const server = await world.serve({ http: 'unix:' + file })
  assert.strictEqual(server.info.http, 'unix:' + file)
  const http = require('node:http')
  const status = await new Promise((resolve, reject) => {
    http.get({ socketPath: file, path: '/healthz' }, (response) => resolve(response.resume().statusCode)).on('error', reject)
  })
  assert.strictEqual(status, 200)
  await server.stop()
  assert.ok(!fs.existsSync(file))
})
