'use strict'

// Steps that several scenarios share.

const assert = require('node:assert')
const { until } = require('./world')
const { fetchAll, sameBlocks } = require('./peer')

/** Waits until the server holds all of a core that some peer has. */
function mirrored(server, core, ms = 20000) {
  return until(async () => {
    const record = await server.record(core.key)
    return record && record.fork === core.fork && record.length === core.length &&
      record.contiguousLength === core.length && record
  }, `our mirror has all ${core.length} blocks`, ms)
}

/** A JavaScript writer with one core, listening. */
async function writer(world, list, options = { name: 'log' }) {
  const peer = await world.peer()
  const core = await peer.core(options)
  for (let i = 0; i < list.length; i += 64) await core.append(list.slice(i, i + 64))
  const { address } = await peer.listen()
  return { peer, core, address }
}

/** Another JavaScript peer reads from our mirror what the writer had. */
async function readAgain(world, server, core) {
  const reader = await world.peer()
  const copy = await reader.core({ key: core.key })
  await reader.dial(server.address)
  await copy.update({ wait: true })
  assert.strictEqual(copy.fork, core.fork)
  const expected = []
  for (let i = 0; i < core.length; i++) expected.push(await core.get(i))
  sameBlocks(await fetchAll(copy), expected)
  return copy
}

module.exports = { mirrored, writer, readAgain }
