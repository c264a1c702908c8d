'use strict'

// One core, one caller: batches are appended one after another.

const { flags, scratchStore, batchOf, clock, Latencies, report, main } = require('./common')

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const core = store.get({ name: 'bench' })
  await core.ready()
  const batch = batchOf(options)
  const latencies = new Latencies()
  const clocks = clock()
  for (let done = 0; done < options.blocks; done += options.batch) {
    const part = options.blocks - done < options.batch ? batch.slice(0, options.blocks - done) : batch
    await latencies.time(() => core.append(part))
  }
  report('append', options, options.blocks, clocks.stop(), latencies.fields())
  await store.close()
})
