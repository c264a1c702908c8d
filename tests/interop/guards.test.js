'use strict'

// The guards of a public port: lists, limits, strikes and bans. Whoever they hit is turned away or slowed down, it is
// counted and shown, and an honest peer beside it is served all the time.

const assert = require('node:assert')
const fs = require('node:fs')
const nodeCrypto = require('node:crypto')
const { scenario, sleep, until, deadline } = require('./js/world')
const { block, blocks, crypto } = require('./js/peer')
const { rawSocket, secure, openChannel, request, sync } = require('./js/stranger')
const { Api } = require('./js/http')
const { cli } = require('./js/native')
const { parse } = require('./js/prometheus')

const COUNT = 300
const SIZE = 1000

/** A server with these settings and one core, and an honest reader that takes one block after the other meanwhile. */
async function guarded(world, lines, fn) {
  const config = world.path('conf')
  const write = (text) => fs.writeFileSync(config, `[replication]\n${text}\n`)
  write(lines)
  const storage = world.path()
  const whole = Buffer.concat(blocks('guard', COUNT, SIZE))
  await world.run(storage, ['append', 'name:log', '--block-size', String(SIZE), '--batch', '100'], { input: whole })
  for (const name of ['a', 'b']) await world.run(storage, ['create', name]) // on disk: a server offers what it has opened
  const record = (await world.run(storage, ['--json', 'info', 'name:log'])).json()[0]
  const server = await world.serve({ storage, http: '127.0.0.1:0', args: ['--config', config] })
  const api = new Api(server)
  const key = Buffer.from(record.key, 'hex')
  const honest = crypto.keyPair()
  const reader = await world.peer()
  const core = await reader.core({ key })
  const link = await reader.dial(server.address, { keyPair: honest })
  await core.update({ wait: true })
  const state = { done: false, reads: 0 }
  const reading = (async () => {
    for (let i = 0; !state.done; i = (i + 1) % COUNT) {
      if (i === 0) await core.clear(0, COUNT)
      assert.ok(Buffer.compare(await core.get(i, { timeout: 8000 }), block('guard', i, SIZE)) === 0)
      state.reads++
      await sleep(20)
    }
  })()
  reading.catch(() => {}) // reported when it is awaited below
  const reload = (text) => {
    write(text)
    process.kill(server.pid, 'SIGHUP')
  }
  try {
    await fn({ server, api, key, address: server.address, honest: honest.publicKey.toString('hex'), reload })
    const reads = state.reads
    await until(() => state.reads >= reads + 5, 'the honest reader goes on', 10000)
  } finally {
    state.done = true
    await reading
  }
  assert.ok(!link.socket.destroyed, 'the honest reader lost its connection')
}

async function metric(api, name, labels = {}) {
  const samples = parse((await api.get('/metrics')).bytes.toString()).get(name) || []
  const wanted = samples.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
  assert.ok(wanted.length > 0, `${name} ${JSON.stringify(labels)} is there`)
  return wanted.reduce((sum, sample) => sum + sample.value, 0)
}

const refusals = (api, reason) => metric(api, 'corestore_connections_refused_total', { reason })

function cut(peer, what) {
  return deadline(peer.gone, 5000, 'the server hangs up on ' + what)
}

/** A connection with that key breaks a rule: it sends what no frame can be. */
async function offend(address, keyPair) {
  const peer = await secure(address, { keyPair })
  await sleep(50) // the server knows the key by now
  peer.socket.write(Buffer.concat([Buffer.from([40, 0, 0]), nodeCrypto.randomBytes(40)]))
  await cut(peer, 'a forged frame')
}

/** Whether a connection with that key lives on after its handshake. */
async function isWelcome(address, keyPair) {
  const peer = await secure(address, { keyPair }).catch(() => null)
  if (peer === null) return false
  const gone = await Promise.race([peer.gone.then(() => true), sleep(700).then(() => false)])
  peer.destroy()
  return !gone
}

scenario('a key on the deny list does not get in, and one that is added is cut off', (world) => guarded(world, '',
  async ({ api, address, reload }) => {
    const keyPair = crypto.keyPair()
    const peer = await secure(address, { keyPair })
    assert.ok(await isWelcome(address, keyPair))
    reload(`deny = ${keyPair.publicKey.toString('hex')}`)
    await cut(peer, 'whoever was denied meanwhile')
    assert.ok(!(await isWelcome(address, keyPair)))
    assert.ok((await refusals(api, 'denied')) >= 2)
    reload('deny =')
    await until(() => isWelcome(address, keyPair), 'it may come back')
  }))

