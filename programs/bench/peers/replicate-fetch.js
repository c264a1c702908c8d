'use strict'

// The fetching side of `replicate`: connects to --address, downloads all blocks of every --key, prints the result line. Works
// against any peer that serves these cores.

const net = require('node:net')
const { flags, scratchStore, clock, report, main } = require('./common')

main(async () => {
  const options = flags()
  if (!options.address || options.keys.length === 0) throw new Error('--address and --key are needed')
  const store = await scratchStore(options)
  const cores = options.keys.map((key) => store.get({ key: Buffer.from(key, 'hex') }))
  await Promise.all(cores.map((core) => core.ready()))
  const clocks = clock()
  const [host, port] = options.address.split(':')
  const socket = net.connect(Number(port), host)
  const stream = store.replicate(true)
  socket.setNoDelay(true)
  socket.on('error', () => {})
  stream.on('error', () => {})
  socket.pipe(stream).pipe(socket)
  let blocks = 0
  await Promise.all(cores.map(async (core) => {
    await core.update({ wait: true })
    await core.download({ start: 0, end: core.length }).done()
    blocks += core.length
  }))
  report('replicate', options, blocks, clocks.stop())
  socket.destroy()
  await store.close()
})
