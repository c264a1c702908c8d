'use strict'

// What applications keep and say beside a log, through the command line and over HTTP: user data, messages of extensions
// and pushes, with a JavaScript peer on the other side; and bans.

const assert = require('node:assert')
const fs = require('node:fs')
const { scenario, until } = require('./js/world')
const { launch, cli } = require('./js/native')
const { Api, events } = require('./js/http')
const { reach } = require('./js/peer')

const base64 = (text) => Buffer.from(text).toString('base64')

async function served(world) {
  const server = await world.serve({ http: '127.0.0.1:0' })
  const api = new Api(server)
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  return { server, api, core, base: '/v1/cores/' + core.key }
}

/** A JavaScript peer that has the core open, as the server knows. */
async function withPeer(world) {
  const all = await served(world)
  await all.api.append(all.core.key, 'first')
  const peer = await world.peer()
  const copy = await peer.core({ key: Buffer.from(all.core.key, 'hex') })
  const link = await peer.dial(all.server.address)
  await reach(copy, 1)
  const [carrier] = await until(async () => {
    const { peers } = await all.api.json('GET', all.base + '/peers')
    return peers.length > 0 && peers
  }, 'the server knows its peer')
  return { ...all, peer, copy, link, carrier }
}

scenario('user data is kept, listed and forgotten, whoever asks', async (world) => {
  const { server, api, core, base } = await served(world)
  const names = async () => (await api.json('GET', base + '/userdata')).names
  assert.deepStrictEqual(await names(), [])
  const value = Buffer.from([0, 255, 10, 13])
  const kept = await api.json('PUT', base + '/userdata/a%2Fb', value)
  assert.deepStrictEqual(kept, { name: 'a/b', byteLength: 4, changed: true })
  assert.strictEqual((await api.json('PUT', base + '/userdata/a%2Fb', value)).changed, false)
  assert.deepStrictEqual(await server.ask(['userdata', 'name:log', 'title', '--set', 'grüße']), [{ name: 'title', byteLength: 7, changed: true }])
  assert.deepStrictEqual(await names(), ['a/b', 'title'])
  assert.deepStrictEqual(await server.ask(['userdata', core.key]), [{ name: 'a/b' }, { name: 'title' }])
  const raw = await api.get(base + '/userdata/title')
  assert.deepStrictEqual([raw.headers.get('content-type'), raw.bytes.toString()], ['application/octet-stream', 'grüße'])
  assert.ok((await cli(['--node', server.info.node, 'userdata', 'name:log', 'a/b'])).stdout.equals(value))
  assert.deepStrictEqual(await server.ask(['userdata', 'name:log', 'a/b']), [{ name: 'a/b', byteLength: 4, value: value.toString('base64') }])
  assert.strictEqual((await api.json('DELETE', base + '/userdata/a%2Fb')).changed, true)

  // Other types of bodies, and the largest one.
  const largest = Buffer.alloc(1 << 20, 'x')
  assert.strictEqual((await api.call('PUT', base + '/userdata/json', '{"a":1}', { 'content-type': 'application/json' })).status, 200)
  assert.strictEqual((await api.get(base + '/userdata/json')).bytes.toString(), '{"a":1}')
  assert.strictEqual((await api.json('PUT', base + '/userdata/large', largest)).byteLength, 1 << 20)
  assert.strictEqual((await api.call('PUT', base + '/userdata/large', Buffer.alloc((1 << 20) + 1))).status, 413)

  // Through a file and standard input, also after a restart and without a server.
  const file = world.path('file')
  fs.writeFileSync(file, 'of a file')
  await server.ask(['userdata', 'name:log', 'file', '--file', file])
  await server.ask(['userdata', 'name:log', 'input', '--file', '-'], { input: 'of the input' })
  await server.ask(['userdata', 'name:log', 'title', '--remove'])
  await server.stop()
  const local = async (...args) => (await world.run(server.storage, ['userdata', 'name:log', ...args])).stdout.toString()
  assert.strictEqual(await local(), 'file\ninput\njson\nlarge\n')
  assert.strictEqual(await local('input'), 'of the input')
  assert.strictEqual(await local('file', '--set', 'other'), 'file  5 bytes\n')
  assert.strictEqual(await local('file', '--set', 'other'), 'file  5 bytes (as it was)\n')
  assert.strictEqual(await local('file', '--remove'), 'file is forgotten\n')
  const says = async (code, words, ...args) => {
    const done = await cli(['--storage', server.storage, 'userdata', ...args])
    assert.deepStrictEqual([done.code, done.stdout.toString()], [code, ''], done.stderr)
    assert.match(done.stderr, words)
  }
  await says(1, /no user data file; `corestore userdata name:log` lists/, 'name:log', 'file')
  await says(1, /no user data file/, 'name:log', 'file', '--remove')
  await says(1, /does not know the core name:other/, 'name:other')
  await says(2, /at least one byte; --remove/, 'name:log', 'file', '--set', '')
  await says(2, /NAME is needed/, 'name:log', '--set', 'x')
  await says(1, /cannot read/, 'name:log', 'file', '--file', world.path('absent'))
  fs.writeFileSync(file, Buffer.alloc((1 << 20) + 1))
  await says(2, /more than 1048576 bytes/, 'name:log', 'file', '--file', file)
})

