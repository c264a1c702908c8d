#!/usr/bin/env node
'use strict'

// Moves the cores of a corestore 7 directory into a running corestored. Only the JavaScript package reads its database, so the
// package reads, the server replicates from it, and both are compared afterwards. See docs/migration.md.
//
//   node move-in.js DIR --write-primary-key FILE
//   node move-in.js DIR --http http://HOST:PORT --peer HOST:PORT [--namespace a/b]... [--token TOKEN] [--plan] [--wait MS]
//
// Prints one line of JSON for each core and one with the sums; exit code 1 when a core was not brought whole. `corestore` 7 is
// taken from the folder that this is run in. The directory is opened read-only.

const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { createRequire } = require('node:module')

function usage(reason) {
  process.stderr.write(`move-in: ${reason}; see the head of this file\n`)
  process.exit(2)
}

function parse(args) {
  const options = { directory: null, namespaces: [], wait: 600000, plan: false }
  const named = { '--http': 'http', '--peer': 'peer', '--token': 'token', '--write-primary-key': 'keyFile' }
  for (let i = 0; i < args.length; i++) {
    if (named[args[i]]) options[named[args[i]]] = args[++i]
    else if (args[i] === '--namespace') options.namespaces.push(args[++i])
    else if (args[i] === '--wait') options.wait = Number(args[++i])
    else if (args[i] === '--plan') options.plan = true
    else if (options.directory === null && !args[i].startsWith('--')) options.directory = args[i]
    else usage('not understood: ' + args[i])
  }
  if (options.directory === null) usage('a directory is needed')
  if (!fs.existsSync(path.join(options.directory, 'db')) && !fs.existsSync(path.join(options.directory, 'CURRENT'))) {
    usage(options.directory + ' is no store of corestore 7')
  }
  if (!options.keyFile && !options.plan && (!options.http || !options.peer)) usage('--http and --peer are needed')
  return options
}

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

class Target {
  constructor({ http, token }) {
    this.base = http
    this.token = token
  }

  async call(method, route, body) {
    const headers = { 'content-type': 'application/json' }
    if (this.token) headers.authorization = 'Bearer ' + this.token
    const init = { method, headers, body: body && JSON.stringify(body) }
    const answer = await fetch(this.base + route, init)
    const content = await answer.json()
    if (!answer.ok) throw new Error(`${method} ${route}: ${content.error ? content.error.message : answer.status}`)
    return content
  }
}

/** The manifest as the HTTP API takes it. */
function manifestJson(manifest) {
  const json = { ...manifest, signers: manifest.signers.map((one) => ({ ...one, namespace: hex(one.namespace), publicKey: hex(one.publicKey) })) }
  if (manifest.prologue) json.prologue = { hash: hex(manifest.prologue.hash), length: manifest.prologue.length }
  if (manifest.linked) json.linked = manifest.linked.map(hex)
  if (manifest.userData) json.userData = hex(manifest.userData)
  for (const name of Object.keys(json)) if (json[name] === null) delete json[name]
  return json
}

/** Names by discovery key: { name, namespace: hex }. */
async function aliases(store) {
  const found = new Map()
  for await (const { alias, discoveryKey } of store.storage.createAliasStream()) {
    found.set(hex(discoveryKey), { name: alias.name, namespace: hex(alias.namespace) })
  }
  return found
}

/** Namespace ids that are known by name. */
function namespaces(store, list) {
  const known = new Map([[hex(store.ns), []]])
  for (const path of list) {
    const names = path.split('/')
    let inner = store
    names.forEach((name, i) => {
      inner = inner.namespace(name)
      known.set(hex(inner.ns), names.slice(0, i + 1))
    })
  }
  return known
}

/** The stored ranges of a core. */
async function ranges(core) {
  if (core.contiguousLength >= core.length) return core.length > 0 ? [[0, core.length]] : []
  const found = []
  for (let i = 0; i < core.length; i++) {
    if (!(await core.has(i))) continue
    const last = found[found.length - 1]
    if (last && last[1] === i) last[1]++
    else found.push([i, i + 1])
  }
  return found
}

