'use strict'

// `replicate` as a whole: one serving process, --peers fetching ones over loopback TCP, one line of results. The CPU of the
// fetching side is cpu_s (summed; peak_rss_mb is the largest), that of the serving side serve_cpu_s. With --serve-with
// PROGRAM the cores are served by that corestore-bench instead of by JavaScript.

const path = require('node:path')
const readline = require('node:readline')
const { spawn } = require('node:child_process')
const { flags, report, rounded, main } = require('./common')

function start(script, args) {
  return startProgram(process.execPath, [path.join(__dirname, script), ...args])
}

function startProgram(program, args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  process.on('exit', () => child.kill('SIGKILL'))
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  child.line = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(args[0] + ' ended without its line')
    return JSON.parse(value)
  }
  return child
}

function nativeArguments(options) {
  return ['replicate', '--role', 'serve', '--cores', options.cores, '--blocks', options.blocks, '--block-size',
    options.blockSize, '--batch', options.batch, '--seed', options.seed, '--json'].map(String)
}

main(async () => {
  const options = flags()
  const same = process.argv.slice(2).filter((word, i, words) => word !== '--serve-with' && words[i - 1] !== '--serve-with')
  const server = options.serveWith ? startProgram(options.serveWith, nativeArguments(options)) : start('replicate-serve.js', same)
  const ready = await server.line()
  const keys = ready.keys.flatMap((key) => ['--key', key])
  const results = await Promise.all(Array.from({ length: options.peers }, () => {
    return start('replicate-fetch.js', [...same, '--address', ready.listen, ...keys]).line()
  }))
  server.stdin.end()
  const served = await server.line()
  const sum = (field) => results.reduce((total, result) => total + result[field], 0)
  const wall = Math.max(...results.map((result) => result.wall_s))
  const peak = rounded(Math.max(...results.map((result) => result.peak_rss_mb)))
  const more = { serve_cpu_s: served.cpu_s, serve_peak_rss_mb: served.peak_rss_mb, peak_rss_mb: peak }
  report('replicate', options, sum('blocks'), { wall_s: wall, cpu_s: sum('cpu_s') }, more)
})
