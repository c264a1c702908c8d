'use strict'

// One core of --blocks blocks, one caller: as many random reads, one at a time, warm.

const { flags, scratchStore, chance, fill, clock, Latencies, report, main } = require('./common')

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const core = store.get({ name: 'bench' })
  await core.ready()
  await fill(core, options)
  for (let i = 0; i < options.blocks; i++) await core.get(i)
  const random = chance(options.seed)
  const latencies = new Latencies()
  const clocks = clock()
  for (let i = 0; i < options.blocks; i++) await latencies.time(() => core.get(Math.floor(random() * options.blocks)))
  report('get', options, options.blocks, clocks.stop(), latencies.fields())
  await store.close()
})
