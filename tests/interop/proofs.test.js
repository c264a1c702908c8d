'use strict'

// A JavaScript source that lies: what it sends does not verify. We store none of it, do not ask for ever, and take the same
// blocks from an honest source later.

const assert = require('node:assert')
const { scenario, sleep, until } = require('./js/world')
const { blocks, treeHash } = require('./js/peer')
const { mirrored, readAgain } = require('./js/steps')
const { tamper } = require('./js/stranger')

const COUNT = 40
const LIE_MS = 1500
const LIES_MAX = 200 // an engine that asks again without limit sends thousands in that time

function flip(buffer, at = 0) {
  const copy = Buffer.from(buffer)
  copy[at] ^= 1
  return copy
}

function withFirstNode(nodes, change) {
  return nodes.length === 0 ? nodes : [{ ...nodes[0], ...change(nodes[0]) }, ...nodes.slice(1)]
}

/** Name of the lie, what it does to a Data message (null: nothing). */
const LIES = [
  ['a block with a flipped bit', (m) => m.block && m.block.value && { ...m, block: { ...m.block, value: flip(m.block.value) } }],
  ['a block cut short', (m) => m.block && m.block.value && { ...m, block: { ...m.block, value: m.block.value.subarray(1) } }],
  ['a wrong signature', (m) => m.upgrade && { ...m, upgrade: { ...m.upgrade, signature: flip(m.upgrade.signature, 10) } }],
  ['an empty signature', (m) => m.upgrade && { ...m, upgrade: { ...m.upgrade, signature: Buffer.alloc(0) } }],
  ['a wrong hash in the roots', (m) => m.upgrade && {
    ...m, upgrade: { ...m.upgrade, nodes: withFirstNode(m.upgrade.nodes, (node) => ({ hash: flip(node.hash) })) }
  }],
  ['a wrong size in the roots', (m) => m.upgrade && {
    ...m, upgrade: { ...m.upgrade, nodes: withFirstNode(m.upgrade.nodes, (node) => ({ size: node.size + 1 })) }
  }],
  ['a length that is not signed', (m) => m.upgrade && { ...m, upgrade: { ...m.upgrade, length: m.upgrade.length + 7 } }],
  ['another block than the one asked for', (m) => m.block && m.block.value && {
    ...m, block: { ...m.block, index: (m.block.index + 1) % COUNT }
  }]
]

for (const [name, lie] of LIES) {
  scenario(`a source that sends ${name}`, async (world) => {
    const peer = await world.peer()
    peer.tolerant = true
    const core = await peer.core({ name: 'log' })
    await core.append(blocks('honest', COUNT, 100))
    let lies = 0
    const stop = tamper((message) => {
      const changed = lie(message)
      if (changed) lies++
      return changed || message
    })
    world.defer(stop)
    const address = 'unix:' + world.path('socket')
    const liar = await peer.listen(address)
    const server = await world.serve({ connect: [address], mirror: [core.key] })
    await until(() => lies > 0, 'the liar was asked')
    await sleep(LIE_MS)
    const record = await server.record(core.key)
    assert(record.length === 0 || record.length === COUNT, `an unsigned length of ${record.length} was taken over`)
    assert.strictEqual(record.contiguousLength, 0, 'a block that does not verify was stored')
    assert(lies <= LIES_MAX, `${lies} answers were asked for in vain`)
    await server.ask(['verify', core.key.toString('hex')])
    stop()
    await liar.close()
    await peer.listen(address)
    const complete = await mirrored(server, core, 40000)
    assert.strictEqual(complete.treeHash, await treeHash(core))
    await peer.disconnect()
    await readAgain(world, server, core)
  }, { seconds: 70 })
}
