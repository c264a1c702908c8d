'use strict'

// One server, many processes that work through its node surface: some of them are killed all the time. And the same
// surface under TLS.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { execFileSync } = require('node:child_process')
const { scenario, until, sleep } = require('./js/world')
const { cli, daemon, launch } = require('./js/native')

/** Length of the run with kills; an hour of it is a soak test. */
const SECONDS = Number(process.env.CORESTORE_NODE_SECONDS || 8)
const CLIENTS = 5 // of each kind

/** Appends numbered lines one by one, and notes the lengths that the server acknowledged. */
class Appender {
  constructor(server, name) {
    Object.assign(this, { server, name, acknowledged: 0, sent: 0, lives: 0 })
    this.start()
  }

  start() {
    this.lives++
    this.child = launch('corestore', [
      '--node', this.server.info.node, '--json', 'append', 'name:' + this.name, '--lines', '--batch', '1'
    ])
    let text = ''
    this.child.stdout.on('data', (data) => {
      text += data
      const lines = text.split('\n')
      text = lines.pop()
      for (const line of lines) this.acknowledged = Math.max(this.acknowledged, JSON.parse(line).length)
    })
    this.child.stderr.on('data', (data) => (this.complaint = data.toString()))
    this.timer = setInterval(() => this.child.stdin.write(`${this.name} ${this.sent++}\n`), 5)
  }

  async end(signal) {
    clearInterval(this.timer)
    if (signal) this.child.kill(signal)
    else this.child.stdin.end()
    return this.child.ended
  }
}

/** Follows a core; what it has seen must be gapless from its own start. */
class Tailer {
  constructor(server, name) {
    Object.assign(this, { server, name, lives: 0 })
    this.start()
  }

  start() {
    this.lives++
    this.next = 0
    this.child = launch('corestore', ['--node', this.server.info.node, '--json', 'cat', 'name:' + this.name, '--follow'])
    let text = ''
    this.child.stdout.on('data', (data) => {
      text += data
      const lines = text.split('\n')
      text = lines.pop()
      for (const line of lines) {
        const { index } = JSON.parse(line)
        if (index !== this.next) this.gap = `${this.name}: block ${index} came where ${this.next} was due`
        this.next = index + 1
      }
    })
  }

  async end(signal = 'SIGTERM') {
    this.child.kill(signal)
    return this.child.ended
  }
}

function descriptors(pid) {
  return fs.readdirSync(`/proc/${pid}/fd`).length
}

scenario(
  'ten clients append and tail through a node while one is killed every second',
  async (world) => {
    const server = await world.serve({ listen: ['off'] })
    const names = Array.from({ length: CLIENTS }, (_, i) => 'log-' + i)
    for (const name of names) await server.create(name)
    const before = descriptors(server.pid)
    const appenders = names.map((name) => new Appender(server, name))
    const tailers = names.map((name) => new Tailer(server, name))
    const clients = [...appenders, ...tailers]
    world.defer(() => clients.forEach((client) => client.end('SIGKILL')))

    let victim = 0
    for (let second = 0; second < SECONDS; second++) {
      await sleep(1000)
      const client = clients[(victim += 3) % clients.length]
      await client.end('SIGKILL')
      client.start()
    }
    for (const appender of appenders) {
      const end = await appender.end()
      assert.strictEqual(end.code, 0, appender.complaint)
    }

    for (const appender of appenders) {
      const record = await server.record('name:' + appender.name)
      assert(appender.acknowledged > 0, 'something was acknowledged')
      assert(record.length >= appender.acknowledged, `${record.length} blocks, ${appender.acknowledged} acknowledged`)
      const tailer = tailers.find((candidate) => candidate.name === appender.name)
      await until(() => tailer.next === record.length, `${tailer.name} is followed to its end`)
      assert.strictEqual(tailer.gap, undefined)
      const stored = (await server.cli(['cat', 'name:' + appender.name])).json()
      const lines = stored.map((block) => Buffer.from(block.base64, 'base64').toString())
      // A killed client may leave lines out that were never acknowledged; none comes twice, and the order stays.
      const numbers = lines.map((line) => Number(line.split(' ')[1]))
      assert(numbers.every((number, i) => i === 0 || number > numbers[i - 1]), 'in order and once')
      const verified = await server.cli(['verify', 'name:' + appender.name])
      assert.strictEqual(verified.code, 0, verified.stderr)
    }
    for (const tailer of tailers) await tailer.end()
    // What the clients held is given back, the killed ones' as well.
    await until(() => descriptors(server.pid) <= before + 2, 'descriptors are back')
    if ('references' in (await server.ask(['info']))[0]) {
      await until(async () => (await server.ask(['info']))[0].references <= 1, 'references are back')
    }
  },
  { seconds: SECONDS + 60 }
)

