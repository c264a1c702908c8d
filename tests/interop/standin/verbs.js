'use strict'

const fs = require('node:fs')
const net = require('node:net')

const ABSENT = 1

function print(run, value) {
  run.write(JSON.stringify(value) + '\n')
}

async function open({ store, options, args, openCore }) {
  const core = await openCore(store, args[0], options.namespace)
  if (core === null) throw new Error('no such core: ' + args[0])
  return core
}

async function create(run) {
  const name = run.args[0]
  const args = [name === undefined ? 'name:' + Math.random() : 'name:' + name]
  print(run, await run.record(await open({ ...run, args })))
}

async function info(run) {
  if (run.args.length === 0) {
    let cores = 0
    for await (const unused of run.store.list()) cores++
    return print(run, { cores })
  }
  const { record } = run
  print(run, await record(await open(run)))
}

async function list(run) {
  const { store, record } = run
  for await (const discoveryKey of store.list()) print(run, await record(await ready(store.get({ discoveryKey }))))
}

async function ready(core) {
  await core.ready()
  return core
}

async function append(run) {
  const core = await open(run)
  const batch = Number(run.options.batch || 1)
  let pending = []
  const commit = async () => {
    if (pending.length === 0) return
    const blocks = run.FAULT === 'lose' && core.length % 50 === 49 ? [] : pending
    await core.append(blocks)
    if (run.options.json) print(run, { length: core.length + pending.length - blocks.length, byteLength: core.byteLength })
    pending = []
  }
  for await (const block of input(run)) {
    pending.push(run.FAULT === 'bytes' && block.length > 0 ? Buffer.from(block.toString('latin1').slice(1) + '?', 'latin1') : block)
    if (pending.length >= batch) await commit()
  }
  await commit()
}

async function * input({ options, args, stdin }) {
  const size = Number(options['block-size'] || 0)
  if (!options.lines && size === 0) {
    for (const file of args.slice(1)) yield fs.readFileSync(file)
    return
  }
  const end = () => options.lines ? rest.indexOf(10) : rest.length >= size ? size : -1
  let rest = Buffer.alloc(0)
  for await (const data of stdin) {
    rest = Buffer.concat([rest, data])
    for (let at = end(); at !== -1; at = end()) {
      yield rest.subarray(0, at)
      rest = rest.subarray(options.lines ? at + 1 : at)
    }
  }
  if (rest.length > 0) yield rest
}

async function get(run) {
  const core = await open(run)
  const index = Number(run.args[1])
  if (index >= core.length || !(await core.has(index))) {
    run.complain(`block ${index} is not here\n`)
    return ABSENT
  }
  run.write(await core.get(index))
}

async function cat(run) {
  const core = await open(run)
  const end = Number(run.options.end || core.length)
  for (let index = Number(run.options.start || 0); index < end; index++) {
    const block = await core.get(index, { wait: false })
    if (run.options.json) print(run, { index, base64: block.toString('base64') })
    else run.write(block)
  }
}

async function seek(run) {
  const [index, offset] = await (await open(run)).seek(Number(run.args[1]))
  print(run, { index, offset })
}

async function truncate(run) {
  const core = await open(run)
  await core.truncate(Number(run.args[1]))
  print(run, await run.record(core))
}

async function verify(run) {
  for (const name of run.args.length > 0 ? run.args : []) {
    const core = await open({ ...run, args: [name] })
    const audit = await core.core.audit({ dryRun: true })
    if (audit === null || audit.corrupt || audit.droppedTreeNodes + audit.droppedBlocks + audit.droppedBits > 0) return 1
  }
  if (run.options.json) print(run, { ok: true })
}

async function replicate(run) {
  const { store, options, args, target } = run
  const cores = []
  for (const key of options.key) cores.push(await ready(store.get({ key: Buffer.from(key, 'hex') })))
  const socket = net.connect(target(args[0]))
  socket.on('error', () => {})
  const stream = store.replicate(true)
  stream.on('error', () => {})
  socket.pipe(stream).pipe(socket)
  const work = Promise.all(cores.map(async (core) => {
    await core.update({ wait: true })
    await core.download({ start: 0, end: core.length }).done()
  }))
  const late = new Promise((resolve) => setTimeout(resolve, Number(options.timeout || 30000), 'late').unref())
  const gone = new Promise((resolve) => socket.once('close', resolve, 'gone'))
  const end = await Promise.race([work, late, gone])
  socket.destroy()
  return Array.isArray(end) ? 0 : 1
}

module.exports = { verbs: { create, info, list, append, get, cat, seek, truncate, verify, replicate } }
