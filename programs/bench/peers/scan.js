'use strict'

// One core of --blocks blocks, read in order through its read stream.

const { flags, scratchStore, fill, clock, report, main } = require('./common')

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const core = await store.core({ name: 'bench' })
  await fill(core, options)
  const clocks = clock()
  let blocks = 0
  for await (const block of core.createReadStream()) blocks += block.length === options.blockSize ? 1 : 0
  report(options, blocks, clocks.stop())
  await store.close()
})
