'use strict'

// A server that people run: reload, service manager, quota, scrub.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { spawn } = require('node:child_process')
const { scenario, until, sleep } = require('./js/world')
const { cli, daemon, hex, launch } = require('./js/native')
const { blocks, fetchAll, reach, sameBlocks } = require('./js/peer')
const { mirrored, writer } = require('./js/steps')

/** A server with a configuration file; write() replaces it. */
async function configured(world, text, options = {}) {
  const file = world.path('conf')
  const write = (content) => fs.writeFileSync(file, content)
  write(text)
  const server = await world.serve({ ...options, args: ['--config', file, ...(options.args || [])] })
  return { server, write, reload: () => process.kill(server.pid, 'SIGHUP'), file }
}

const logged = (server, pattern) => until(() => pattern.exec(server.log.join('')), `the log says ${pattern}`)

scenario('the list of mirrored cores follows the file, without losing a connection', async (world) => {
  const js = await writer(world, blocks('a', 20, 30))
  const second = await js.peer.core({ name: 'second' })
  await second.append(blocks('b', 10, 30))
  const [a, b] = [hex(js.core.key), hex(second.key)]
  const { server, write, reload } = await configured(world, `[replication]\nmirror = ${a} the first\n`, { connect: [js.address] })
  await mirrored(server, js.core)
  assert.match(server.log.join(''), new RegExp(`mirrors ${a} \\(the first\\)`))
  const [before] = await server.ask(['peers'])
  write(`[replication]\nmirror = ${b} the second, ${a}\nconnections-max = 300\nin-flight = 100\n[log]\nlevel = debug\n`)
  reload()
  await logged(server, /reload: done: 3 keys applied, 1 waits for a restart/)
  assert.match(server.log.join(''), /reload: replication.connections-max: 512 -> 300/)
  assert.match(server.log.join(''), /reload: replication.in-flight: 512 -> 100 needs a restart/)
  assert.match(server.log.join(''), new RegExp(`reload: mirrors ${b} \\(the second\\)`))
  await mirrored(server, second)
  write(`[replication]\nmirror = ${b}\n`)
  reload()
  await logged(server, new RegExp(`reload: no longer mirrors ${a}`))
  await js.core.append(blocks('a', 5, 30, 20))
  await second.append(blocks('b', 5, 30, 10))
  await mirrored(server, second)
  await sleep(500)
  assert.strictEqual((await server.record(a)).mirrored, false)
  assert((await server.record(a)).contiguousLength <= 20, 'what is no longer mirrored is not fetched')
  write('[replication]\nmirror = nonsense\n')
  reload()
  await logged(server, /reload: nothing changes: .*:2: replication.mirror: 'nonsense' is not a key/)
  const [after] = await server.ask(['peers'])
  assert.deepStrictEqual([after.id, after.state], [before.id, 'open'])
  assert.strictEqual(js.peer.links.size, 1, 'the connection was kept')
})

scenario('values come from the environment', async (world) => {
  const file = world.path('conf')
  fs.writeFileSync(file, '[store]\npath = ${STORE_FOLDER}\n[replication]\nlisten = ${PEERS:-off}\n[http]\ntoken = ${TOKEN:-}\n')
  const check = (env, ...args) => daemon(['--config', file, ...args], { env: { ...process.env, ...env } })
  const printed = await check({ STORE_FOLDER: '/srv/x y', PEERS: '127.0.0.1:4000' }, '--print-config')
  assert.match(printed.stdout.toString(), /path = "\/srv\/x y"\n/)
  assert.match(printed.stdout.toString(), /listen = 127.0.0.1:4000\n/)
  const missing = await check({}, '--check')
  assert.strictEqual(missing.code, 2)
  assert.match(missing.stderr, /conf-\d+:2: store.path: the environment variable STORE_FOLDER is not set/)
  const again = world.path('conf')
  fs.writeFileSync(again, printed.stdout)
  const twice = await daemon(['--config', again, '--print-config'])
  assert.strictEqual(twice.stdout.toString(), printed.stdout.toString())
})

