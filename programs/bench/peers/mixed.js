'use strict'

// --callers callers on --cores cores: --reads percent random reads of stored blocks, the others appends.

const { flags, scratchStore, batchOf, chance, clock, Latencies, report, main } = require('./common')

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const cores = await Promise.all(Array.from({ length: options.cores }, (unused, i) => store.core({ name: 'bench-' + i })))
  const batch = batchOf(options)
  for (const core of cores) await core.append(batch)
  const random = chance(options.seed)
  const all = new Latencies()
  const gets = new Latencies()
  const appends = new Latencies()
  const total = options.blocks * options.cores
  let blocks = 0
  const clocks = clock()
  async function call() {
    const core = cores[Math.floor(random() * cores.length)]
    const begin = process.hrtime.bigint()
    const reads = random() * 100 < options.reads
    blocks += reads ? 1 : batch.length
    await (reads ? core.get(Math.floor(random() * core.length)) : core.append(batch))
    const ns = process.hrtime.bigint() - begin
    for (const latencies of [all, reads ? gets : appends]) latencies.add(ns)
  }
  await Promise.all(Array.from({ length: Math.max(options.callers, 1) }, async () => {
    while (blocks < total) await call()
  }))
  const more = { ...all.fields(), ...gets.fields('get_'), ...appends.fields('append_') }
  report(options, blocks, clocks.stop(), { ...more, gets: gets.ms.length, appends: appends.ms.length })
  await store.close()
})
