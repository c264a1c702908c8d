'use strict'

// The serving side of what runs in two processes: fills --cores cores, listens, prints
// {"event":"ready","listen":…,"keys":[…]}, and serves until standard input ends; then prints
// {"event":"served","cpu_s":…,"peak_rss_mb":…} (CPU since ready). Of `live` it appends, once a line came in.

const net = require('node:net')
const { flags, scratchStore, batchOf, fill, join, clock, Latencies, rounded, peakRss, main } = require('./common')

/** --requests blocks at --rate a second, each with the moment of its append in front. */
async function appendStamped(core, options) {
  const latencies = new Latencies()
  const blocks = batchOf(options, 1000)
  const start = Date.now()
  for (let i = 0; i < options.requests; i++) {
    const early = start + (i * 1000) / options.rate - Date.now()
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
    const block = Buffer.from(blocks[i % blocks.length])
    block.writeBigInt64LE(process.hrtime.bigint(), 0)
    await latencies.time(() => core.append(block))
  }
  return latencies.fields('append_')
}

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const isLive = options.workload === 'live'
  const cores = []
  for (let i = 0; i < options.cores; i++) {
    const core = await store.core({ name: 'bench-' + i })
    await fill(core, options, isLive ? 1 : options.blocks)
    cores.push(core)
  }
  const server = net.createServer((socket) => join(store, socket, false))
  const [host, port] = options.listen.split(':')
  await new Promise((resolve) => server.listen(Number(port), host, resolve))
  const listen = `${host}:${server.address().port}`
  const clocks = clock()
  process.stdout.write(JSON.stringify({ event: 'ready', listen, keys: cores.map((core) => core.key.toString('hex')) }) + '\n')
  let work = Promise.resolve({})
  if (isLive) process.stdin.once('data', () => (work = appendStamped(cores[0], options)))
  process.stdin.once('end', async () => {
    const more = await work
    const line = { event: 'served', cpu_s: rounded(clocks.stop().cpu_s), peak_rss_mb: rounded(peakRss()), ...more }
    process.stdout.write(JSON.stringify(line) + '\n', () => process.exit(0))
  }).resume()
})
