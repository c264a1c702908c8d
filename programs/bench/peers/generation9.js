'use strict'

// corestore 5 over hypercore 9 with the face of the later ones, as far as the benchmark looks at it.

const { EventEmitter } = require('node:events')
const { load } = require('./common')

function call(target, name, ...args) {
  return new Promise((resolve, reject) => {
    target[name](...args, (err, value) => (err ? reject(err) : resolve(value)))
  })
}

class Core extends EventEmitter {
  constructor(core) {
    super()
    this.core = core
    core.on('append', () => this.emit('append'))
    core.on('download', (index) => this.emit('download', index))
  }

  get key() {
    return this.core.key
  }

  get length() {
    return this.core.length
  }

  append(blocks) {
    return call(this.core, 'append', blocks)
  }

  get(index) {
    return call(this.core, 'get', index)
  }

  createReadStream(options) {
    return this.core.createReadStream(options)
  }

  known() {
    return this.core.length > 0 ? Promise.resolve() : call(this.core, 'update', { ifAvailable: false })
  }

  async fetchAll() {
    await this.known()
    const length = this.core.length
    await call(this.core, 'download', { start: 0, end: length })
    return length
  }

  follow() {
    this.core.download({ start: 0, end: -1, linear: true })
  }

  close() {
    return call(this.core, 'close')
  }
}

async function open(folder, options) {
  const Corestore = load('@andrewosh/corestore-migration', options)

  const store = new Corestore(folder, { sparse: true })
  await store.ready()
  return {
    async core({ name, key }) {
      const core = store.get(key ? { key: Buffer.from(key, 'hex') } : { name })
      await call(core, 'ready')
      return new Core(core)
    },
    replicate: (isInitiator) => store.replicate(isInitiator, { live: true }),
    close: () => call(store, 'close')
  }
}

module.exports = { open }
