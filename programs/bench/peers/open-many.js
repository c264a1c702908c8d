'use strict'

// Cores created by name, the store closed and opened again, and all of them opened: a latency is one opening.

const { flags, load, scratchFolder, clock, Latencies, report, rounded, main } = require('./common')

async function openAll(store, options, latencies) {
  const cores = []
  for (let first = 0; first < options.cores; first += 2048) {
    const some = Array.from({ length: Math.min(2048, options.cores - first) }, (unused, i) => 'core-' + (first + i))
    await Promise.all(some.map(async (name) => {
      await latencies.time(async () => {
        const core = store.get({ name })
        cores.push(core)
        await (options.generation === 9 ? new Promise((resolve) => core.ready(resolve)) : core.ready())
      })
    }))
  }
  return cores
}

main(async () => {
  const options = flags()
  const folder = scratchFolder()
  const Corestore = load(options.generation === 9 ? '@andrewosh/corestore-migration' : 'corestore', options)
  const close = (store) => (options.generation === 9 ? new Promise((resolve) => store.close(resolve)) : store.close())
  let store = new Corestore(folder)
  await store.ready()
  const creation = clock()
  await openAll(store, options, new Latencies())
  const createS = creation.stop().wall_s
  await close(store)
  const reopening = clock()
  store = new Corestore(folder)
  await store.ready()
  const reopenS = reopening.stop().wall_s
  if (global.gc) global.gc()
  const before = process.memoryUsage().rss
  const latencies = new Latencies()
  const clocks = clock()
  const cores = await openAll(store, options, latencies)
  const times = clocks.stop()
  report(options, cores.length, times, {
    ...latencies.fields(),
    bytes_per_core: Math.round((process.memoryUsage().rss - before) / options.cores),
    create_s: rounded(createS),
    reopen_s: rounded(reopenS)
  })
  await close(store)
})