scenario('an address on the deny list is not even heard', (world) => guarded(world, 'deny = 127.0.0.64/26, ::2',
  async ({ api, address }) => {
    const denied = await rawSocket(address, { localAddress: '127.0.0.77' })
    await cut(denied, 'a denied address')
    assert.strictEqual(denied.received, 0)
    const other = await rawSocket(address, { localAddress: '127.0.0.7' })
    await sleep(300)
    assert.ok(!other.destroyed)
    other.destroy()
    assert.strictEqual(await refusals(api, 'denied'), 1)
  }))

scenario('an allow list lets in whom it names', async (world) => {
  const keyPair = crypto.keyPair()
  const config = world.path('conf')
  fs.writeFileSync(config, `[replication]\nallow = ${keyPair.publicKey.toString('hex')}\n`)
  const server = await world.serve({ http: '127.0.0.1:0', args: ['--config', config] })
  assert.ok(await isWelcome(server.address, keyPair))
  assert.ok(!(await isWelcome(server.address, crypto.keyPair())))
  assert.strictEqual(await refusals(new Api(server), 'not_allowed'), 1)
})

scenario('a key that breaks rules again and again is banned for a while', (world) => guarded(world,
  'strikes-per-peer = 3\nban-time = 3s\nnever-ban = off\nstrikes-per-address = 0', async ({ api, address, honest }) => {
    const keyPair = crypto.keyPair()
    const hex = keyPair.publicKey.toString('hex')
    const connected = await secure(address, { keyPair })
    await offend(address, keyPair)
    await offend(address, keyPair)
    assert.deepStrictEqual((await api.json('GET', '/v1/bans')).bans, [])
    await until(async () => (await api.json('GET', '/v1/peers')).peers.some((peer) => peer.publicKey === hex && peer.strikes === 2),
      'the strikes are shown')
    await offend(address, keyPair)
    const { bans } = await api.json('GET', '/v1/bans')
    assert.deepStrictEqual(bans.map((ban) => ban.subject), [hex])
    assert.ok(bans[0].leftMs > 0 && bans[0].leftMs <= 3000 && bans[0].reason.length > 0)
    await cut(connected, 'another connection of a banned key')
    assert.ok(!(await isWelcome(address, keyPair)))
    assert.strictEqual(await metric(api, 'corestore_bans'), 1)
    assert.strictEqual(await metric(api, 'corestore_bans_total'), 1)
    assert.strictEqual(await metric(api, 'corestore_strikes_total'), 3)
    assert.ok((await refusals(api, 'banned')) >= 1)
    assert.ok(honest !== hex)
    await until(() => isWelcome(address, keyPair), 'the ban is over', 10000)
  }))

scenario('an address that sends garbage is banned, and the others of the port are not', (world) => guarded(world,
  'strikes-per-address = 3\nnever-ban = 127.0.0.1', async ({ api, address }) => {
    const events = await api.stream('/v1/events')
    const heard = []
    ;(async () => {
      for await (const line of events.lines()) heard.push(line)
    })()
    for (let i = 0; i < 6; i++) { // this machine's own address is never banned
      const socket = await rawSocket(address)
      socket.write(nodeCrypto.randomBytes(200))
      await cut(socket, 'garbage')
    }
    assert.deepStrictEqual((await api.json('GET', '/v1/bans')).bans, [])
    for (let i = 0; i < 3; i++) {
      const socket = await rawSocket(address, { localAddress: '127.0.0.9' })
      socket.write(nodeCrypto.randomBytes(200))
      await cut(socket, 'garbage')
    }
    await until(async () => (await api.json('GET', '/v1/bans')).bans.some((ban) => ban.subject === '127.0.0.9'), 'it is banned')
    const again = await rawSocket(address, { localAddress: '127.0.0.9' })
    await cut(again, 'a banned address')
    assert.ok((await refusals(api, 'handshake')) >= 9)
    await until(() => heard.includes('event: ban'), 'it was told')
    const lifted = await api.json('DELETE', '/v1/bans/127.0.0.9')
    assert.strictEqual(lifted.leftMs, 0)
    const free = await rawSocket(address, { localAddress: '127.0.0.9' })
    await sleep(300)
    assert.ok(!free.destroyed)
    free.destroy()
    events.close()
  }))

