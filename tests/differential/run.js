'use strict'

// node run.js [--seeds N] [--from N] [--seed N] [--lanes N]: random histories on this engine and on hypercore side by
// side. Seeds that failed once are in seeds.json and always run first. CORESTORE_SEEDS sets the number as well.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const crypto = require('node:crypto')
const { Driver } = require('./driver')
const { NativeNode, JsNode } = require('./node')
const { History } = require('./history')

const SEEDS = 30

function options() {
  const given = { seeds: Number(process.env.CORESTORE_SEEDS || SEEDS), from: 1, seed: null, lanes: 4 }
  for (let i = 2; i + 1 < process.argv.length; i += 2) given[process.argv[i].replace('--', '')] = Number(process.argv[i + 1])
  return given
}

async function lane(number, driver, root, seeds, failures) {
  const folder = path.join(root, 'lane-' + number)
  fs.mkdirSync(folder)
  const primary = crypto.createHash('sha256').update('lane').digest()
  const readerKey = crypto.createHash('sha256').update('reader').digest()
  const native = (name, key) => new NativeNode(`${name}-${number}`, driver, folder, key)
  const js = (name, key) => new JsNode(`${name}-${number}`, folder, key)
  const nodes = {
    writers: { name: 'writers', native: native('native-writer', primary), js: js('js-writer', primary) },
    pairs: ['first', 'second'].map((name) => ({
      name,
      native: native('native-' + name, readerKey),
      js: js('js-' + name, readerKey)
    }))
  }
  const all = [nodes.writers, ...nodes.pairs].flatMap((pair) => [pair.native, pair.js])
  for (const node of all) await node.start()
  while (seeds.length > 0 && failures.length < 20) {
    const seed = seeds.shift()
    try {
      await new History(seed, nodes).run()
    } catch (err) {
      failures.push({ seed, err })
      if (!err.seed) err.message = `seed ${seed}: ${err.message}`
      console.error(err.seed ? err.message : err)
      return lane(`${number}-${failures.length}`, driver, root, seeds, failures) // these stores may be in disorder
    }
  }
  for (const node of all) await node.stop()
}

async function main() {
  const { seeds: count, from, seed, lanes } = options()
  const kept = JSON.parse(fs.readFileSync(path.join(__dirname, 'seeds.json')))
  const fresh = Array.from({ length: count }, (unused, i) => from + i).filter((one) => !kept.includes(one))
  const seeds = seed !== null ? [seed] : [...kept, ...fresh]
  const total = seeds.length
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'corestore-differential-'))
  const driver = new Driver(process.env.CORESTORE_DRIVER)
  const failures = []
  const begin = Date.now()
  await Promise.all(Array.from({ length: Math.min(lanes, total) }, (unused, i) => lane(i, driver, root, seeds, failures)))
  driver.end()
  const code = await Promise.race([driver.ended, new Promise((resolve) => setTimeout(resolve, 15000, 'late').unref())])
  fs.rmSync(root, { recursive: true, force: true })
  console.log(`${total} histories in ${((Date.now() - begin) / 1000).toFixed(1)} s, ${failures.length} with a difference`)
  if (failures.length > 0) console.log('failing seeds (add them to seeds.json): ' + failures.map(({ seed: one }) => one).join(', '))
  process.exit(failures.length > 0 || code !== 0 ? 1 : 0)
}

main()