/** Opens the core at the target: by name where that leads to the same key, else with its key pair, else by key. */
async function openThere(target, core, auth, alias, known) {
  const key = hex(core.key)
  const names = alias && known.get(alias.namespace)
  if (names) {
    const record = await target.call('POST', '/v1/cores', { name: alias.name, namespace: names, ...(auth.manifest && { manifest: manifestJson(auth.manifest) }) }).catch(() => null)
    if (record && record.key === key) return { record, name: alias.name }
  }
  const pair = auth.keyPair && auth.keyPair.secretKey ? auth.keyPair : core.keyPair
  if (pair && pair.secretKey && auth.manifest && core.writable) {
    const record = await target.call('POST', '/v1/cores', {
      keyPair: { publicKey: hex(pair.publicKey), secretKey: hex(pair.secretKey) },
      manifest: manifestJson(auth.manifest)
    })
    if (record.key === key) return { record, name: null }
  }
  return { record: await target.call('POST', '/v1/cores', { key, generation: 10 }), name: null }
}

async function bring(target, core, auth, alias, known, options) {
  const { record, name } = await openThere(target, core, auth, alias, known)
  const there = '/v1/cores/' + record.key
  const stored = await ranges(core)
  for (const [start, end] of stored) await target.call('POST', there + '/download', { start, end, wait: options.wait })
  const blocks = stored.reduce((sum, [start, end]) => sum + end - start, 0)
  const after = await target.call('GET', there)
  const line = { key: record.key, name, writable: after.writable, length: core.length, fork: core.fork, blocks }
  const treeHash = core.length > 0 ? hex(await core.treeHash()) : null
  if (core.length > 0 && (after.length !== core.length || after.fork !== core.fork || after.treeHash !== treeHash)) {
    line.error = `there it has length ${after.length}, fork ${after.fork}, tree hash ${after.treeHash}`
  } else if (stored.length === 1 && stored[0][0] === 0 && after.contiguousLength < stored[0][1]) {
    line.error = `${after.contiguousLength} of ${stored[0][1]} blocks came`
  }
  return line
}

async function main() {
  const options = parse(process.argv.slice(2))
  const Corestore = createRequire(path.join(process.cwd(), 'package.json'))('corestore')
  const store = new Corestore(options.directory, { readOnly: true })
  await store.ready()
  if (options.keyFile) {
    fs.writeFileSync(options.keyFile, hex(store.primaryKey) + '\n', { mode: 0o600, flag: 'wx' })
    await store.close()
    return 0
  }
  const names = await aliases(store)
  const known = namespaces(store, options.namespaces)
  const target = options.plan ? null : new Target(options)
  let socket = null
  if (target) {
    const at = options.peer.lastIndexOf(':')
    socket = net.connect({ host: options.peer.slice(0, at), port: Number(options.peer.slice(at + 1)) })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    const stream = store.replicate(true)
    for (const end of [socket, stream]) end.on('error', (err) => process.stderr.write(`move-in: ${err.message}\n`))
    socket.pipe(stream).pipe(socket)
  }
  const sums = { cores: 0, blocks: 0, byteLength: 0, failed: 0 }
  for await (const discoveryKey of store.list()) {
    const auth = (await store.getAuth(discoveryKey)) || {}
    const core = store.get({ key: auth.key, active: true })
    await core.ready()
    core.core.flushHints = async () => {} // what the remote has is written down otherwise, and the store is only read
    let line = { key: hex(core.key), name: (names.get(hex(discoveryKey)) || {}).name || null, length: core.length, fork: core.fork }
    try {
      if (target) line = await bring(target, core, auth, names.get(hex(discoveryKey)), known, options)
      else line.blocks = (await ranges(core)).reduce((sum, [start, end]) => sum + end - start, 0)
    } catch (err) {
      line.error = err.message
    }
    sums.cores++
    sums.blocks += line.blocks || 0
    sums.byteLength += core.byteLength
    if (line.error) sums.failed++
    say(line)
    await core.close()
  }
  say(sums)
  if (socket) socket.destroy()
  await store.close()
  return sums.failed > 0 ? 1 : 0
}

main().then((code) => process.exit(code), (err) => {
  process.stderr.write(`move-in: ${err.message}\n`)
  process.exit(1)
})