scenario('thousands of names are listed', async (world) => {
  const { api, base, server } = await served(world)
  const wanted = Array.from({ length: 2300 }, (unused, i) => `name ${10000 + i}`)
  for (let from = 0; from < wanted.length; from += 100) {
    await Promise.all(wanted.slice(from, from + 100).map((name) => api.json('PUT', `${base}/userdata/${encodeURIComponent(name)}`, 'x')))
  }
  assert.deepStrictEqual((await api.json('GET', base + '/userdata')).names, wanted)
  assert.deepStrictEqual((await server.ask(['userdata', 'name:log'])).map(({ name }) => name), wanted)
})

scenario('messages of extensions go both ways', async (world) => {
  const { server, api, core, base, copy, carrier } = await withPeer(world)
  const heard = []
  const chat = copy.registerExtension('chat', { encoding: 'utf-8', onmessage: (message) => heard.push(message) })
  const streams = []
  for (const where of [base + '/extensions/chat', '/v1/extensions/chat']) {
    const stream = await api.stream(where)
    world.defer(() => stream.close())
    assert.strictEqual(stream.response.headers['content-type'], 'text/event-stream')
    streams.push(events(stream))
  }
  const receiver = launch('corestore', ['--node', server.info.node, '--json', 'receive', core.key, 'chat', '--count', '2'])
  const listening = launch('corestore', ['--node', server.info.node, 'receive', 'chat'])
  const printed = { receiver: '', listening: '' }
  receiver.stdout.on('data', (data) => (printed.receiver += data))
  listening.stdout.on('data', (data) => (printed.listening += data))
  await until(() => {
    chat.broadcast('hello') // until both programs listen
    return printed.receiver && printed.listening
  }, 'both programs print what is said')
  const expected = { key: core.key, discoveryKey: core.discoveryKey, name: 'chat', session: carrier.session, publicKey: carrier.publicKey, value: base64('hello') }
  for (const stream of streams) assert.deepStrictEqual((await stream.next()).value, { event: 'extension', data: expected })
  const line = JSON.parse(printed.receiver.split('\n')[0])
  assert.deepStrictEqual(line, expected)
  assert.match(printed.listening, /^hello\n/)
  chat.broadcast('hello')
  assert.strictEqual((await receiver.ended).code, 0)
  listening.kill('SIGINT')
  assert.strictEqual((await listening.ended).code, 0)

  assert.deepStrictEqual((await api.call('POST', base + '/extensions/chat', 'to all', { 'content-type': 'text/plain' })).json, { peers: 1 })
  assert.deepStrictEqual((await api.call('POST', `${base}/extensions/chat?session=${carrier.session}`, 'to one')).json, { peers: 1 })
  assert.deepStrictEqual(await server.ask(['send', core.key, 'chat', 'as an argument']), [{ peers: 1 }])
  assert.deepStrictEqual(await server.ask(['send', core.key, 'chat', '--file', '-', '--peer', String(carrier.session)], { input: 'of the input' }), [{ peers: 1 }])
  await until(() => heard.length === 4, 'JavaScript hears four messages')
  assert.deepStrictEqual(heard, ['to all', 'to one', 'as an argument', 'of the input'])
  const nobody = await server.cli(['send', core.key, 'chat', 'x', '--peer', '9999'])
  assert.strictEqual(nobody.code, 1)
  assert.match(nobody.stderr, /no connection 9999 carries the core; `corestore peers`/)
  for (const [args, words] of [[['send', core.key, 'chat'], /TEXT, or --file/], [['receive'], /EXTENSION is missing/]]) {
    const wrong = await server.cli(args)
    assert.strictEqual(wrong.code, 2)
    assert.match(wrong.stderr, words)
  }
})

