'use strict'

// The example that reads what somebody else writes, against a JavaScript writer.

const assert = require('node:assert')
const path = require('node:path')
const { execFile } = require('node:child_process')
const { scenario } = require('./js/world')
const { blocks } = require('./js/peer')
const { writer } = require('./js/steps')

function example(name, args) {
  const folder = process.env.CORESTORE_EXAMPLES
  assert(folder, 'CORESTORE_EXAMPLES must name the folder with the examples')
  return new Promise((resolve) => {
    execFile(path.join(folder, name), args, { timeout: 60000 }, (err, stdout, stderr) => {
      resolve({ code: err ? err.code : 0, stdout, stderr })
    })
  })
}

scenario('a plain program reads a core that JavaScript writes', async (world) => {
  const list = Array.from({ length: 100 }, (unused, i) => Buffer.from('line ' + i))
  const { core, address } = await writer(world, list)
  const key = core.key.toString('hex')
  const read = await example('read_from_peer', [world.path('copy'), key, address, '100'])
  assert.strictEqual(read.code, 0, read.stderr)
  const lines = Buffer.from(read.stdout).toString().split('\n').slice(0, -1)
  assert.deepStrictEqual(lines, list.map(String))
})

scenario('it ends with a reason when a block does not come', async (world) => {
  const { core, peer, address } = await writer(world, blocks('line', 3, 20))
  await peer.disconnect()
  const wrong = await example('read_from_peer', [world.path('copy'), 'abc', address, '1'])
  assert.strictEqual(wrong.code, 1)
  assert(wrong.stderr.includes("'abc' is not a key"), wrong.stderr)
  assert.strictEqual(core.length, 3)
})