function openssl(folder, ...args) {
  execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
}

/** An authority and a certificate for each name; the paths as lines of a [node] section. */
function certificates(folder, authority, names) {
  fs.mkdirSync(folder, { recursive: true })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(folder, 'req', '-x509', ...key, '-days', '2', '-subj', '/CN=' + authority, '-keyout', authority + '.key', '-out', authority + '.pem')
  const sections = {}
  for (const name of names) {
    openssl(folder, 'req', ...key, '-subj', '/CN=' + name, '-keyout', name + '.key', '-out', name + '.csr')
    openssl(folder, 'x509', '-req', '-days', '2', '-in', name + '.csr', '-CA', authority + '.pem', '-CAkey', authority + '.key', '-CAcreateserial', '-out', name + '.pem')
    sections[name] = [
      'tls-certificate = ' + path.join(folder, name + '.pem'),
      'tls-key = ' + path.join(folder, name + '.key'),
      'tls-ca = ' + path.join(folder, authority + '.pem')
    ].join('\n')
  }
  return sections
}

function configuration(world, listen, tls) {
  const file = world.path('conf')
  fs.writeFileSync(file, `[node]\nlisten = ${listen}\n${tls}\n`)
  return file
}

scenario('a node under TLS serves whoever shows a certificate of its authority, and nobody else', async (world) => {
  const ours = certificates(world.path('ours'), 'ca', ['server', 'client'])
  const theirs = certificates(world.path('theirs'), 'other', ['stranger'])
  const server = await world.serve({
    listen: ['off'],
    args: ['--config', configuration(world, '127.0.0.1:0', ours.server)]
  })
  const as = (tls) => ({ env: { ...process.env, CORESTORE_CONFIG: configuration(world, server.info.node, tls) } })

  const created = await cli(['--json', 'create', 'secret'], as(ours.client))
  assert.strictEqual(created.code, 0, created.stderr)
  const appended = await cli(['append', 'name:secret', '--lines'], { ...as(ours.client), input: 'one\ntwo\n' })
  assert.strictEqual(appended.code, 0, appended.stderr)

  const stranger = await cli(['list'], as(theirs.stranger))
  assert.strictEqual(stranger.code, 1, 'a certificate of another authority')
  const naked = await cli(['--node', server.info.node, 'list'], { env: { ...process.env, CORESTORE_CONFIG: '/dev/null' } })
  assert.strictEqual(naked.code, 1, 'no certificate')

  const read = await cli(['cat', 'name:secret'], as(ours.client))
  assert.strictEqual(read.stdout.toString(), 'onetwo')
})

scenario('a node that other machines can reach starts with sound TLS files only', async (world) => {
  const ours = certificates(world.path('ours'), 'ca', ['server'])
  const refused = async (text, tls, listen = '0.0.0.0:0') => {
    const result = await daemon(['--storage', world.path(), '--listen', 'off', '--config', configuration(world, listen, tls)])
    assert.strictEqual(result.code, 2, result.stderr)
    assert(result.stderr.includes(text), result.stderr)
  }
  await refused('needs TLS', '')
  await refused('node.tls-key', ours.server.split('\n').filter((line) => !line.startsWith('tls-key')).join('\n'))
  const broken = world.path('broken.pem')
  fs.writeFileSync(broken, 'garbage')
  await refused(broken, ours.server.replace(/tls-ca = .*/, 'tls-ca = ' + broken))
})
