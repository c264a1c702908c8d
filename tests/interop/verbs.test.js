'use strict'

// Every verb on a store that is opened, and on one that is served: the same results, with the fields of the HTTP API;
// failures say what to do next; keys are printed with their kind.

const assert = require('node:assert')
const { scenario, until } = require('./js/world')
const { cli, parseLines } = require('./js/native')
const { Api } = require('./js/http')

const UNKNOWN = 'cd'.repeat(32)

/** Runs the story of one core; `run(args, input)` answers { code, stdout, stderr }. */
async function story(run) {
  const told = []
  const json = async (args, input) => {
    const done = await run(['--json', ...args], input)
    assert.strictEqual(done.code, 0, `${args.join(' ')}: ${done.stderr}`)
    assert.strictEqual(done.stderr, '', 'no word beside the result')
    const lines = parseLines(done.stdout)
    told.push([args.join(' '), lines])
    return lines
  }
  const [core] = await json(['create', 'log'])
  await json(['append', 'name:log', '--lines', '--batch', '2'], 'one\ntwo\nthree\nfour\nfive')
  await json(['append', core.key, '--block-size', '3'], 'abcdefg')
  await json(['info', core.discoveryKey])
  await json(['list'])
  await json(['list', '--recursive'])
  await json(['cat', 'name:log', '--start', '1', '--end', '3'])
  await json(['seek', 'name:log', '4'])
  const bytes = await run(['bytes', 'name:log', '--offset', '2', '--length', '6'])
  told.push(['bytes', bytes.stdout.toString()])
  const block = await run(['get', 'name:log', '2'])
  told.push(['get', block.stdout.toString()])
  await json(['verify'])
  await json(['verify', 'name:log'])
  await json(['mirror', core.key])
  await json(['unmirror', core.key])
  await json(['group', 'name:log', UNKNOWN])
  await json(['create', 'log', '--group', UNKNOWN])
  await json(['updates', UNKNOWN])
  await json(['append', 'name:log', '--lines'], 'six')
  await json(['updates', UNKNOWN, '--reverse', '--limit', '1'])
  await json(['group', 'name:log', '--leave'])
  await json(['updates', UNKNOWN])
  await json(['clear', 'name:log', '0', '2'])
  await json(['truncate', 'name:log', '4'])
  await json(['truncate', 'name:log', '3', '--fork', '7'])
  await json(['--namespace', 'deep', 'create', 'log'])
  await json(['--namespace', 'deep', 'list'])
  await json(['purge', 'name:log'])
  await json(['list'])
  return told
}

/** What differs between two stores, and between one that is loaded and one that is not, is left out. */
function comparable(told) {
  return told.map(([verb, lines]) => [verb, typeof lines === 'string' ? lines : lines.map(({ active, position, ...rest }) => rest)])
}

scenario('an opened and a served store answer alike', async (world) => {
  const primaryKey = Buffer.alloc(32, 5)
  const file = world.path('key')
  require('node:fs').writeFileSync(file, primaryKey)
  const storage = world.path()
  const local = await story((args, input) => cli(['--storage', storage, '--primary-key-file', file, ...args], { input }))
  const server = await world.serve({ primaryKeyFile: file })
  const served = await story((args, input) => cli(['--node', server.info.node, ...args], { input }))
  const [ours, theirs] = [comparable(local), comparable(served)]
  for (let i = 0; i < ours.length; i++) assert.deepStrictEqual(theirs[i], ours[i], ours[i][0])
})