scenario('people ban and pardon over HTTP', (world) => guarded(world, '', async ({ api, address }) => {
  const keyPair = crypto.keyPair()
  const subject = keyPair.publicKey.toString('hex')
  const peer = await secure(address, { keyPair })
  await api.json('POST', '/v1/bans', { subject, ms: 60000 })
  await cut(peer, 'a key that was banned by hand')
  assert.strictEqual((await api.json('GET', '/v1/bans')).bans[0].reason, 'by hand')
  await api.json('DELETE', '/v1/bans/' + subject)
  assert.ok(await isWelcome(address, keyPair))
  for (const body of [{}, { subject }, { subject, ms: 0 }, { subject, ms: -1 }, { subject: 'nobody', ms: 5 }, { subject: 5, ms: 5 }]) {
    const answer = await api.post('/v1/bans', body)
    assert.strictEqual(answer.status, 400, JSON.stringify(body))
  }
  assert.strictEqual((await api.call('DELETE', '/v1/bans/' + subject)).status, 404)
  assert.strictEqual((await api.call('DELETE', '/v1/bans/nobody')).status, 400)
}))

scenario('connections are limited for one key and for one address', (world) => guarded(world,
  'connections-per-peer-max = 2\nconnections-per-address-max = 5', async ({ api, address }) => {
    const keyPair = crypto.keyPair()
    const open = [await secure(address, { keyPair }), await secure(address, { keyPair })]
    assert.ok(!(await isWelcome(address, keyPair)))
    assert.ok((await refusals(api, 'peer_connections')) >= 1)
    while (open.length < 4) open.push(await secure(address)) // the honest reader is the fifth
    const surplus = await rawSocket(address)
    await cut(surplus, 'one connection too many')
    assert.ok((await refusals(api, 'address_connections')) >= 1)
    for (const peer of open) {
      assert.ok(!peer.socket.destroyed)
      peer.destroy()
    }
  }))

scenario('channels are limited, and the connection goes on', (world) => guarded(world, 'channels-per-peer-max = 2',
  async ({ api, server, address, key }) => {
    const keys = [key]
    for (const name of ['a', 'b']) keys.push(Buffer.from((await server.ask(['info', 'name:' + name]))[0].key, 'hex'))
    const peer = await secure(address)
    const channels = keys.map((one) => openChannel(peer, { key: one }))
    const opened = await Promise.all(channels.map((channel) => deadline(channel.opened, 5000, 'an open is answered')))
    assert.deepStrictEqual(opened, [true, true, false])
    assert.strictEqual(await refusals(api, 'channels'), 1)
    channels[1].channel.close()
    await sleep(200)
    const again = openChannel(peer, { key: keys[2] })
    assert.strictEqual(await deadline(again.opened, 5000, 'an open is answered'), true)
    peer.destroy()
  }))

scenario('requests beyond the rate are answered, later', (world) => guarded(world, 'requests-per-peer = 100',
  async ({ api, address, key }) => {
    const peer = await secure(address)
    const channel = openChannel(peer, { key })
    await channel.opened
    channel.send('sync', sync(0))
    const answers = () => channel.inbox.filter(([name]) => name === 'data').length
    for (let i = 0; i < COUNT; i++) { // what one read brings is taken; then three seconds are to be waited for
      channel.send('request', request(i + 1, { block: { index: i, nodes: 0 }, upgrade: { start: 0, length: COUNT } }))
    }
    await until(async () => (await api.json('GET', '/v1/peers')).peers.some((one) => one.throttled), 'it is shown as slowed')
    channel.send('request', request(COUNT + 1, { block: { index: 0, nodes: 0 } }))
    await until(() => answers() === COUNT + 1, 'all are answered', 20000)
    assert.ok((await metric(api, 'corestore_throttled_total', { limit: 'peer_requests' })) > 0)
    assert.ok((await metric(api, 'corestore_peer_requests_total')) >= COUNT)
    peer.destroy()
  }))

scenario('bytes beyond the rate arrive, later', (world) => guarded(world, 'bytes-per-peer = 100KiB',
  async ({ api, address, key }) => {
    const reader = await world.peer()
    const core = await reader.core({ key })
    await reader.dial(address)
    await core.update({ wait: true })
    await core.download({ start: 0, end: COUNT }).done()
    assert.ok((await metric(api, 'corestore_throttled_total', { limit: 'peer_bytes' })) > 0)
  }))

