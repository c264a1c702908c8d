'use strict'

// Many cores, one caller each: every core appends its batches one after another, all cores at once.

const { flags, scratchStore, batchOf, clock, Latencies, warmUp, report, main } = require('./common')

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const cores = await Promise.all(Array.from({ length: options.cores }, (unused, i) => store.core({ name: 'bench-' + i })))
  const batch = batchOf(options)
  const latencies = new Latencies()
  await warmUp(options, () => Promise.all(cores.map((core) => core.append(batch))))
  const clocks = clock()
  await Promise.all(cores.map(async (core) => {
    for (let done = 0; done < options.blocks; done += options.batch) {
      const part = options.blocks - done < options.batch ? batch.slice(0, options.blocks - done) : batch
      await latencies.time(() => core.append(part))
    }
  }))
  report(options, options.cores * options.blocks, clocks.stop(), latencies.fields())
  await store.close()
})
