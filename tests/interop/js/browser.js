'use strict'

// A headless Chromium, driven over its debugging pipe: no port, no package.

const fs = require('node:fs')
const { spawn, spawnSync } = require('node:child_process')

/** Path of the browser, or null where none is installed. */
function find() {
  const found = spawnSync('sh', ['-c', 'command -v chromium || command -v chromium-browser || command -v google-chrome'])
  return found.status === 0 ? found.stdout.toString().trim() : null
}

class Browser {
  constructor(program, profile) {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
      '--remote-debugging-pipe', '--user-data-dir=' + profile, 'about:blank']
    this.child = spawn(program, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
    this.ended = new Promise((resolve) => this.child.once('close', resolve))
    this.answers = new Map()
    this.next = 1
    this.troubles = []
    this.loaded = () => {}
    let rest = ''
    this.child.stdio[4].setEncoding('utf8')
    this.child.stdio[4].on('data', (data) => {
      const parts = (rest + data).split('\0')
      rest = parts.pop()
      for (const part of parts) this._take(JSON.parse(part))
    })
    this.child.stdio[3].on('error', () => {})
  }

  _take(message) {
    if (message.method === 'Runtime.exceptionThrown') this.troubles.push(message.params.exceptionDetails.text)
    if (message.method === 'Log.entryAdded' && message.params.entry.level === 'error') {
      this.troubles.push(message.params.entry.text)
    }
    if (message.method === 'Page.loadEventFired') this.loaded()
    const waiting = this.answers.get(message.id)
    if (!waiting) return
    this.answers.delete(message.id)
    if (message.error) waiting.reject(new Error(message.error.message))
    else waiting.resolve(message.result)
  }

  send(method, params = {}, sessionId = this.session) {
    const id = this.next++
    this.child.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0')
    return new Promise((resolve, reject) => this.answers.set(id, { resolve, reject }))
  }

  async open(url, { width = 1280, height = 1100 } = {}) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' })
    this.session = (await this.send('Target.attachToTarget', { targetId, flatten: true })).sessionId
    await this.send('Runtime.enable')
    await this.send('Log.enable')
    await this.send('Page.enable')
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
    // the answer to a navigation comes before the new document has its elements
    const loaded = new Promise((resolve) => (this.loaded = resolve))
    const { errorText } = await this.send('Page.navigate', { url })
    if (errorText) throw new Error(`${url}: ${errorText}`)
    await loaded
  }

  /** The value of an expression in the page. */
  async value(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression, returnByValue: true, awaitPromise: true
    })
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  async key(key, code = key, text) {
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, code, text })
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code })
  }

  async type(text) {
    await this.send('Input.insertText', { text })
  }

  scheme(value) {
    return this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })
  }

  async screenshot(file) {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' })
    fs.writeFileSync(file, Buffer.from(data, 'base64'))
  }

  async close() {
    await this.send('Browser.close', {}, undefined).catch(() => {})
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000)
    await this.ended
    clearTimeout(timer)
  }
}

module.exports = { Browser, find }