scenario('upload and download of a core, and of one of its peers, are switched while they are connected', async (world) => {
  const server = await world.serve({ http: '127.0.0.1:0' })
  const api = new Api(server)
  const ours = await api.json('POST', '/v1/cores', { name: 'ours' })
  for (let i = 0; i < 6; i++) await api.append(ours.key, 'block ' + i)
  const [reader, honest] = [await world.peer(), await world.peer()]
  const mine = await reader.core({ key: Buffer.from(ours.key, 'hex') })
  const theirs = await honest.core({ key: Buffer.from(ours.key, 'hex') })
  const keyPair = crypto.keyPair()
  await reader.dial(server.address, { keyPair })
  await honest.dial(server.address)
  const wanted = keyPair.publicKey.toString('hex')
  assert.ok((await mine.get(0)) && (await theirs.get(0)))
  const here = async (core, index, ms = 700) => (await core.get(index, { timeout: ms }).catch(() => null)) !== null
  const path = `/v1/cores/${ours.key}`
  const { session } = (await api.json('GET', path + '/peers')).peers.find((peer) => peer.publicKey === wanted)

  const one = await api.json('POST', path + '/switch', { upload: false, session })
  assert.deepStrictEqual([one.upload, one.download, one.session], [false, true, session])
  assert.strictEqual((await api.json('GET', path + '/peers')).peers.find((peer) => peer.publicKey === wanted).upload, false)
  assert.ok(!(await here(mine, 1)), 'a peer whose upload is off gets nothing')
  assert.ok(await here(theirs, 1, 8000), 'the one beside it does')
  await api.json('POST', path + '/switch', { upload: true, session })
  assert.ok(await here(mine, 1, 8000), 'and then it does again')

  assert.strictEqual((await api.json('POST', path + '/switch', { upload: false })).upload, false)
  assert.ok(!(await here(mine, 4)) && !(await here(theirs, 4)))
  await api.json('POST', path + '/switch', { upload: true })
  assert.ok((await here(mine, 4, 8000)) && (await here(theirs, 4, 8000)))

  const far = await world.peer()
  const remote = await far.core({ name: 'far' })
  await remote.append(['a', 'b', 'c'])
  const key = remote.key.toString('hex')
  await api.json('POST', '/v1/cores', { key })
  await api.json('POST', `/v1/cores/${key}/switch`, { download: false })
  await far.dial(server.address)
  assert.strictEqual((await api.get(`/v1/cores/${key}/blocks/0?wait=700`)).status, 404)
  await api.json('POST', `/v1/cores/${key}/switch`, { download: true })
  assert.strictEqual((await api.get(`/v1/cores/${key}/blocks/0?wait=8000`)).bytes.toString(), 'a')
  for (const body of [{ upload: 1 }, { up: true }]) assert.strictEqual((await api.post(path + '/switch', body)).status, 400)
  assert.strictEqual((await api.post(path + '/switch', { upload: false, session: 4711 })).status, 404)
})

