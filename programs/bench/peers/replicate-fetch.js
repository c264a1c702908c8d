'use strict'

// The fetching side: opens the cores whose keys come in, one a line up to `end`, says that it is ready, connects to --address
// when another line comes, does what the workload is about, and prints the result line. Works against any peer that
// serves these cores.

const net = require('node:net')
const readline = require('node:readline')
const { flags, scratchStore, join, chance, clock, Latencies, report, main } = require('./common')

const workloads = {
  /** Every block of every core. */
  async all(cores) {
    const lengths = await Promise.all(cores.map((core) => core.fetchAll()))
    return { blocks: lengths.reduce((sum, length) => sum + length, 0) }
  },

  /** --requests random blocks of the first core, one at a time (or --callers). */
  async sparse([core], options) {
    await core.known()
    const random = chance(options.seed)
    const latencies = new Latencies()
    const clocks = clock()
    let left = options.requests
    await Promise.all(Array.from({ length: Math.max(options.callers, 1) }, async () => {
      while (left-- > 0) await latencies.time(() => core.get(Math.floor(random() * options.blocks)))
    }))
    return { blocks: options.requests, times: clocks.stop(), more: latencies.fields() }
  },

  /** Follows the first core: when each length was known, when each block was here. */
  async live([core], options) {
    const known = new Map()
    const arrived = new Map()
    await core.known()
    await core.get(0)
    let length = core.length
    const complete = new Promise((resolve) => {
      const check = () => known.size >= options.requests && arrived.size >= options.requests && resolve()
      core.on('append', () => {
        const now = process.hrtime.bigint()
        for (; length < core.length; length++) known.set(length, now)
        check()
      })
      core.on('download', (index) => {
        arrived.set(index, process.hrtime.bigint())
        check()
      })
    })
    core.follow()
    process.stdout.write(JSON.stringify({ event: 'following' }) + '\n')
    const clocks = clock()
    await complete
    const times = clocks.stop()
    const latencies = new Latencies()
    const arrivals = new Latencies()
    for (const [index, moment] of known) {
      const stamp = (await core.get(index)).readBigInt64LE(0)
      latencies.add(moment - stamp)
      arrivals.add(arrived.get(index) - stamp)
    }
    return { blocks: known.size, times, more: { ...latencies.fields(), ...arrivals.fields('block_') } }
  }
}

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const input = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const next = async () => (await input.next()).value
  const cores = []
  for (let key = await next(); key !== undefined && key !== 'end'; key = await next()) cores.push(await store.core({ key }))
  process.stdout.write(JSON.stringify({ event: 'ready' }) + '\n')
  await next()
  const clocks = clock()
  const [host, port] = options.address.split(':')
  const socket = join(store, net.connect(Number(port), host), true)
  const { blocks, times, more } = await (workloads[options.workload] || workloads.all)(cores, options)
  report(options, blocks, times || clocks.stop(), more)
  socket.destroy()
  process.exit(0)
})