scenario('a client that does not read what peers say is cut off, and holds nobody up', async (world) => {
  const { api, base, copy } = await withPeer(world)
  const talk = copy.registerExtension('talk')
  const stream = await api.stream(base + '/extensions/talk')
  stream.response.pause()
  const ended = new Promise((resolve) => stream.response.socket.once('close', resolve))
  const block = Buffer.alloc(4 << 20, 7)
  const other = await api.stream(base + '/extensions/end')
  world.defer(() => other.close())
  for (let i = 0; i < 24; i++) talk.broadcast(block)
  copy.registerExtension('end').broadcast(Buffer.from('x'))
  const end = await events(other).next() // everything before it has arrived
  assert.strictEqual(end.value.data.name, 'end')
  await api.append(copy.key.toString('hex'), 'second')
  await reach(copy, 2)
  stream.response.resume()
  await ended
})

scenario('a peer that takes pushes is sent blocks', async (world) => {
  const { server, api, core, base, peer } = await withPeer(world)
  const other = await world.serve()
  await other.ask(['mirror', core.key])
  const [switched] = await other.ask(['switch', core.key, '--allow-push', 'on', '--push-only', 'on'])
  assert.deepStrictEqual([switched.allowPush, switched.pushOnly], [true, true])
  await other.ask(['connect', server.address])
  await until(async () => (await api.json('GET', base + '/peers')).peers.some((one) => one.remoteAllowsPush), 'we know that it takes pushes')
  const length = async () => (await other.record(core.key)).contiguousLength
  await api.append(core.key, 'second')
  for (const index of [0, 1]) {
    await until(async () => (await api.json('POST', base + '/push', { index })).peers === 1, `block ${index} is pushed`)
    await until(async () => (await length()) === index + 1, `block ${index} is there`)
  }
  await api.append(core.key, 'third')
  const pushed = await until(async () => {
    const [answer] = await server.ask(['push', core.key, '2'])
    return answer.peers > 0 && answer
  }, 'the command line pushes')
  assert.deepStrictEqual(pushed, { peers: 1 })
  await until(async () => (await length()) === 3, 'the third block is there')
  const absent = await server.cli(['push', core.key, '7'])
  assert.strictEqual(absent.code, 1)
  assert.match(absent.stderr, /block 7 is not stored here/)
  const both = await other.cli(['switch', core.key, '--peer', '1', '--push-only', 'on'])
  assert.strictEqual(both.code, 2)
  await peer.disconnect()
})

scenario('bans are listed, imposed and lifted from the command line', async (world) => {
  const { server, api } = await served(world)
  const subject = 'ab'.repeat(32)
  assert.deepStrictEqual(await server.ask(['bans']), [])
  assert.deepStrictEqual(await server.ask(['ban', subject, '--for', '10min']), [{ subject, leftMs: 600000 }])
  await server.ask(['ban', '2001:db8::5'])
  const listed = await server.ask(['bans'])
  assert.deepStrictEqual(listed.map((ban) => ban.subject).sort(), ['2001:db8::/64', subject])
  const { bans } = await api.json('GET', '/v1/bans')
  assert.deepStrictEqual(bans.map((ban) => ban.subject).sort(), ['2001:db8::/64', subject])
  assert.deepStrictEqual(Object.keys(listed[0]).sort(), Object.keys(bans[0]).sort())
  assert.ok(bans.every((ban) => ban.leftMs > 590000 && ban.leftMs <= 3600000))
  const text = (await cli(['--node', server.info.node, 'bans'])).stdout.toString()
  assert.match(text, new RegExp(`^${subject}  for (600|59\\d) s more  by hand$`, 'm'))
  assert.deepStrictEqual(await server.ask(['unban', '2001:db8::/64']), [{ subject: '2001:db8::/64', leftMs: 0 }])
  assert.deepStrictEqual((await server.ask(['bans'])).map((ban) => ban.subject), [subject])
  const says = async (code, words, args) => {
    const done = await server.cli(args)
    assert.strictEqual(done.code, code, done.stderr)
    assert.match(done.stderr, words)
  }
  await says(1, /no ban of 192\.0\.2\.1; `corestore bans`/, ['unban', '192.0.2.1'])
  await says(2, /neither a public key nor an address/, ['ban', 'nobody'])
  for (const time of ['soon', '0', '10', '9999999h']) await says(2, /--for/, ['ban', subject, '--for', time])
  const local = await cli(['--storage', world.path(), 'bans'])
  assert.strictEqual(local.code, 2)
  assert.match(local.stderr, /--node/)
})
