'use strict'

// The serving side of `replicate`: fills --cores cores, listens, prints {"event":"ready","listen":…,"key":…,"keys":[…]}, and
// serves until standard input ends or SIGTERM; then prints {"event":"done","cpu_s":…,"peak_rss_mb":…} (CPU since ready).

const net = require('node:net')
const { flags, scratchStore, fill, clock, rounded, peakRss, main } = require('./common')

main(async () => {
  const options = flags()
  const store = await scratchStore(options)
  const keys = []
  for (let i = 0; i < options.cores; i++) {
    const core = store.get({ name: 'bench-' + i })
    await core.ready()
    await fill(core, options)
    keys.push(core.key.toString('hex'))
  }
  const server = net.createServer((socket) => {
    const stream = store.replicate(false)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    stream.on('error', () => {})
    socket.pipe(stream).pipe(socket)
  })
  const [host, port] = options.listen.split(':')
  await new Promise((resolve) => server.listen(Number(port), host, resolve))
  const listen = `${host}:${server.address().port}`
  const clocks = clock()
  process.stdout.write(JSON.stringify({ event: 'ready', listen, key: keys[0], keys }) + '\n')
  const end = () => {
    const line = { event: 'done', cpu_s: rounded(clocks.stop().cpu_s), peak_rss_mb: rounded(peakRss()) }
    process.stdout.write(JSON.stringify(line) + '\n', () => process.exit(0))
  }
  process.once('SIGTERM', end)
  process.stdin.once('end', end).resume()
})
