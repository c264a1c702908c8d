'use strict'

// Many cores, one caller each: every core appends its batches one after another, all cores at once.

const { flags, scratchStore, batchOf, clock, Latencies, report, main } = require('./common')

main(async () => {
  const options = flags({ cores: 1000, blocks: 20 })
  const store = await scratchStore(options)
  const cores = Array.from({ length: options.cores }, (unused, i) => store.get({ name: 'bench-' + i }))
  await Promise.all(cores.map((core) => core.ready()))
  const batch = batchOf(options)
  const latencies = new Latencies()
  const clocks = clock()
  await Promise.all(cores.map(async (core) => {
    for (let done = 0; done < options.blocks; done += options.batch) {
      const part = options.blocks - done < options.batch ? batch.slice(0, options.blocks - done) : batch
      await latencies.time(() => core.append(part))
    }
  }))
  report('append-many', options, options.cores * options.blocks, clocks.stop(), latencies.fields())
  await store.close()
})
