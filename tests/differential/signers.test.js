'use strict'

// Cores of several signers: what JavaScript wrote we verify and pass on, what was signed elsewhere and appended here
// JavaScript takes. Quorum, patches, prologue, linked cores and user data, manifests v0 to v2.

const assert = require('node:assert')
const { behaviour, blocks, reach, interop, WRITER } = require('./behaviour')

const crypto = interop('hypercore-crypto')
const Verifier = interop('hypercore/lib/verifier')
const multisig = interop('hypercore/lib/multisig')

const pairs = Array.from({ length: 3 }, (unused, i) => crypto.keyPair(Buffer.alloc(32, 50 + i)))
const signers = (count) => pairs.slice(0, count).map(({ publicKey }) => ({ publicKey }))

const MANIFESTS = {
  'one signer, version 0': { version: 0, signers: signers(1) },
  'one signer, version 1': { version: 1, signers: signers(1) },
  'two of three, version 0': { version: 0, quorum: 2, signers: signers(3) },
  'two of three, version 1': { version: 1, quorum: 2, signers: signers(3) },
  'two of three, version 2, linked, with user data': {
    version: 2, quorum: 2, signers: signers(3), linked: [Buffer.alloc(32, 9)], userData: Buffer.from('mine')
  },
  'patches allowed': { version: 1, quorum: 2, allowPatch: true, signers: signers(3) },
  'patches allowed, version 0': { version: 0, quorum: 2, allowPatch: true, signers: signers(3) }
}

/** A JavaScript core of the same manifest, so that there is somebody to make signatures and patches. */
async function atelier(node, manifest) {
  const core = node.store.get({ manifest })
  await core.ready()
  return core
}

/** A signature by the first `quorum` signers over `signable`. */
function assembled(manifest, signable) {
  const made = Verifier.createManifest(manifest)
  const quorum = made.quorum
  const verifier = new Verifier(Verifier.manifestHash(made), made)
  if (made.version === 0 && made.signers.length === 1) return crypto.sign(signable, pairs[0].secretKey)
  const inputs = pairs.slice(0, quorum).map((pair, signer) => {
    return { signer, signature: crypto.sign(signable, pair.secretKey), patch: 0, nodes: null }
  })
  return verifier.assemble(inputs)
}

async function signedAppend(core, manifest, list) {
  const batch = core.state.createTreeBatch()
  for (const bytes of list) batch.append(bytes)
  const { version, signers: all } = Verifier.createManifest(manifest)
  const context = version === 0 ? core.manifest.signers[0].namespace : core.key
  assert(all.length > 0)
  await core.append(list, { signature: assembled(manifest, batch.signable(context)) })
}

for (const [name, manifest] of Object.entries(MANIFESTS)) {
  behaviour(`JavaScript writes and we pass on: ${name}`, async (world) => {
    const writer = await world.js('writer', WRITER)
    const middle = await world.native('middle')
    const reader = await world.js('reader', Buffer.alloc(32, 3))
    const core = await atelier(writer, manifest)
    await signedAppend(core, manifest, blocks(3))
    await signedAppend(core, manifest, blocks(2, 3))
    await middle.open('log', core.key)
    await middle.dial(writer.port)
    await reach(middle, 5)
    await middle.download(0, 5, 10000)
    assert.strictEqual((await middle.state()).treeHash, (await core.treeHash()).toString('hex'))
    await signedAppend(core, manifest, blocks(1, 5))
    await reach(middle, 6)
    await middle.download(0, 6, 10000)
    assert.strictEqual((await middle._ask('record')).writable, false)
    await middle.hangUp(writer.port)
    await reader.open('log', core.key)
    await reader.dial(middle.port)
    await reach(reader, 6)
    await reader.download(0, 6, 10000)
    assert.deepStrictEqual(reader.core.manifest.signers, core.manifest.signers)
    assert.deepStrictEqual([reader.core.manifest.linked, reader.core.manifest.userData], [core.manifest.linked, core.manifest.userData])
  })

  behaviour(`signed elsewhere, appended here, read by JavaScript: ${name}`, async (world) => {
    const writer = await world.native('writer', WRITER)
    const reader = await world.js('reader')
    const made = Verifier.createManifest(manifest)
    const encoded = Verifier.encodeManifest(made)
    writer.core = 'log'
    const { key } = await writer._ask('open', { manifest: encoded.toString('hex') })
    assert.strictEqual(key, Verifier.manifestHash(made).toString('hex'))
    const toHex = (list) => list.map((bytes) => bytes.toString('hex'))

    // a batch says what is to be signed; nobody sees it before the signature is there
    await writer._ask('view', { view: 'batch', writable: true })
    await writer._ask('viewAppend', { view: 'batch', blocks: toHex(blocks(3)) })
    const first = Buffer.from((await writer._ask('viewSignable', { view: 'batch' })).value, 'hex')
    const wrong = assembled(manifest, Buffer.concat([first.subarray(1), Buffer.alloc(1)]))
    await assert.rejects(writer._ask('viewFlush', { view: 'batch', signature: wrong.toString('hex') }), /invalid_signature|signature/)
    await writer._ask('view', { view: 'again', writable: true })
    await writer._ask('viewAppend', { view: 'again', blocks: toHex(blocks(3)) })
    const signature = assembled(manifest, first).toString('hex')
    assert.strictEqual((await writer._ask('viewFlush', { view: 'again', signature })).length, 3)

    await reader.open('log', Buffer.from(key, 'hex'))
    await reader.dial(writer.port)
    await reach(reader, 3)
    // and an append that comes with its signature
    await writer._ask('view', { view: 'next', writable: true })
    await writer._ask('viewAppend', { view: 'next', blocks: toHex(blocks(2, 3)) })
    const second = Buffer.from((await writer._ask('viewSignable', { view: 'next' })).value, 'hex')
    await writer._ask('viewClose', { view: 'next' })
    const later = assembled(manifest, second).toString('hex')
    assert.strictEqual((await writer._ask('appendSigned', { blocks: toHex(blocks(2, 3)), signature: later })).length, 5)
    assert.strictEqual((await writer._ask('signable', { length: 5, fork: 0 })).value, second.toString('hex'))
    await reach(reader, 5)
    await reader.download(0, 5, 10000)
    assert.deepStrictEqual((await reader.state()).blocks, (await writer.state()).blocks)
  })
}

