'use strict'

// A crowd of HTTP clients in a process of its own: idle ones hold a connection after one request, busy ones send the next
// request as soon as the last is answered. Commands come as messages of the parent.
//   { do: 'gather', host, count } -> { idle }           once every idle client has had its answer
//   { do: 'run', host, busy, ms, requests: [text] } -> { answers, failures, p50, p99, slowest, fewest, lost }

const net = require('node:net')

const idle = []
let lost = 0 // idle clients that were cut off

function client(host, isIdle = false) {
  const at = host.lastIndexOf(':')
  const socket = net.connect({ host: host.slice(0, at), port: Number(host.slice(at + 1)), noDelay: true })
  let rest = Buffer.alloc(0)
  let settle = null
  socket.on('data', (data) => {
    rest = rest.length > 0 ? Buffer.concat([rest, data]) : data
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = rest.subarray(0, end).toString('latin1')
    const size = end + 4 + Number(/content-length: (\d+)/i.exec(head)[1])
    if (rest.length < size) return
    rest = rest.subarray(size)
    settle.resolve(Number(head.slice(9, 12)))
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    if (isIdle) lost++
    if (settle) settle.reject(new Error('the server hung up'))
  })
  const ask = (text) => new Promise((resolve, reject) => {
    settle = { resolve, reject }
    socket.write(text)
  })
  return { socket, ask }
}

async function gather({ host, count }) {
  for (let i = 0; i < count; i += 50) {
    const few = Array.from({ length: Math.min(50, count - i) }, () => client(host, true))
    idle.push(...few)
    await Promise.all(few.map((one) => one.ask(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`)))
  }
  return { idle: idle.length }
}

async function run({ host, busy, ms, requests }) {
  const times = []
  let failures = 0
  let fewest = Infinity
  const end = Date.now() + ms
  await Promise.all(Array.from({ length: busy }, async (_, who) => {
    const one = client(host)
    let answers = 0
    for (let i = who; Date.now() < end; i++) {
      const begin = performance.now()
      const status = await one.ask(requests[i % requests.length]).catch(() => 0)
      if (status !== 200) failures++
      if (status === 0) break
      times.push(performance.now() - begin)
      answers++
    }
    fewest = Math.min(fewest, answers)
    one.socket.destroy()
  }))
  times.sort((a, b) => a - b)
  const at = (share) => Number(times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1))
  return { answers: times.length, failures, fewest, p50: at(0.5), p99: at(0.99), slowest: at(1), lost }
}

process.on('message', async (message) => {
  const work = { gather, run }[message.do]
  process.send(await work(message).catch((err) => ({ error: err.stack })))
})
