'use strict'

// Every route of docs/http.md against every kind of wrong request: method, key, type, size, encoding, body, token; then
// clients that leave in the middle of an answer. Each gets the right status and a reason, and nothing is changed.

const assert = require('node:assert')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const zlib = require('node:zlib')
const { scenario, until, sleep } = require('./js/world')
const { Api } = require('./js/http')

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']
const UNKNOWN = 'cd'.repeat(32)

/** The routes as they are documented: [{ method, path }]. */
const ROUTES = fs
  .readFileSync(path.join(__dirname, '../../docs/http.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| `(GET|POST|PUT|DELETE) /.test(line))
  .flatMap((line) => [...line.split('|')[1].matchAll(/`(GET|POST|PUT|DELETE) ([^`?]+)/g)])
  .map(([, method, where]) => ({ method, path: where }))

const isListening = (route) => route.method === 'GET' && /\/extensions\//.test(route.path)
const isEndless = (route) => isListening(route) || (route.method === 'GET' && /events$/.test(route.path))
const isGuarded = (route) => route.method !== 'GET' || isListening(route)
const takesBody = (route) => route.method === 'POST' || route.method === 'PUT'
const takesOctets = (route) => takesBody(route) && /\/(userdata|extensions)\//.test(route.path)
const takesBlocks = (route) => route.method === 'POST' && route.path.endsWith('/blocks')

function refused(answer, status, what) {
  assert.strictEqual(answer.status, status, `${what}: ${answer.status} ${answer.bytes}`)
  assert.match(answer.json.error.code, /^[a-z_]+$/)
  assert.ok(answer.json.error.message.length > 5, what)
}

async function serve(world, options = {}) {
  const server = await world.serve({ http: '127.0.0.1:0', ...options })
  const api = new Api(server)
  return { server, api }
}

async function filled(world) {
  const { server, api } = await serve(world)
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  for (const text of ['one', 'two', 'three']) await api.append(core.key, text)
  await api.json('PUT', `/v1/cores/${core.key}/userdata/kept`, 'value')
  const at = (route, key = core.key) => route.path.replace('{core}', key).replace('{index}', '1').replace('{id}', '9999').replace('{topic}', UNKNOWN).replace('{subject}', UNKNOWN).replace('{name}', 'kept')
  const unchanged = async () => {
    const record = await api.json('GET', '/v1/cores/' + core.key)
    assert.deepStrictEqual([record.length, record.byteLength, record.fork, record.mirrored, record.group], [3, 11, 0, false, undefined])
    assert.strictEqual((await api.json('GET', '/v1/cores')).cores.length, 1)
    assert.deepStrictEqual((await api.json('GET', `/v1/cores/${core.key}/userdata`)).names, ['kept'])
    assert.strictEqual((await api.get(`/v1/cores/${core.key}/userdata/kept`)).bytes.toString(), 'value')
    assert.deepStrictEqual((await api.json('GET', '/v1/bans')).bans, [])
    assert.deepStrictEqual((await api.json('GET', '/v1/peers')).peers, [])
  }
  return { server, api, core, at, unchanged }
}

scenario('the documented routes are the ones there are', async (world) => {
  assert.ok(ROUTES.length >= 36, 'the table was read')
  const { api, at } = await filled(world)
  for (const route of ROUTES.filter((one) => one.method === 'GET' && !isEndless(one))) {
    const answer = await api.get(at(route))
    assert.strictEqual(answer.status, 200, `${route.path}: ${answer.bytes}`)
    const head = await api.call('HEAD', at(route))
    assert.deepStrictEqual([head.status, head.bytes.length], [200, 0], route.path)
    assert.strictEqual(head.headers.get('content-type'), answer.headers.get('content-type'), route.path)
    assert.strictEqual(answer.headers.get('x-content-type-options'), 'nosniff', route.path)
  }
  for (const route of ROUTES.filter(isEndless)) {
    const head = await api.call('HEAD', at(route))
    assert.deepStrictEqual([head.status, head.headers.get('content-type')], [200, 'text/event-stream'])
    const stream = await api.stream(at(route))
    assert.deepStrictEqual([stream.response.statusCode, stream.response.headers['content-type']], [200, 'text/event-stream'])
    stream.close()
  }
})

