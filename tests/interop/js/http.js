'use strict'

// A client of the HTTP surface as it comes out of the box: fetch, and plain sockets where fetch is too polite.

const net = require('node:net')
const http = require('node:http')

class Api {
  constructor(server) {
    this.host = server.info.http
    this.base = 'http://' + this.host
  }

  /** { status, headers, text, json } of a request; a body that is no string or Buffer is sent as JSON. */
  async call(method, path, body, headers = {}) {
    const init = { method, headers }
    if (body !== undefined) {
      const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
      init.body = isRaw ? body : JSON.stringify(body)
      if (!isRaw) init.headers = { 'content-type': 'application/json', ...headers }
    }
    const response = await fetch(this.base + path, init)
    const bytes = Buffer.from(await response.arrayBuffer())
    const type = response.headers.get('content-type') || ''
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      json: type.startsWith('application/json') && bytes.length > 0 ? JSON.parse(bytes) : null
    }
  }

  get(path, headers) {
    return this.call('GET', path, undefined, headers)
  }

  post(path, body = {}, headers) {
    return this.call('POST', path, body, headers)
  }

  /** The answer of a request that must succeed. */
  async json(method, path, body) {
    const answer = await this.call(method, path, body)
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.bytes}`)
    return answer.json
  }

  append(key, block) {
    return this.call('POST', `/v1/cores/${key}/blocks`, Buffer.from(block), {
      'content-type': 'application/octet-stream'
    })
  }

  /** Sends bytes as they are; resolves with everything that came until the server closed. */
  raw(text) {
    const [host, port] = [this.host.slice(0, this.host.lastIndexOf(':')), this.host.slice(this.host.lastIndexOf(':') + 1)]
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host, port })
      const parts = []
      socket.on('data', (data) => parts.push(data))
      socket.on('error', reject)
      socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')))
      socket.write(text)
    })
  }

  /** An open answer: { response, lines(), close() }; lines() is an async iterator. */
  stream(path, headers = {}) {
    return new Promise((resolve, reject) => {
      const request = http.get(this.base + path, { headers, agent: false }, (response) => {
        response.setEncoding('utf8')
        resolve({ response, lines: () => lines(response), close: () => request.destroy() })
      })
      request.on('error', reject)
    })
  }
}

async function* lines(response) {
  let rest = ''
  try {
    for await (const chunk of response) {
      rest += chunk
      const found = rest.split('\n')
      rest = found.pop()
      yield* found
    }
  } catch (err) {
    if (err.code !== 'ECONNRESET' && err.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw err
  }
}

/** Server-sent events of an open answer as { event, data }. */
async function* events(stream) {
  let event = null
  for await (const line of stream.lines()) {
    if (line.startsWith('event: ')) event = line.slice(7)
    else if (line.startsWith('data: ')) yield { event, data: JSON.parse(line.slice(6)) }
  }
}

module.exports = { Api, events }
