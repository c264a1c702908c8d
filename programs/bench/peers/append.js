'use strict'

// One core, one caller (or --callers): batches are appended one after another.

const { flags, scratchStore, batchOf, clock, Latencies, warmUp, report, main } = require('./common')

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const core = await store.core({ name: 'bench' })
  const batch = batchOf(options)
  const latencies = new Latencies()
  await warmUp(options, () => core.append(batch))
  const clocks = clock()
  let left = options.blocks
  await Promise.all(Array.from({ length: Math.max(options.callers, 1) }, async () => {
    while (left > 0) {
      const part = batch.slice(0, Math.min(left, batch.length))
      left -= part.length
      await latencies.time(() => core.append(part))
    }
  }))
  report(options, options.blocks, clocks.stop(), latencies.fields())
  await store.close()
})