scenario('a method that a route does not have', async (world) => {
  const { api, at, unchanged } = await filled(world)
  for (const where of new Set(ROUTES.map((route) => route.path))) {
    const offered = ROUTES.filter((route) => route.path === where).map((route) => route.method)
    for (const method of METHODS.filter((one) => !offered.includes(one))) {
      const answer = await api.call(method, at({ path: where }))
      refused(answer, 405, `${method} ${where}`)
      const allowed = answer.headers.get('allow').split(', ').filter((one) => one !== 'HEAD')
      assert.deepStrictEqual(allowed.sort(), [...offered].sort(), where)
    }
  }
  await unchanged()
})

scenario('keys that are none, and cores that are unknown', async (world) => {
  const { api, core, at, unchanged } = await filled(world)
  const wrong = ['nokey', core.key.slice(1), core.key + '0', core.key.replace(/.$/, 'g'), '%00', '..%2f..', 'a'.repeat(4000)]
  for (const route of ROUTES.filter((one) => one.path.includes('{core}'))) {
    const body = takesOctets(route) ? 'x' : takesBlocks(route) ? { blocks: [] } : route.path.endsWith('/mirror') ? { on: true } : { start: 0, end: 1, length: 1, bytes: 0, index: 0, topic: UNKNOWN }
    const ask = (key) => api.call(route.method, at(route, key), takesBody(route) ? (takesOctets(route) ? body : only(body, route)) : undefined)
    for (const key of wrong) refused(await ask(key), 400, `${route.method} ${route.path} with ${key.slice(0, 70)}`)
    refused(await ask(UNKNOWN), 404, `${route.method} ${route.path} of an unknown core`)
    refused(await api.call(route.method, at(route, '%zz')), 400, route.path + ' with a broken escape')
  }
  await unchanged()
})

/** The fields that the route knows. */
function only(body, route) {
  const known = { truncate: ['length'], clear: ['start', 'end'], download: ['start', 'end'], seek: ['bytes'], mirror: ['on'], blocks: ['blocks'], update: [], switch: [], push: ['index'], group: ['topic'] }
  return Object.fromEntries(known[route.path.split('/').pop()].map((name) => [name, body[name]]))
}

