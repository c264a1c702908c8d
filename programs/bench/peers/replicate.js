'use strict'

// What runs in two processes as a whole: one serving process, --peers fetching ones over loopback TCP, one line of results. The
// CPU of the fetching side is cpu_s (summed; peak_rss_mb is the largest), that of the serving side serve_cpu_s. With --serve-with
// PROGRAM the cores are served by that corestore-bench instead of by JavaScript; with --reader-processor NUMBER the fetching
// processes stay on that processor.

const path = require('node:path')
const readline = require('node:readline')
const { spawn } = require('node:child_process')
const { flags, report, rounded, main } = require('./common')

function start(script, args, processor = '') {
  const words = [process.execPath, path.join(__dirname, script), ...args]
  if (processor !== '') words.unshift('taskset', '--cpu-list', processor)
  return startProgram(words[0], words.slice(1))
}

const children = []
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')))

function startProgram(program, args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  child.line = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(args[0] + ' ended without its line')
    return JSON.parse(value)
  }
  return child
}

function nativeArguments(options) {
  return [options.workload, '--role', 'serve', '--cores', options.cores, '--blocks', options.blocks, '--block-size',
    options.blockSize, '--batch', options.batch, '--requests', options.requests, '--rate', options.rate, '--seed', options.seed,
    '--durability', options.durability, '--generation', options.generation, '--json'].map(String)
}

const percentiles = (line, prefix) => Object.fromEntries(Object.entries(line).filter(([name]) => name.startsWith(prefix)))

main(async () => {
  const options = flags()
  const same = process.argv.slice(2).filter((word, i, words) => word !== '--serve-with' && words[i - 1] !== '--serve-with')
  const server = options.serveWith ? startProgram(options.serveWith, nativeArguments(options)) : start('replicate-serve.js', same)
  const ready = await server.line()
  const fetchers = Array.from({ length: options.peers }, () => start('replicate-fetch.js', [...same, '--address', ready.listen], options.readerProcessor))
  for (const fetcher of fetchers) fetcher.stdin.write(ready.keys.join('\n') + '\nend\n')
  await Promise.all(fetchers.map((fetcher) => fetcher.line()))
  for (const fetcher of fetchers) fetcher.stdin.write('go\n')
  if (options.workload === 'live') {
    await Promise.all(fetchers.map((fetcher) => fetcher.line()))
    server.stdin.write('go\n')
  }
  const results = await Promise.all(fetchers.map((fetcher) => fetcher.line()))
  server.stdin.end()
  const served = await server.line()
  const sum = (field) => results.reduce((total, result) => total + result[field], 0)
  const times = { wall_s: Math.max(...results.map((result) => result.wall_s)), cpu_s: sum('cpu_s'), bytes_written: sum('bytes_written') }
  report(options, sum('blocks'), times, {
    ...percentiles(results[0], 'p50'), ...percentiles(results[0], 'p9'),
    ...percentiles(results[0], 'block_p'), ...percentiles(results[0], 'block_max'),
    ...percentiles(results[0], 'max_'),
    ...percentiles(served, 'append_'),
    serve_cpu_s: served.cpu_s,
    serve_peak_rss_mb: served.peak_rss_mb,
    peak_rss_mb: rounded(Math.max(...results.map((result) => result.peak_rss_mb)))
  })
})
