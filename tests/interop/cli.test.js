'use strict'

// The contract of the two programs with shells and supervisors: exit codes, flags, the ready line, JSON lines.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { scenario } = require('./js/world')
const { cli, daemon, hex } = require('./js/native')
const { blocks } = require('./js/peer')

const QUIET = ['--listen', 'off', '--http', 'off', '--node', 'off']

/** Runs a program and checks its exit code; returns the result. */
async function exits(code, running) {
  const result = await running
  assert.strictEqual(result.code, code, `exit code ${result.code}, wanted ${code}: ${result.stderr}`)
  if (code !== 0) {
    assert.notStrictEqual(result.stderr.trim(), '', 'a failure needs a reason on standard error')
    assert.strictEqual(result.stdout.toString(), '', 'nothing but results on standard output')
  }
  return result
}

scenario('bad usage is exit code 2', async (world) => {
  const storage = world.path()
  await exits(2, daemon(['--no-such-flag']))
  await exits(2, daemon(['--storage']))
  await exits(2, cli(['--storage', storage, 'no-such-verb']))
  await exits(2, cli(['--storage', storage, 'info', '--no-such-flag']))
  await exits(2, cli(['--storage', storage]))
  await exits(2, cli(['--storage', storage, 'get', 'name:log']))
  await exits(2, cli(['--storage', storage, 'top']))
  await exits(2, daemon(['--storage', storage, '--listen', 'nonsense']))
  await exits(2, daemon(['--storage', storage, '--mirror', 'abcd', ...QUIET]))
  assert(!fs.existsSync(storage), 'bad usage must not create a store')
})

scenario('a bad configuration names file, line and key', async (world) => {
  const file = world.path('conf')
  fs.writeFileSync(file, '# a comment\n[store]\npath = ' + world.path() + '\nno-such-key = 1\n')
  const unknown = await exits(2, daemon(['--config', file, ...QUIET]))
  assert(unknown.stderr.includes(path.basename(file)) && unknown.stderr.includes('no-such-key'), unknown.stderr)
  assert(/:4\b|line 4\b/.test(unknown.stderr), 'the line: ' + unknown.stderr)
  await exits(2, daemon(['--config', file, '--check']))
  await exits(2, daemon(['--config', world.path('absent')]))
})

scenario('--check and --print-config do not touch the store', async (world) => {
  const storage = world.path()
  await exits(0, daemon(['--storage', storage, '--check']))
  const printed = await exits(0, daemon(['--storage', storage, '--print-config']))
  assert(printed.stdout.toString().includes(storage), 'the path is in the configuration')
  assert(!fs.existsSync(storage))
  const file = world.path('conf')
  fs.writeFileSync(file, printed.stdout)
  await exits(0, daemon(['--config', file, '--check']))
  await exits(0, daemon(['--version']))
  await exits(0, cli(['--version']))
})

scenario('the ready line has all fields', async (world) => {
  const socket = 'unix:' + world.path('socket')
  const server = await world.serve({ listen: ['127.0.0.1:0', socket] })
  const line = server.info
  assert.deepStrictEqual(Object.keys(line).sort(), ['event', 'http', 'listen', 'node', 'pid', 'publicKey', 'storage'])
  assert.strictEqual(line.storage, server.storage)
  assert.strictEqual(line.pid, server.pid)
  assert.strictEqual(line.listen.length, 2)
  assert(/^127\.0\.0\.1:[1-9]\d*$/.test(line.listen[0]) && line.listen[1] === socket)
  assert(/^127\.0\.0\.1:[1-9]\d*$/.test(line.node))
  assert.strictEqual(line.http, null)
  assert(/^[0-9a-f]{64}$/.test(line.publicKey))
  const off = await world.serve({ listen: ['off'], node: 'off' })
  assert.deepStrictEqual([off.info.listen, off.info.http, off.info.node], [[], null, null])
})

scenario('a held store is exit code 3 with the holder in the message', async (world) => {
  const server = await world.serve()
  for (const second of [daemon(['--storage', server.storage, ...QUIET]), cli(['--storage', server.storage, 'create', 'x'])]) {
    const refused = await exits(3, second)
    assert(refused.stderr.includes(String(server.pid)), refused.stderr)
  }
})

scenario('a store of garbage is exit code 4', async (world) => {
  const garbage = world.path()
  fs.mkdirSync(garbage)
  fs.writeFileSync(path.join(garbage, 'data.mdb'), Buffer.alloc(65536, 0x5a))
  await exits(4, daemon(['--storage', garbage, ...QUIET]))
  await exits(4, cli(['--storage', garbage, 'create', 'x']))
  assert(fs.readFileSync(path.join(garbage, 'data.mdb')).every((byte) => byte === 0x5a), 'it was left as it was')
})

