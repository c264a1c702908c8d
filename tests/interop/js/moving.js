'use strict'

// What the tests of imports share: stores of corestore 5 and 6 to bring in, and what came of it.

const { blocks } = require('./peer')
const { cli } = require('./native')
const { Corestore6, LegacyPeer, fill, treeHashNine } = require('./previous_peer')

const hex = (buffer) => buffer.toString('hex')

/** Runs an import; { code, lines by key, total, stderr }. */
async function bring(storage, directory, args = []) {
  const result = await cli(['--storage', storage, '--json', ...args, 'import', directory])
  const lines = result.json()
  const byKey = Object.fromEntries(lines.filter((line) => line.key).map((line) => [line.key, line]))
  return { code: result.code, stderr: result.stderr, lines, byKey, total: lines[lines.length - 1] }
}

const info = async (world, storage, core, args = []) =>
  (await world.run(storage, [...args, '--json', 'info', core])).json()[0]

async function contents(world, storage, core, args = []) {
  const lines = (await world.run(storage, [...args, '--json', 'cat', core])).json()
  return lines.map((line) => Buffer.from(line.base64, 'base64'))
}

/** A store of corestore 5 with cores of several sizes, closed; what is in it by key. */
async function five(directory, { sizes = [0, 1, 2, 3, 13, 2000], options = {} } = {}) {
  const peer = new LegacyPeer({ storage: directory, ...options })
  await peer.store.ready()
  const known = {}
  const note = async (core, list, name) => {
    known[hex(core.key)] = { list, name, length: core.length, treeHash: await treeHashNine(core) }
  }
  for (const size of sizes) {
    const core = await peer.core({ name: 'size-' + size })
    const list = blocks('five-' + size, size, (i) => (i * 37) % 300)
    await fill(core, list, 7)
    await note(core, list, 'size-' + size)
  }
  for (const [store, name] of [[peer.store, 'default'], [peer.store.namespace('a').namespace('b'), 'a:b']]) {
    const core = store.default()
    await new Promise((resolve) => core.ready(resolve))
    await fill(core, [Buffer.from(name)])
    await note(core, [Buffer.from(name)], name)
  }
  const random = await peer.core({})
  await fill(random, blocks('random', 5, () => 20))
  await note(random, blocks('random', 5, () => 20), null)
  await peer.close()
  return known
}

async function six(directory, { sizes = [0, 1, 2, 3, 13, 2000], options = {} } = {}) {
  const store = new Corestore6(directory, options)
  await store.ready()
  const known = {}
  const note = async (core, list, name) => {
    known[hex(core.key)] = { list, name, length: core.length, fork: core.fork, treeHash: hex(await core.treeHash()) }
  }
  for (const size of sizes) {
    const core = store.get({ name: 'size-' + size, compat: size % 2 === 0 })
    await core.ready()
    const list = blocks('six-' + size, size, (i) => (i * 37) % 300)
    await fill(core, list, 7)
    await note(core, list, 'size-' + size)
  }
  const cut = store.get({ name: 'cut' })
  await cut.ready()
  await fill(cut, blocks('cut', 20, () => 30))
  await cut.truncate(11)
  await fill(cut, blocks('cut again', 3, () => 30))
  await cut.setUserData('mark', Buffer.from('kept'))
  await note(cut, [...blocks('cut', 11, () => 30), ...blocks('cut again', 3, () => 30)], 'cut')
  await store.close()
  return known
}

module.exports = { bring, contents, five, hex, info, six }