/** Datagrams of a server to a service manager that is a few lines of Python. */
function notifySocket(world) {
  const name = world.path('notify')
  const program = 'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\n' +
    'print("bound",flush=True)\nwhile True: print(s.recv(4096).decode().replace("\\n"," "),flush=True)\n'
  const child = spawn('python3', ['-c', program, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  const heard = []
  child.stdout.on('data', (data) => heard.push(...data.toString().split('\n').filter(Boolean)))
  world.defer(() => child.kill('SIGKILL'))
  return { name, heard, bound: until(() => heard.length > 0, 'the socket is bound') }
}

scenario('a service manager hears of readiness, reloads, life and the end', async (world) => {
  const { name, heard, bound } = notifySocket(world)
  await bound
  const env = { ...process.env, NOTIFY_SOCKET: name, WATCHDOG_USEC: '200000' }
  const child = spawn(path.join(process.env.CORESTORE_BIN, 'corestored'),
    ['--storage', world.path(), '--listen', '127.0.0.1:0', '--http', 'off'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  world.defer(() => child.kill('SIGKILL'))
  const said = (pattern) => until(() => heard.find((line) => pattern.test(line)), `heard ${pattern}`)
  await said(new RegExp(`^READY=1 STATUS=serving MAINPID=${child.pid}$`))
  await until(() => heard.filter((line) => line === 'WATCHDOG=1').length > 4, 'the watchdog is fed')
  child.kill('SIGHUP')
  await said(/^RELOADING=1 MONOTONIC_USEC=\d+$/)
  await until(() => heard.filter((line) => line.startsWith('READY=1')).length === 2, 'ready again')
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await said(/^STOPPING=1/)
  assert.strictEqual(await ended, 0)
})

scenario('logs are JSON when they are to be', async (world) => {
  const { server } = await configured(world, '[log]\nformat = json\n')
  await server.stop()
  const lines = server.log.join('').split('\n').filter(Boolean).map((line) => JSON.parse(line))
  assert(lines.length >= 2)
  for (const line of lines) {
    assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.deepStrictEqual([line.level, line.pid], ['info', server.pid])
    assert.strictEqual(typeof line.message, 'string')
  }
})

scenario('a server that ends with an error says so in the form that its log has', async (world) => {
  const first = await world.serve()
  const file = world.path('conf')
  fs.writeFileSync(file, '[log]\nformat = json\nlevel = off\n')
  const second = await daemon(['--config', file, '--storage', world.path(), '--listen', 'off', '--node', first.info.node])
  assert.strictEqual(second.code, 1)
  const [line, ...rest] = second.stderr.split('\n').filter(Boolean).map((text) => JSON.parse(text))
  assert.deepStrictEqual(rest, [])
  assert.strictEqual(line.level, 'error')
  assert.strictEqual(line.message, `cannot listen on ${first.info.node} (node surface): the address is in use, or not one of this machine`)
})

scenario('a server that was killed while a node was connected starts again on the same address', async (world) => {
  const first = await world.serve()
  const { key } = await first.create('log')
  const follower = launch('corestore', ['--node', first.info.node, 'cat', key, '--follow'])
  world.defer(() => follower.kill('SIGKILL'))
  let text = ''
  follower.stdout.on('data', (data) => (text += data))
  await first.append(key, [Buffer.from('here')])
  await until(() => text.includes('here'), 'the follower is connected')
  await first.kill()
  const end = await follower.ended
  assert.strictEqual(end.code, 1)
  const again = await world.serve({ storage: first.storage, node: first.info.node })
  assert.strictEqual(again.info.node, first.info.node)
})

scenario('a database whose pages cannot be read is damaged', async (world) => {
  const server = await world.serve()
  const { key } = await server.create('log')
  await server.append(key, blocks('d', 400, 1000))
  fs.truncateSync(path.join(server.storage, 'data.mdb'), 8192) // as if the disk did not give the rest
  await server.cli(['verify', key])
  server.stopping = Promise.resolve()
  const end = await server.child.ended
  assert.deepStrictEqual([end.code, end.signal], [4, null])
  assert.match(server.log.join(''), /corestored: the store is damaged: its database leads to pages that cannot be read/)
  assert.strictEqual((await cli(['--storage', server.storage, 'list'])).code, 4)
})

scenario('a quota gives up what nobody here owns, and nothing else', async (world) => {
  const quota = 8 << 20
  const js = await writer(world, blocks('kept', 1500, 1000))
  const cores = []
  for (let i = 0; i < 4; i++) {
    const core = await js.peer.core({ name: 'passive-' + i })
    for (let at = 0; at < 1500; at += 250) await core.append(blocks('p' + i, 250, 1000, at))
    cores.push(core)
  }
  const { server } = await configured(world, `[store]\nquota = 8MiB\n`,
    { connect: [js.address], mirror: [js.core.key], http: '127.0.0.1:0' })
  await mirrored(server, js.core)
  const own = (await server.create('own')).key
  await server.append(own, blocks('own', 200, 1000))
  // fetched for somebody who does not want them any more
  for (const core of cores) {
    await server.ask(['mirror', hex(core.key)])
    await until(async () => {
      const record = await server.record(core.key)
      return record.length === 1500 && record.contiguousLength === 1500
    }, 'all of it is here')
    await server.ask(['unmirror', hex(core.key)])
  }
  const [info] = await server.ask(['info'])
  assert(info.usedBytes <= quota, `${info.usedBytes} bytes in use`)
  assert(info.evictedBytes > 1000000, `${info.evictedBytes} bytes given up`)
  assert.strictEqual(info.quotaBytes, quota)
  assert.strictEqual((await server.record(js.core.key)).contiguousLength, 1500)
  assert.strictEqual((await server.record(own)).contiguousLength, 200)
  for (const report of await server.ask(['verify'])) assert.deepStrictEqual(report.faults, [])
  // what was given up comes back
  const back = await server.cli(['get', hex(cores[0].key), '7', '--wait', '10000'])
  assert.strictEqual(back.code, 0, back.stderr)
  // until only what is owned is left: then there is a clear error, and reads go on
  let failure = null
  for (let at = 200; at < 20000 && !failure; at += 500) {
    const result = await cli(['--node', server.info.node, 'append', own, '--block-size', '1000', '--batch', '500'],
      { input: Buffer.concat(blocks('own', 500, 1000, at)) })
    if (result.code !== 0) failure = result
  }
  assert.strictEqual(failure.code, 1)
  assert.match(failure.stderr, /the quota of 8388608 bytes is used up.*nothing here may be evicted/)
  assert.strictEqual((await server.record(js.core.key)).contiguousLength, 1500)
  assert.strictEqual((await server.cli(['get', own, '0'])).code, 0)
  // nor is there room for what peers have, and who asks hears why
  assert.match(server.log.join(''), /quota: gave up \d+ blocks, \d+ bytes, of cores that nobody here/)
  assert.match(server.log.join(''), /a commit failed: storage_full: .*quota of 8388608 bytes/)
  const wanted = await fetch(`http://${server.info.http}/v1/cores/${hex(cores[0].key)}/download`,
    { method: 'POST', body: '{"start":0,"end":1500,"wait":30000}', headers: { 'content-type': 'application/json' } })
  assert.deepStrictEqual([wanted.status, (await wanted.json()).error.code], [507, 'storage_full'])
  const [cut] = await server.ask(['clear', own, '0', '1000'])
  assert.strictEqual(cut.blocks, 1000)
  await server.append(own, blocks('more', 10, 1000))
}, { seconds: 120 })

/** Changes one byte of every copy of a block: which of them is in use is not known. */
function damage(content, block) {
  let copies = 0
  for (let at = content.indexOf(block); at !== -1; at = content.indexOf(block, at)) {
    content[at + 500] ^= 0xff
    copies++
  }
  return copies
}

scenario('damage is found in the background and mended by a peer', async (world) => {
  const js = await writer(world, blocks('d', 200, 1000))
  const storage = world.path()
  const first = await world.serve({ storage, connect: [js.address], mirror: [js.core.key] })
  await mirrored(first, js.core)
  await first.stop()
  const file = path.join(storage, 'data.mdb')
  const content = fs.readFileSync(file)
  for (const index of [17, 120]) assert(damage(content, blocks('d', 1, 1000, index)[0]) > 0)
  fs.writeFileSync(file, content)
  const key = hex(js.core.key)
  assert.strictEqual((await cli(['--storage', storage, 'verify', key])).code, 1)
  const { server } = await configured(world, '[store]\nscrub-rate = 10MiB\nscrub-interval = 2s\n',
    { storage, connect: [js.address], mirror: [js.core.key] })
  await logged(server, /scrub: core [0-9a-f]+: 2 blocks are damaged/)
  await logged(server, /scrub: core [0-9a-f]+: fetched again from a peer/)
  const [report] = await server.ask(['verify', key])
  assert.deepStrictEqual([report.faults, report.blocks], [[], 200])
  await until(async () => (await server.ask(['info']))[0].scrub.passes >= 2, 'the next pass is through')
  const { scrub } = (await server.ask(['info']))[0]
  assert.deepStrictEqual([scrub.faults, scrub.repaired, scrub.damaged], [2, 2, 0])
  assert(scrub.blocks >= 200)
})

scenario('the pace of the scrub follows the file', async (world) => {
  const { server, write, reload } = await configured(world, '[store]\nscrub-rate = 0\n')
  const { key } = await server.create('log')
  await server.append(key, blocks('s', 100, 1000))
  const passes = async () => (await server.ask(['info']))[0].scrub.passes
  await sleep(500)
  assert.strictEqual(await passes(), 0)
  write('[store]\nscrub-rate = 10MiB\n')
  reload()
  await logged(server, /reload: store.scrub-rate: 0 -> 10MiB/)
  await until(async () => (await passes()) === 1, 'it was begun')
  await sleep(1000)
  assert.strictEqual(await passes(), 1, 'the next one is a week away')
  write('[store]\nscrub-rate = 10MiB\nscrub-interval = 1s\n')
  reload()
  await logged(server, /reload: store.scrub-interval: 168h -> 1s/)
  await until(async () => (await passes()) >= 3, 'walks follow each other')
})

scenario('damage without a peer is told, and left as it is', async (world) => {
  const storage = world.path()
  await world.run(storage, ['create', 'log'])
  await cli(['--storage', storage, 'append', 'name:log', '--block-size', '1000'], { input: Buffer.concat(blocks('e', 50, 1000)) })
  const file = path.join(storage, 'data.mdb')
  const content = fs.readFileSync(file)
  assert(damage(content, blocks('e', 1, 1000, 9)[0]) > 0)
  fs.writeFileSync(file, content)
  const { server } = await configured(world, '[store]\nscrub-rate = 10MiB\n', { storage })
  await logged(server, /no peer is connected that may have what is damaged: it stays as it is/)
  const verified = await server.cli(['verify', 'name:log'])
  assert.strictEqual(verified.code, 1)
  assert.match(verified.json()[0].faults[0], /block 9 does not match its hash/)
  assert.strictEqual((await server.cli(['get', 'name:log', '8'])).code, 0)
})

scenario('a hand-over keeps the sockets open: nobody is refused, and nothing is lost', async (world) => {
  const http = require('node:http')
  const js = await writer(world, blocks('h', 10, 100))
  const { server, write } = await configured(world, '[log]\nlevel = info\n',
    { connect: [js.address], mirror: [js.core.key], http: '127.0.0.1:0' })
  await mirrored(server, js.core)
  const own = (await server.create('own')).key
  const [host, port] = server.info.http.split(':')
  const request = (method, route, body) => new Promise((resolve, reject) => {
    const sent = http.request({ host, port, method, path: route, agent: false,
      headers: body ? { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length } : {} }, (answer) => {
      const parts = []
      answer.on('data', (data) => parts.push(data))
      answer.on('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(parts) }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
  let acknowledged = 0
  let isBusy = true
  const failures = []
  const clients = Array.from({ length: 4 }, async (unused, i) => {
    for (let n = 0; isBusy; n++) {
      try {
        const answer = await request('POST', `/v1/cores/${own}/blocks`, Buffer.from(`client ${i} block ${n}`))
        if (answer.status === 200) acknowledged++
        else failures.push(answer.status)
      } catch (err) {
        failures.push(err.code || err.message)
      }
    }
  })
  await until(() => acknowledged > 20, 'clients are busy')
  let ready = 0
  server.child.stdout.on('data', (data) => { ready += data.toString().split('"event":"ready"').length - 1 })
  for (let round = 1; round <= 3; round++) {
    const before = acknowledged
    process.kill(server.pid, 'SIGUSR2')
    await until(() => ready === round, 'ready again')
    await until(() => acknowledged > before + 10, 'clients go on')
  }
  isBusy = false
  await Promise.all(clients)
  assert.deepStrictEqual(failures, [])
  const record = JSON.parse((await request('GET', `/v1/cores/${own}`)).body)
  assert.strictEqual(record.length, acknowledged)
  await js.core.append(blocks('h', 5, 100, 10))
  await until(async () => JSON.parse((await request('GET', `/v1/cores/${hex(js.core.key)}`)).body).contiguousLength === 15,
    'the mirror goes on')
  // a configuration that would not start is not handed over to
  write('[store]\nquota = much\n')
  process.kill(server.pid, 'SIGUSR2')
  await logged(server, /hand-over: .* does not accept the configuration: corestored: .*:2: store.quota: 'much' is not a size.*; this process goes on/)
  assert.strictEqual((await request('GET', '/healthz')).status, 200)
}, { seconds: 90 })
