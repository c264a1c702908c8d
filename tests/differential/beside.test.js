'use strict'

// What peers do beside the log: extensions, pushes, switches, what they say they have. With a JavaScript peer on the
// other side, in both directions.

const assert = require('node:assert')
const { behaviour, until, blocks, reach, met, WRITER } = require('./behaviour')

const hex = (text) => Buffer.from(text).toString('hex')

/** Collects what a native node hears, over several questions. */
function ear(node) {
  const heard = { events: [], messages: [] }
  return async () => {
    const { events, messages } = await node._ask('hear')
    heard.events.push(...events)
    heard.messages.push(...messages)
    return heard
  }
}

async function pair(world, { kind = 'js', key = null } = {}) {
  const writer = await world[kind]('writer', WRITER)
  const reader = await world[kind === 'js' ? 'native' : 'js']('reader', Buffer.alloc(32, 3))
  const core = await writer.open('log')
  await reader.open('log', key || core)
  return { writer, reader, key: core }
}

behaviour('extension messages go both ways, to one peer and to all', async (world) => {
  const { writer, reader } = await pair(world)
  const said = []
  const other = writer.core.registerExtension('other')
  const greeting = writer.core.registerExtension('greeting', {
    encoding: 'utf-8',
    onmessage: (message, peer) => said.push([message, peer])
  })
  assert.deepStrictEqual((await reader._ask('listen', { name: 'greeting' })).changed, true)
  assert.deepStrictEqual((await reader._ask('listen', { name: 'greeting' })).changed, false)
  await writer.append(blocks(1))
  await reader.dial(writer.port)
  await reach(reader, 1)
  const hear = ear(reader)
  other.broadcast(Buffer.from('nobody listens to that'))
  greeting.broadcast('hello')
  greeting.broadcast('hello again') // its name does not travel a second time
  greeting.send('x'.repeat(1 << 20), writer.core.peers[0])
  await until(async () => (await hear()).messages.length === 3, 'we hear three messages')
  const { messages } = await hear()
  assert.deepStrictEqual(messages.map(({ name }) => name), ['greeting', 'greeting', 'greeting'])
  assert.deepStrictEqual(messages.map(({ value }) => value.length), [10, 22, 2 << 20])
  assert.strictEqual(Buffer.from(messages[1].value, 'hex').toString(), 'hello again')

  assert.strictEqual((await reader._ask('say', { name: 'greeting', value: hex('salut') })).count, 1)
  const { session } = messages[0]
  assert.strictEqual((await reader._ask('say', { name: 'greeting', value: hex('toi'), session })).count, 1)
  assert.strictEqual((await reader._ask('say', { name: 'greeting', value: hex('nobody'), session: session + 1000 })).count, 0)
  await until(() => said.length === 2, 'JavaScript hears two messages')
  assert.deepStrictEqual(said.map(([message]) => message), ['salut', 'toi'])
  await assert.rejects(reader._ask('say', { name: '', value: '' }), /bad_argument|extension/)

  assert.strictEqual((await reader._ask('listen', { name: 'greeting', off: true })).changed, true)
  greeting.broadcast('too late')
  await writer.append(blocks(1, 1))
  await reach(reader, 2) // what was said before it has arrived
  assert.strictEqual((await hear()).messages.length, 3)
})

behaviour('a listener of the whole store hears of every core, also of those opened later', async (world) => {
  const { writer, reader, key } = await pair(world)
  const listen = { do: 'listen', store: 'reader', name: 'whole' }
  assert.strictEqual((await reader.driver.ask(listen)).changed, true)
  assert.strictEqual((await reader.driver.ask(listen)).changed, false)
  const second = writer.store.get({ name: 'second' })
  await second.ready()
  await reader.driver.ask({ do: 'open', store: 'reader', core: 'second', key: second.key.toString('hex') })
  await writer.append(blocks(1))
  await second.append('x')
  await reader.dial(writer.port)
  await reach(reader, 1)
  await until(() => second.peers.length > 0, 'the second core has a peer')
  for (const core of [writer.core, second]) core.registerExtension('whole').broadcast(Buffer.from('hi'))
  const hear = ear(reader)
  await until(async () => (await hear()).messages.length === 2, 'both messages')
  const from = (await hear()).messages.map((message) => message.key).sort()
  assert.deepStrictEqual(from, [key.toString('hex'), second.key.toString('hex')].sort())
  assert.strictEqual((await reader.driver.ask({ ...listen, off: true })).changed, true)
})