scenario('a whole connection is switched while it is up, and the one beside it is served', async (world) => {
  const server = await world.serve({ http: '127.0.0.1:0' })
  const api = new Api(server)
  const ours = await api.json('POST', '/v1/cores', { name: 'ours' })
  const more = await api.json('POST', '/v1/cores', { name: 'more' })
  for (const core of [ours, more]) for (let i = 0; i < 6; i++) await api.append(core.key, 'block ' + i)
  const [reader, honest] = [await world.peer(), await world.peer()]
  const of = (peer, key) => peer.core({ key: Buffer.from(key, 'hex') })
  const [mine, too, theirs] = [await of(reader, ours.key), await of(reader, more.key), await of(honest, ours.key)]
  const keyPair = crypto.keyPair()
  await reader.dial(server.address, { keyPair })
  await honest.dial(server.address)
  assert.ok((await mine.get(0)) && (await too.get(0)) && (await theirs.get(0)))
  const here = async (core, index, ms = 700) => (await core.get(index, { timeout: ms }).catch(() => null)) !== null
  const record = async () => (await api.json('GET', '/v1/peers')).peers.find((one) => one.publicKey === keyPair.publicKey.toString('hex'))
  const { id } = await record()

  const off = await api.json('POST', '/v1/peers/' + id, { upload: false })
  assert.deepStrictEqual([off.id, off.upload, off.download], [id, false, true])
  assert.strictEqual((await record()).upload, false)
  assert.match((await cli(['--node', server.info.node, 'peers'])).stdout.toString(), new RegExp(`^${id} .* upload off `, 'm'))
  assert.ok(!(await here(mine, 1)) && !(await here(too, 1)), 'none of its cores is served')
  assert.ok(await here(theirs, 1, 8000), 'the peer beside it is')
  const late = await api.json('POST', '/v1/cores', { name: 'late' })
  await api.append(late.key, 'late')
  const lately = await of(reader, late.key)
  assert.ok(!(await here(lately, 0)), 'nor one that was opened later')
  assert.strictEqual(await metric(api, 'corestore_sessions_without', { direction: 'upload' }), 1)
  assert.strictEqual((await api.json('GET', '/v1/store')).sessionsWithoutUpload, 1)
  assert.strictEqual((await api.json('POST', '/v1/peers/' + id, { upload: true })).upload, true)
  assert.ok((await here(mine, 2, 8000)) && (await here(too, 2, 8000)) && (await here(lately, 0, 8000)), 'and then all are again')
  assert.strictEqual(await metric(api, 'corestore_switches_total', { of: 'connection' }), 2)
  assert.strictEqual(await metric(api, 'corestore_sessions_without', { direction: 'upload' }), 0)

  const remote = await reader.core({ name: 'remote' })
  await remote.append(['a', 'b', 'c'])
  const { key } = await api.json('POST', '/v1/cores', { key: remote.key.toString('hex') })
  assert.strictEqual((await server.ask(['switch', '--peer', String(id), '--download', 'off']))[0].download, false)
  assert.strictEqual((await api.get(`/v1/cores/${key}/blocks/0?wait=700`)).status, 404)
  assert.strictEqual((await server.ask(['switch', '--peer', String(id), '--download', 'on']))[0].download, true)
  assert.strictEqual((await api.get(`/v1/cores/${key}/blocks/0?wait=8000`)).bytes.toString(), 'a')
  assert.strictEqual((await record()).id, id, 'it is the same connection all the time')

  for (const body of [{ upload: 1 }, { up: true }, { upload: 'off' }]) assert.strictEqual((await api.post('/v1/peers/' + id, body)).status, 400)
  assert.strictEqual((await api.post('/v1/peers/x', { upload: false })).status, 400)
  assert.strictEqual((await api.post('/v1/peers/4711', { upload: false })).status, 404)
})

scenario('the command line switches a core, one of its peers and a connection, and hangs up', async (world) => {
  const server = await world.serve({ http: '127.0.0.1:0' })
  const { key } = await server.create('log')
  await server.append(key, ['a', 'b'])
  const reader = await world.peer()
  const core = await reader.core({ key: Buffer.from(key, 'hex') })
  await reader.dial(server.address)
  await core.get(0)
  const [{ id }] = await server.ask(['peers'])
  const told = async (...args) => (await server.ask(['switch', ...args]))[0]
  const all = { upload: true, download: true, allowPush: false, pushOnly: false, session: 0 }
  assert.deepStrictEqual(await told('name:log'), all)
  assert.deepStrictEqual(await told('name:log', '--upload', 'off'), { ...all, upload: false })
  assert.deepStrictEqual(await told(key, '--upload', 'on', '--download', 'off'), { ...all, download: false })
  assert.deepStrictEqual(await told(key, '--peer', String(id), '--upload', 'off'), { ...all, session: id, upload: false, download: false })
  assert.strictEqual((await told('--peer', String(id))).upload, true, 'the connection itself was not switched')
  const text = await cli(['--node', server.info.node, 'switch', key, '--download', 'on'])
  assert.match(text.stdout.toString(), new RegExp(`^key ${key}  all peers  upload on  download on  allow-push off  push-only off\n$`))
  const says = async (code, words, ...args) => {
    const done = await cli(['--node', server.info.node, ...args])
    assert.deepStrictEqual([done.code, done.stdout.toString()], [code, ''], done.stderr)
    assert.match(done.stderr, words)
  }
  await says(2, /CORE, a connection with --peer, or both/, 'switch', '--upload', 'off')
  await says(2, /--upload/, 'switch', key, '--upload', 'maybe')
  await says(1, /connection 4711; `corestore peers`/, 'switch', '--peer', '4711')
  await says(1, /no such session/, 'switch', key, '--peer', '4711')
  await says(1, /does not know the core/, 'switch', 'cd'.repeat(32))
  await says(1, /connection 4711; `corestore peers`/, 'disconnect', '4711')
  assert.deepStrictEqual(await server.ask(['disconnect', String(id)]), [{ id, closed: true }])
  await until(async () => (await server.ask(['peers'])).length === 0, 'it is gone')
})
