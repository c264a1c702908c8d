'use strict'

// What one GET /metrics takes from a server that has so many cores open, each of which was appended to.

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline')

const WRITERS = 64
const SCRAPES = 60

/** One request over kept connections: the body's text, and the milliseconds until its end. */
function ask(agent, address, method, target, body) {
  const [host, port] = address.split(':')
  const begin = process.hrtime.bigint()
  return new Promise((resolve, reject) => {
    const headers = body ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } : {}
    const request = http.request({ agent, host, port, method, path: target, headers }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString()
        if (answer.statusCode >= 300) return reject(new Error(`${method} ${target}: ${answer.statusCode} ${text}`))
        resolve({ text, ms: Number(process.hrtime.bigint() - begin) / 1e6 })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** A server with a store of its own, until `use` is done with its HTTP address. */
async function serving(program, use) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'corestore-figures-'))
  const settings = path.join(folder, 'scrape.conf')
  fs.writeFileSync(settings, `[store]\npath = ${folder}/data\ncache.active = 1000000\ncache.passive = 1000000\n` +
    '[replication]\nlisten = 127.0.0.1:0\n[http]\nlisten = 127.0.0.1:0\n[node]\nlisten = off\n[log]\nlevel = warn\n')
  const server = spawn(program, ['--config', settings], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => server.once('close', resolve))
  try {
    const lines = readline.createInterface({ input: server.stdout })[Symbol.asyncIterator]()
    const { value, done } = await lines.next()
    if (done) throw new Error(`${program} ended before it was ready`)
    return await use(JSON.parse(value).http)
  } finally {
    server.kill('SIGTERM')
    await ended
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Median and longest of the scrapes in milliseconds, and how many cores the server says are open. */
function scrape(program, cores) {
  return serving(program, async (address) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: WRITERS })
    let next = 0
    const write = async () => {
      for (let i = next++; i < cores; i = next++) {
        const { key } = JSON.parse((await ask(agent, address, 'POST', '/v1/cores', JSON.stringify({ name: `core-${i}` }))).text)
        await ask(agent, address, 'POST', `/v1/cores/${key}/blocks`, JSON.stringify({ blocks: ['aGVsbG8='] }))
      }
    }
    await Promise.all(Array.from({ length: WRITERS }, write))
    const times = []
    let open = 0
    for (let i = 0; i < SCRAPES; i++) {
      const { text, ms } = await ask(agent, address, 'GET', '/metrics')
      times.push(ms)
      const states = [...text.matchAll(/^corestore_cores\{state="(\w+)"\} (\d+)/gm)]
      open = states.filter(([, state]) => state !== 'known').reduce((sum, [, , count]) => sum + Number(count), 0)
    }
    agent.destroy()
    times.sort((a, b) => a - b)
    return { open, p50: times[SCRAPES / 2], longest: times[SCRAPES - 1] }
  })
}

module.exports = { scrape }
