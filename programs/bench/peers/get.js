'use strict'

// One core of --blocks blocks, one caller (or --callers): as many random reads, or --requests, one at a time, warm.

const { flags, scratchStore, chance, fill, clock, Latencies, report, main } = require('./common')

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const core = await store.core({ name: 'bench' })
  await fill(core, options)
  const reads = options.requests || options.blocks
  for (let i = 0; i < Math.min(reads, options.blocks); i++) await core.get(i)
  const random = chance(options.seed)
  const latencies = new Latencies()
  const clocks = clock()
  let left = reads
  await Promise.all(Array.from({ length: Math.max(options.callers, 1) }, async () => {
    while (left-- > 0) await latencies.time(() => core.get(Math.floor(random() * options.blocks)))
  }))
  report(options, reads, clocks.stop(), latencies.fields())
  await store.close()
})