behaviour('a signer that is ahead counts for what the others have signed too', async (world) => {
  const manifest = MANIFESTS['patches allowed']
  const writer = await world.js('writer', WRITER)
  const middle = await world.native('middle')
  const reader = await world.js('reader', Buffer.alloc(32, 3))
  // what the second signer has: 5 blocks in a core of its own
  const ahead = writer.store.get({ name: 'ahead' })
  await ahead.append(blocks(5))
  const target = await atelier(writer, manifest)
  const signableOf = (count) => {
    const batch = target.state.createTreeBatch()
    for (const bytes of blocks(count)) batch.append(bytes)
    return batch.signable(target.key)
  }
  const patch = await multisig.partialSignature(ahead.core, 1, 3, 5, crypto.sign(signableOf(5), pairs[1].secretKey))
  assert.strictEqual(patch.patch, 2)
  const inputs = [{ signer: 0, signature: crypto.sign(signableOf(3), pairs[0].secretKey), patch: 0, nodes: null }, patch]
  await target.append(blocks(3), { signature: target.core.verifier.assemble(inputs) })
  await middle.open('log', target.key)
  await middle.dial(writer.port)
  await reach(middle, 3)
  await middle.download(0, 3, 5000)
  await middle.hangUp(writer.port)
  await reader.open('log', target.key)
  await reader.dial(middle.port)
  await reach(reader, 3)
  assert.strictEqual((await reader.get(2, 5000)).toString(), 'block 2')
})

behaviour('a prologue needs no signature, in either direction', async (world) => {
  const writer = await world.js('writer', WRITER)
  const middle = await world.native('middle')
  const source = writer.store.get({ name: 'source' })
  await source.append(blocks(4))
  const manifest = {
    version: 1, quorum: 1, signers: signers(1), prologue: { hash: await source.treeHash(), length: 4 }
  }
  const core = await atelier(writer, manifest)
  await core.core.copyPrologue(source.state)
  assert.strictEqual(core.length, 4)
  await middle.open('log', core.key)
  await middle.dial(writer.port)
  await reach(middle, 4)
  await middle.download(0, 4, 10000)
  await signedAppend(core, manifest, blocks(1, 4))
  await reach(middle, 5)
  await middle.hangUp(writer.port)
  const reader = await world.js('reader', Buffer.alloc(32, 3))
  await reader.open('log', core.key)
  await reader.dial(middle.port)
  await reach(reader, 5)
  assert.strictEqual((await reader.get(3, 5000)).toString(), 'block 3')

  // the same begun here: exactly the blocks of the prologue, without a signature
  const native = await world.native('begins', Buffer.alloc(32, 4))
  native.core = 'log'
  const encoded = Verifier.encodeManifest(Verifier.createManifest(manifest)).toString('hex')
  await native._ask('open', { manifest: encoded })
  const toHex = (list) => list.map((bytes) => bytes.toString('hex'))
  await assert.rejects(native._ask('appendSigned', { blocks: toHex(blocks(3)), signature: '' }), /invalid/)
  assert.strictEqual((await native._ask('appendSigned', { blocks: toHex(blocks(4)), signature: '' })).length, 4)
  const other = await world.js('other', Buffer.alloc(32, 5))
  await other.open('log', core.key)
  await other.dial(native.port)
  await reach(other, 4)
  assert.strictEqual((await other.get(0, 5000)).toString(), 'block 0')
})

behaviour('stores that make manifests of the same version derive the same keys as JavaScript', async (world) => {
  const { Driver } = require('./driver')
  const Corestore = interop('corestore')
  const path = require('node:path')
  const driver = new Driver(process.env.CORESTORE_DRIVER)
  world.defer(() => driver.end())
  for (const manifestVersion of [0, 1, 2]) {
    const store = new Corestore(path.join(world.folder, `js-${manifestVersion}`), { primaryKey: WRITER, unsafe: true, manifestVersion })
    world.defer(() => store.close())
    const core = store.get({ name: 'log' })
    await core.ready()
    const name = `native-${manifestVersion}`
    const where = { store: name, path: path.join(world.folder, name) }
    await driver.ask({ do: 'start', ...where, primary: WRITER.toString('hex'), manifestVersion })
    const { key } = await driver.ask({ do: 'open', store: name, core: 'log', name: 'log' })
    // corestore 7 takes a 0 for the default
    if (manifestVersion > 0) assert.strictEqual(key, core.key.toString('hex'), `version ${manifestVersion}`)
    await driver.ask({ do: 'stop', store: name })
  }
})