scenario('bodies of a wrong type, size, encoding or content', async (world) => {
  const { api, core, at, unchanged } = await filled(world)
  const json = { 'content-type': 'application/json' }
  for (const route of ROUTES.filter(takesBody)) {
    const send = (body, headers = json) => api.call(route.method, at(route), body, headers)
    const what = `${route.method} ${route.path}`
    for (const body of takesOctets(route) ? [] : ['{', '[1]', '"text"', 'null', '5', '{"a":1', '{"unknown":1}', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), '\0']) {
      refused(await send(body), 400, `${what} with ${body}`)
    }
    refused(await send('<a/>', { 'content-type': 'application/xml' }), 415, what)
    refused(await send('a=1', { 'content-type': 'application/x-www-form-urlencoded' }), 415, what)
    refused(await send(zlib.gzipSync('{}'), { ...json, 'content-encoding': 'gzip' }), 415, what + ' packed')
    const limit = takesBlocks(route) ? 42 << 20 : route.path.includes('/extensions/') ? 15 << 20 : 1 << 20
    const long = await raw(api, `${route.method} ${at(route)} HTTP/1.1\r\nHost: ${api.host}\r\nContent-Type: application/json\r\nContent-Length: ${limit + 1}\r\n\r\n`)
    assert.match(long, /^HTTP\/1.1 413 /, what + ' with too long a body')
    const vast = await raw(api, `${route.method} ${at(route)} HTTP/1.1\r\nHost: ${api.host}\r\nContent-Length: 99999999999999999999\r\n\r\n`)
    assert.match(vast, /^HTTP\/1.1 4(00|13) /, what + ' with an absurd length')
    const both = await raw(api, `${route.method} ${at(route)} HTTP/1.1\r\nHost: ${api.host}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)
    assert.match(both, /^HTTP\/1.1 400 /, what + ' with two lengths')
    const cut = net.connect({ host: '127.0.0.1', port: Number(api.host.split(':')[1]) })
    cut.on('error', () => {})
    cut.end(`${route.method} ${at(route)} HTTP/1.1\r\nHost: ${api.host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"name":`)
    await new Promise((resolve) => cut.resume().once('close', resolve))
  }
  refused(await api.call('PUT', `/v1/cores/${core.key}/userdata/kept`, ''), 400, 'an empty value')
  await unchanged()
})

scenario('names of user data and of extensions that are none', async (world) => {
  const { api, core, unchanged } = await filled(world)
  const base = `/v1/cores/${core.key}`
  for (const name of ['%00conflict', 'x'.repeat(508)]) refused(await api.call('PUT', `${base}/userdata/${name}`, 'x'), 400, name)
  for (const method of ['GET', 'DELETE']) {
    refused(await api.call(method, `${base}/userdata/%00conflict`), 400, method + ' what the engine keeps')
    for (const name of ['absent', 'x'.repeat(508), '%ff']) refused(await api.call(method, `${base}/userdata/${name}`), 404, name)
  }
  for (const where of [base + '/extensions/', '/v1/extensions/']) refused(await api.get(where + 'x'.repeat(257)), 400, where)
  refused(await api.post(`${base}/extensions/${'x'.repeat(257)}`), 400, 'a long name')
  refused(await api.call('POST', `${base}/extensions/chat?session=99`, 'x'), 404, 'nobody there')
  for (const session of ['-1', 'x', '9007199254740992']) refused(await api.call('POST', `${base}/extensions/chat?session=${session}`, 'x'), 400, session)
  for (const index of [-1, 1.5, 2 ** 53, 'x', true, undefined]) refused(await api.post(base + '/push', { index }), 400, `push ${index}`)
  refused(await api.post(base + '/push', { index: 3 }), 404, 'a block that is not here')
  await unchanged()
})

/** Sends a header and reads the answer without ever sending the body. */
function raw(api, text) {
  return new Promise((resolve, reject) => {
    const [host, port] = api.host.split(':')
    const socket = net.connect({ host, port: Number(port) }, () => socket.write(text))
    socket.on('error', reject)
    socket.on('data', (data) => {
      resolve(data.toString('latin1'))
      socket.destroy()
    })
    socket.on('close', () => resolve(''))
  })
}

scenario('numbers out of range, in bodies and in queries', async (world) => {
  const { api, core, unchanged } = await filled(world)
  const base = '/v1/cores/' + core.key
  const bad = [-1, 1.5, 2 ** 53, 'x', '', true, [], {}]
  for (const [verb, fields] of Object.entries({ update: ['wait'], truncate: ['length', 'fork'], clear: ['start', 'end'], download: ['start', 'end', 'wait'], seek: ['bytes', 'wait'] })) {
    for (const field of fields) {
      for (const value of bad) {
        const body = Object.fromEntries(fields.map((name) => [name, name === field ? value : 1]))
        if (verb === 'truncate' && field === 'fork') body.length = 3
        refused(await api.post(`${base}/${verb}`, body), 400, `${verb} ${JSON.stringify(body)}`)
      }
    }
  }
  for (const value of ['-1', '1.5', '9007199254740992', 'x', '%20', '1e3', '0x1']) {
    for (const query of ['blocks?start=', 'blocks?end=', 'blocks?wait=', 'blocks/1?wait=', 'bytes?wait=', 'blocks/']) {
      refused(await api.get(`${base}/${query}${value}`), 400, query + value)
    }
    refused(await api.get('/v1/cores?limit=' + value), 400, value)
    refused(await api.get('/metrics?top=' + value), 400, value)
    for (const name of ['since', 'until', 'limit', 'reverse']) refused(await api.get(`/v1/groups/${UNKNOWN}?${name}=${value}`), 400, name + value)
    refused(await api.call('DELETE', '/v1/peers/' + value), 400, value)
  }
  refused(await api.get('/metrics?top=101'), 400, 'too many')
  await unchanged()
})

scenario('without the token every write is refused, and no read', async (world) => {
  const config = world.path('conf')
  fs.writeFileSync(config, '[http]\ntoken = sesame\n')
  const { api } = await serve(world, { http: '0.0.0.0:0', args: ['--config', config] })
  api.base = api.base.replace('0.0.0.0', '127.0.0.1')
  const at = (route) => route.path.replace('{core}', UNKNOWN).replace('{index}', '1').replace('{id}', '9').replace('{subject}', UNKNOWN).replace('{topic}', UNKNOWN).replace('{name}', 'x')
  for (const route of ROUTES.filter((one) => isGuarded(one) || !isEndless(one))) {
    const plain = await api.call(route.method, at(route))
    if (!isGuarded(route)) {
      assert.notStrictEqual(plain.status, 401, route.path)
      continue
    }
    refused(plain, 401, `${route.method} ${route.path}`)
    for (const authorization of ['Bearer wrong', 'bearer', 'Basic c2VzYW1l', 'Bearer  sesame', 'Bearer sesamesesame', 'sesame']) {
      refused(await api.call(route.method, at(route), undefined, { authorization }), 401, authorization)
    }
    const known = await api.call(route.path.startsWith('/v1/extensions') ? 'HEAD' : route.method, at(route), undefined, { authorization: 'Bearer sesame' })
    assert.notStrictEqual(known.status, 401, `${route.method} ${route.path} with the token`)
  }
})

scenario('clients that leave in the middle of every stream, or never read it, cost nothing in the end', async (world) => {
  const { server, api, core, at } = await filled(world)
  const block = Buffer.alloc(1 << 20, 7)
  for (let i = 0; i < 16; i++) await api.append(core.key, block)
  await sleep(500)
  const count = (what) => fs.readdirSync(`/proc/${server.pid}/${what}`).length
  const before = { threads: count('task'), descriptors: count('fd') }
  const streams = [`/v1/cores/${core.key}/events`, '/v1/events', `/v1/cores/${core.key}/extensions/chat`, '/v1/extensions/chat', `/v1/cores/${core.key}/blocks`, `/v1/cores/${core.key}/blocks?live=true`,
    `/v1/cores/${core.key}/bytes`, `/v1/cores/${core.key}/blocks/99?wait=60000`]
  const sockets = []
  for (const where of streams) {
    for (let i = 0; i < 12; i++) {
      const socket = net.connect({ host: '127.0.0.1', port: Number(api.host.split(':')[1]) })
      socket.on('error', () => {})
      socket.write(`GET ${where} HTTP/1.1\r\nHost: ${api.host}\r\n\r\n`)
      if (i % 3 === 0) socket.pause() // never reads
      else if (i % 3 === 1) socket.once('data', () => socket.destroy()) // leaves after the first bytes
      else socket.on('data', () => {})
      sockets.push(socket)
    }
  }
  await sleep(1500)
  assert.strictEqual((await api.get('/healthz')).status, 200, 'others are served meanwhile')
  await api.append(core.key, 'still served')
  for (const socket of sockets) socket.destroy()
  await until(() => count('task') <= before.threads + 2 && count('fd') <= before.descriptors + 2, 'threads and descriptors are back', 20000)
  assert.strictEqual((await api.json('GET', at({ path: '/v1/cores/{core}' }))).length, 20)
})