scenario('the primary key comes from a file in hex or raw and must fit the store', async (world) => {
  const key = Buffer.alloc(32, 9)
  const [text, raw, other, bad] = ['text', 'raw', 'other', 'bad'].map((name) => world.path(name))
  fs.writeFileSync(text, key.toString('hex') + '\n')
  fs.writeFileSync(raw, key)
  fs.writeFileSync(other, Buffer.alloc(32, 8))
  fs.writeFileSync(bad, 'not a key')
  const first = world.path()
  const second = world.path()
  const made = (await world.run(first, ['--primary-key-file', text, '--json', 'create', 'log'])).json()[0]
  const same = (await world.run(second, ['--primary-key-file', raw, '--json', 'create', 'log'])).json()[0]
  assert.strictEqual(made.key, same.key)
  await world.run(first, ['info', 'name:log'])
  for (const file of [other, bad]) {
    const refused = await cli(['--storage', first, '--primary-key-file', file, 'create', 'x'])
    assert(refused.code !== 0 && refused.stderr !== '')
    const daemonRefused = await daemon(['--storage', first, '--primary-key-file', file, ...QUIET])
    assert(daemonRefused.code !== 0 && daemonRefused.stderr !== '')
  }
})

scenario('append takes lines, fixed sizes and files, in batches', async (world) => {
  const storage = world.path()
  const lines = await world.run(storage, ['--json', 'append', 'name:lines', '--lines', '--batch', '2'], { input: 'a\n\nccc\nd\ne' })
  assert.deepStrictEqual(lines.json(), [{ length: 2, byteLength: 1 }, { length: 4, byteLength: 5 }, { length: 5, byteLength: 6 }])
  const sizes = await world.run(storage, ['--json', 'append', 'name:sizes', '--block-size', '4', '--batch', '10'], { input: '123456789' })
  assert.deepStrictEqual(sizes.json(), [{ length: 3, byteLength: 9 }])
  const files = ['one', 'two'].map((name) => world.path(name))
  files.forEach((file) => fs.writeFileSync(file, file.slice(-5)))
  const done = await world.run(storage, ['--json', 'append', 'name:files', ...files])
  assert.strictEqual(done.json().pop().length, 2)
  assert.strictEqual((await world.run(storage, ['cat', 'name:lines'])).stdout.toString(), 'acccde')
  const missing = await cli(['--storage', storage, 'append', 'name:files', world.path('absent')])
  assert(missing.code === 1 || missing.code === 2, String(missing.code))
  assert.strictEqual((await world.run(storage, ['--json', 'info', 'name:files'])).json()[0].length, 2)
})

scenario('get, cat, seek, bytes, info, list and verify', async (world) => {
  const storage = world.path()
  const list = blocks('cli', 10, (i) => 3 * i)
  const whole = Buffer.concat(list)
  for (const bytes of list) {
    const file = world.path('block')
    fs.writeFileSync(file, bytes)
    await world.run(storage, ['append', 'name:log', file])
  }
  const run = async (...args) => (await world.run(storage, args)).stdout
  const json = async (...args) => (await world.run(storage, ['--json', ...args])).json()
  assert(Buffer.compare(await run('get', 'name:log', '7'), list[7]) === 0)
  assert(Buffer.compare(await run('cat', 'name:log'), whole) === 0)
  assert(Buffer.compare(await run('cat', 'name:log', '--start', '2', '--end', '5'), Buffer.concat(list.slice(2, 5))) === 0)
  assert.deepStrictEqual((await json('cat', 'name:log', '--start', '9'))[0], { index: 9, base64: list[9].toString('base64') })
  assert.deepStrictEqual(await json('seek', 'name:log', '10'), [{ index: 3, offset: 1 }])
  assert(Buffer.compare(await run('bytes', 'name:log', '--offset', '8', '--length', '30'), whole.subarray(8, 38)) === 0)
  const [record] = await json('info', 'name:log')
  assert.strictEqual(record.length, 10)
  assert.strictEqual(record.byteLength, whole.length)
  assert.strictEqual(record.contiguousLength, 10)
  assert.deepStrictEqual([record.fork, record.generation, record.writable], [0, 10, true])
  for (const name of ['key', 'discoveryKey', 'treeHash']) assert(/^[0-9a-f]{64}$/.test(record[name]), name)
  for (const name of [record.key, record.discoveryKey]) assert.strictEqual((await json('info', name))[0].key, record.key)
  assert.deepStrictEqual((await json('list')).map((entry) => entry.key), [record.key])
  assert.strictEqual((await json('info')).length, 1)
  await json('verify')
  await json('verify', 'name:log')
})

scenario('what is absent is exit code 1', async (world) => {
  const storage = world.path()
  await world.run(storage, ['create', 'log'])
  const absent = await exits(1, cli(['--storage', storage, 'get', 'name:log', '3']))
  assert(absent.stderr.includes('3'), absent.stderr)
  await exits(1, cli(['--storage', storage, 'info', hex(Buffer.alloc(32, 1))]))
  await exits(1, cli(['--node', '127.0.0.1:1', 'info', 'name:log'])) // nobody listens
  const refused = await cli(['--storage', storage, 'replicate', '127.0.0.1:1', '--key', hex(Buffer.alloc(32, 1)), '--timeout', '1500'])
  assert.strictEqual(refused.code, 1)
})

scenario('SIGINT ends the server like SIGTERM, and the store can be used at once', async (world) => {
  const server = await world.serve()
  await server.create('log')
  await server.append('name:log', ['one'])
  server.child.kill('SIGINT')
  server.stopping = server.child.ended.then(({ code }) => assert.strictEqual(code, 0))
  await server.stopping
  assert.strictEqual((await world.run(server.storage, ['cat', 'name:log'])).stdout.toString(), 'one')
})