behaviour('JavaScript pushes blocks to us, who ask for nothing', async (world) => {
  const { writer, reader } = await pair(world)
  await reader._ask('switch', { allowPush: true, pushOnly: true })
  await reader.dial(writer.port)
  await met(writer)
  await until(() => writer.core.peers[0].remoteAllowPush, 'JavaScript knows that we take pushes')
  for (let i = 0; i < 5; i++) {
    await writer.append(blocks(1, i))
    await writer.core.core.replicator.push(i)
  }
  await reach(reader, 5)
  await until(async () => (await reader.state()).blocks.every(Boolean), 'all blocks are here')
  assert.strictEqual((await reader._ask('stats')).requestsSent, 0)
  await writer.append(blocks(3, 5)) // nobody pushes these
  assert.strictEqual((await reader.head()).length, 5)
  const now = await reader._ask('switch', { pushOnly: false })
  assert.deepStrictEqual([now.allowPush, now.pushOnly], [true, false])
  await reach(reader, 8)
})

behaviour('we push blocks to JavaScript, who asks for nothing', async (world) => {
  const { writer, reader } = await pair(world, { kind: 'native' })
  reader.core.core.replicator.setAllowPush(true)
  reader.core.core.replicator.setPushOnly(true)
  await reader.dial(writer.port)
  await met(writer)
  await until(async () => (await writer._ask('peers')).peers[0].remoteAllowsPush, 'we know that it takes pushes')
  for (let i = 0; i < 5; i++) {
    await writer.append(blocks(1, i))
    await until(async () => (await writer._ask('push', { index: i })).count === 1, 'the push goes out')
    await until(() => reader.core.has(i), `block ${i} is there`)
  }
  const { requestsReceived, blocksUploaded } = await writer._ask('stats')
  assert(requestsReceived <= 1, 'JavaScript may ask for the manifest')
  assert.strictEqual(blocksUploaded, 5)
  await assert.rejects(writer._ask('push', { index: 9 }), /block_not_available|not stored/)
})

behaviour('what we do not upload JavaScript does not get, and hears why', async (world) => {
  const { writer, reader } = await pair(world, { kind: 'native' })
  await writer.append(blocks(5))
  await reader.dial(writer.port)
  await reach(reader, 5)
  assert.strictEqual((await writer._ask('switch', { upload: false })).upload, false)
  await until(() => reader.core.peers[0].remoteUploading === false, 'JavaScript was told')
  await assert.rejects(reader.get(2, 400))
  await writer._ask('switch', { upload: true })
  assert.strictEqual((await reader.get(2, 5000)).toString(), 'block 2')
  // one peer alone
  const [{ session }] = (await writer._ask('peers')).peers
  assert.strictEqual((await writer._ask('switch', { upload: false, session })).upload, false)
  assert.strictEqual((await writer._ask('switch', {})).upload, true)
  await until(() => reader.core.peers[0].remoteUploading === false, 'JavaScript was told again')
  await assert.rejects(reader.get(3, 400))
  await writer._ask('switch', { upload: true, session })
  assert.strictEqual((await reader.get(3, 5000)).toString(), 'block 3')
  await assert.rejects(writer._ask('switch', { upload: false, session: 99999 }), /not_found|session/)
})

behaviour('a core that does not download follows again when it does, and says so', async (world) => {
  const { writer, reader } = await pair(world)
  await reader._ask('switch', { download: false })
  await writer.append(blocks(5))
  await reader.dial(writer.port)
  await met(reader)
  await assert.rejects(reader.get(1, 400))
  assert.strictEqual((await reader._ask('stats')).requestsSent, 0)
  await reader._ask('switch', { download: true })
  await reach(reader, 5)
  assert.strictEqual((await reader.get(1, 5000)).toString(), 'block 1')
  await until(() => writer.core.peers[0].remoteDownloading, 'JavaScript sees that we want something')
  assert.strictEqual((await reader._ask('switch', { active: false })).active, false)
  await until(() => writer.core.peers[0].remoteDownloading === false, 'JavaScript sees that nobody wants the core')
  await reader._ask('switch', { active: true })
  await until(() => writer.core.peers.length > 0 && writer.core.peers[0].remoteDownloading, 'and that somebody does again')
})

behaviour('both sides know how far the other is complete', async (world) => {
  const { writer, reader } = await pair(world)
  await reader._ask('watch')
  await writer.append(blocks(7))
  await reader.dial(writer.port)
  await reach(reader, 7)
  await until(async () => (await reader._ask('record')).remoteContiguousLength === 7, 'our record says 7')
  const [peer] = (await reader._ask('peers')).peers
  assert.deepStrictEqual([peer.length, peer.contiguousLength, peer.remoteUploading], [7, 7, true])
  const { events } = await reader._ask('hear')
  assert(events.some(({ kind, length }) => kind === 'contiguous' && length === 7), JSON.stringify(events))
  assert(events.some(({ kind }) => kind === 'peer-add'))
  await reader.download(0, 7, 5000) // parts that the other side has itself are not told
  await until(() => writer.core.peers[0].remoteContiguousLength === 7, 'JavaScript knows that we have all')
})