scenario('the fields are those of the HTTP API', async (world) => {
  const server = await world.serve({ http: '127.0.0.1:0' })
  const api = new Api(server)
  const [core] = await server.ask(['create', 'log'])
  await server.ask(['append', 'name:log', '--lines'], { input: 'a\nb' })
  const fields = (record) => Object.keys(record).sort()
  const record = await api.json('GET', '/v1/cores/' + core.key)
  assert.deepStrictEqual(fields((await server.ask(['info', 'name:log']))[0]), fields(record))
  assert.deepStrictEqual(fields((await server.ask(['list']))[0]), fields(record))
  const store = await api.json('GET', '/v1/store')
  for (const field of fields((await server.ask(['info']))[0])) assert.ok(field in store, field)
  for (const field of fields((await server.ask(['top', '--count', '1']))[0])) assert.ok(field in store, field)
  await server.ask(['group', 'name:log', UNKNOWN])
  await server.ask(['append', 'name:log', '--lines'], { input: 'c' })
  const { updates } = await api.json('GET', '/v1/groups/' + UNKNOWN)
  assert.deepStrictEqual(await server.ask(['updates', UNKNOWN]), updates)
  const peer = await world.peer()
  await peer.dial(server.address)
  const connections = await until(async () => {
    const { peers } = await api.json('GET', '/v1/peers')
    return peers.some((one) => one.state === 'open') && peers
  }, 'the peer is here')
  assert.deepStrictEqual(fields((await server.ask(['peers']))[0]), fields(connections[0]))
  const other = await world.peer()
  const { address } = await other.listen()
  assert.deepStrictEqual(fields((await server.ask(['connect', address]))[0]), fields(connections[0]))
  const { key } = (await server.ask(['create', 'other']))[0]
  const [byCli, byHttp] = [(await server.ask(['purge', key]))[0], await api.json('DELETE', '/v1/cores/' + core.key)]
  assert.deepStrictEqual(fields(byCli), fields(byHttp))
})

scenario('failures say what to do, and keys are printed with their kind', async (world) => {
  const server = await world.serve()
  await server.create('log')
  const says = async (code, words, args, where = ['--node', server.info.node]) => {
    const done = await cli([...where, ...args])
    assert.strictEqual(done.code, code, `${args.join(' ')}: ${done.stderr}`)
    assert.strictEqual(done.stderr.trim().split('\n').length, 1, 'one line: ' + done.stderr)
    assert.match(done.stderr, /^corestore: /)
    assert.match(done.stderr, words)
    assert.strictEqual(done.stdout.toString(), '')
  }
  for (const verb of ['info', 'cat', 'verify', 'purge', 'clear', 'truncate', 'get', 'seek', 'bytes', 'group']) {
    const more = { group: [UNKNOWN], clear: ['0', '1'], truncate: ['0'], get: ['0'], seek: ['0'] }[verb] || []
    await says(1, /does not know the core .*list/, [verb, UNKNOWN, ...more])
  }
  await says(1, /block 3 .*--wait/, ['get', 'name:log', '3'])
  await says(2, /CORE is a key/, ['info', 'nonsense'])
  await says(2, /see corestore --help/, ['fly'])
  await says(2, /see corestore --help/, ['get', 'name:log'])
  await says(1, /start one with .*--storage/, ['info'], ['--node', '127.0.0.1:1'])
  await says(2, /replicate/, ['connect', '127.0.0.1:1'], ['--storage', world.path()])
  await server.ask(['group', 'name:log', UNKNOWN])
  await says(1, new RegExp('is in the group ' + UNKNOWN), ['group', 'name:log', 'ef'.repeat(32)])
  await says(2, /topic of a group is 64 hex digits/, ['group', 'name:log', 'nonsense'])
  await says(2, /topic of a group is 64 hex digits/, ['updates', 'nonsense'])
  await says(2, /topic of a group is 64 hex digits/, ['create', 'log', '--group', 'nonsense'])
  await says(2, /--leave/, ['group', 'name:log'])
  await says(2, /--leave/, ['group', 'name:log', UNKNOWN, '--leave'])
  for (const verb of [['peers'], ['bans'], ['send', 'default', 'chat', 'x'], ['receive', 'chat'], ['push', 'default', '0']]) {
    await says(2, /running server: name one with --node/, verb, ['--storage', world.path()])
  }
  await says(1, /does not exist; .*create/, ['list'], ['--storage', world.path()])
  await says(2, /NAME: it is empty/, ['create', ''])
  await says(2, /is no archive/, ['import', __filename])
  await says(2, /end the server, .*import .*archives of `export`/, ['import', world.root])
  await says(1, /is no proof of two histories/, ['verify', '--proof', __filename])
  await says(3, new RegExp(`held by process ${server.pid}; .*--node`), ['create', 'x'], ['--storage', server.storage])
  await server.ask(['mirror', UNKNOWN])
  await says(1, /no secret key .*name:NAME/, ['append', UNKNOWN])
  const text = (await cli(['--node', server.info.node, 'info', 'name:log'])).stdout.toString()
  assert.match(text, /^key +[0-9a-f]{64}$/m)
  assert.match(text, /^discovery key +[0-9a-f]{64}$/m)
  assert.match((await cli(['--node', server.info.node, 'list'])).stdout.toString(), /^key [0-9a-f]{64} /m)
})
