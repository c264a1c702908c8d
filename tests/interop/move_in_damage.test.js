'use strict'

// Damage to directories of corestore 5 and corestore 6 is named, and the rest comes.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const zlib = require('node:zlib')
const { scenario } = require('./js/world')
const { bring, five, info, six } = require('./js/moving')
const { cli } = require('./js/native')
const { compact: c, flip, oplog, placeOf } = require('./js/previous_peer')

async function damaged(world, make, name, hurt, check) {
  const source = world.path('source')
  const known = await make(source, { sizes: [3, 64] })
  const key = Object.keys(known).find((one) => known[one].name === 'size-64')
  const place = placeOf(source, { discoveryKey: Buffer.from((await discovery(world, source, key)), 'hex') })
  await hurt(place, source, known)
  const storage = world.path()
  const moved = await bring(storage, source)
  const line = moved.byKey[key] || moved.lines.find((one) => one.path && one.path.endsWith(path.basename(place)))
  await check({ world, moved, line, storage, key, known, name })
  for (const [other, expected] of Object.entries(known)) {
    if (other === key || name === 'wrong key') continue
    assert.strictEqual((await info(world, storage, other)).contiguousLength, expected.length)
  }
}

async function discovery(world, source, key) {
  const plan = (await cli(['--json', 'import', source, '--plan'])).json()
  return plan.find((line) => line.key === key).discoveryKey
}

const cases = {
  five: {
    'a byte of data is wrong': [
      (place) => flip(path.join(place, 'data'), 500),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.strictEqual(line.damaged, 1)
        assert.match(line.faults[0], /do not match its hash/)
        assert.strictEqual(line.blocks, 63)
      }
    ],
    'data is cut off': [
      (place) => fs.truncateSync(path.join(place, 'data'), 300),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert(line.damaged > 0 && line.blocks > 0 && line.damaged + line.blocks === 64)
        assert.match(line.faults[0], /not all there/)
      }
    ],
    'a node of the tree is wrong': [
      (place) => flip(path.join(place, 'tree'), 32 + 40 * 9 + 3),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.match(line.faults[0], /tree node/)
        assert(line.blocks >= 48 && line.damaged > 0)
      }
    ],
    'the tree is cut off': [
      (place) => fs.truncateSync(path.join(place, 'tree'), 32 + 40 * 70),
      ({ line, moved }) => {
        assert.strictEqual(moved.code, 1)
        assert.strictEqual(line.length, 64) // its root is there
        // the roots of 35 blocks, a length that was signed, are there
        assert.deepStrictEqual([line.blocks, line.damaged], [35, 29])
      }
    ],
    'the newest signature does not match': [
      (place) => flip(path.join(place, 'signatures'), 32 + 64 * 63 + 5),
      ({ line }) => {
        assert(line.complaints.some((text) => /newest length that is signed/.test(text)))
        assert.strictEqual(line.length, 63)
        assert.strictEqual(line.blocks, 63)
      }
    ],
    'an older signature does not match': [
      (place) => flip(path.join(place, 'signatures'), 32 + 64 * 6 + 5),
      ({ line }) => {
        assert.match(line.faults[0], /signature of length 7 does not hold/)
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the bitfield is garbage': [
      (place) => fs.writeFileSync(path.join(place, 'bitfield'), Buffer.alloc(5000, 0xab)),
      ({ line }) => {
        assert(line.complaints.some((text) => /bitfield/.test(text)))
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the header of a file is from another one': [
      (place) => fs.writeFileSync(path.join(place, 'signatures'), Buffer.alloc(200, 7)),
      ({ line }) => {
        assert(line.complaints.some((text) => /signatures/.test(text)))
        assert.strictEqual(line.length, 0)
      }
    ],
    'the name is a huge varint': [
      (place) => fs.writeFileSync(path.join(place, 'name'), Buffer.alloc(40, 0xff)),
      ({ line }) => {
        assert(line.complaints.some((text) => /name/.test(text)))
        assert.strictEqual(line.writable, false)
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the bitfield is cut off': [
      (place) => fs.truncateSync(path.join(place, 'bitfield'), 32 + 4),
      ({ line }) => {
        assert(line.complaints.some((text) => /bitfield. is cut off/.test(text)))
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the bitfield is gone': [
      (place) => fs.rmSync(path.join(place, 'bitfield')),
      ({ line }) => {
        assert(line.complaints.some((text) => /bitfield/.test(text)))
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'signatures are cut off': [
      (place) => fs.truncateSync(path.join(place, 'signatures'), 32 + 64 * 40 + 10),
      ({ line }) => {
        assert(line.complaints.some((text) => /newest length that is signed/.test(text)))
        assert.deepStrictEqual([line.length, line.blocks], [35, 35]) // batches of seven are signed
      }
    ],
    'signatures are gone': [
      (place) => fs.rmSync(path.join(place, 'signatures')),
      ({ line }) => {
        assert(line.complaints.some((text) => /signatures/.test(text)))
        assert.strictEqual(line.length, 0)
      }
    ],
    'the tree is gone': [
      (place) => fs.rmSync(path.join(place, 'tree')),
      ({ line }) => {
        assert(line.complaints.some((text) => /tree/.test(text)))
        assert.strictEqual(line.blocks, 0)
      }
    ],
    'data is gone': [
      (place) => fs.rmSync(path.join(place, 'data')),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.deepStrictEqual([line.length, line.blocks, line.damaged], [64, 1, 63]) // an empty block needs no data
      }
    ],
    'a batch was half written': [
      (place) => {
        fs.appendFileSync(path.join(place, 'data'), Buffer.alloc(500, 1))
        fs.appendFileSync(path.join(place, 'tree'), Buffer.alloc(40 * 9 + 11, 2))
        fs.appendFileSync(path.join(place, 'signatures'), Buffer.alloc(30, 3))
      },
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 0)
        assert.deepStrictEqual([line.length, line.blocks, line.damaged], [64, 64, 0])
      }
    ],
    'the name is cut off': [
      (place) => fs.truncateSync(path.join(place, 'name'), 3),
      ({ line }) => {
        assert(line.complaints.some((text) => /name/.test(text)))
        assert.deepStrictEqual([line.writable, line.blocks], [false, 64])
      }
    ],
    'the secret key is that of another core': [
      (place) => {
        fs.rmSync(path.join(place, 'name'))
        fs.writeFileSync(path.join(place, 'secret_key'), Buffer.alloc(64, 5))
      },
      ({ line }) => {
        assert(line.complaints.some((text) => /secret/.test(text)))
        assert.deepStrictEqual([line.writable, line.blocks], [false, 64])
      }
    ],
    'the secret key is cut off': [
      (place) => {
        fs.rmSync(path.join(place, 'name'))
        fs.writeFileSync(path.join(place, 'secret_key'), Buffer.alloc(40, 5))
      },
      ({ line }) => {
        assert(line.complaints.some((text) => /secret/.test(text)))
        assert.deepStrictEqual([line.writable, line.blocks], [false, 64])
      }
    ],
    'the key is another one': [
      (place) => flip(path.join(place, 'key'), 3),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.match(line.error, /belongs to another directory/)
      }
    ],
    'the key is cut off': [
      (place) => fs.truncateSync(path.join(place, 'key'), 31),
      ({ moved }) => assert(moved.lines[0].complaints.some((text) => /holds no core/.test(text)))
    ]
  },
  six: {
    'a byte of data is wrong': [
      (place) => flip(path.join(place, 'data'), 500),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.strictEqual(line.damaged, 1)
        assert.strictEqual(line.blocks, 63)
      }
    ],
    'data is cut off': [
      (place) => fs.truncateSync(path.join(place, 'data'), 300),
      ({ line }) => assert(line.damaged > 0 && line.damaged + line.blocks === 64)
    ],
    'a node of the tree is wrong': [
      (place) => flip(path.join(place, 'tree'), 40 * 9 + 3),
      ({ line }) => {
        assert.match(line.faults[0], /tree node/)
        assert(line.blocks >= 48)
      }
    ],
    'the oplog ends in a batch that was half written': [
      (place) => fs.appendFileSync(path.join(place, 'oplog'), Buffer.alloc(777, 0x5a)),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 0)
        assert(line.complaints.some((text) => /777 bytes of a write that was cut off/.test(text)))
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the oplog is garbage': [
      (place) => fs.writeFileSync(path.join(place, 'oplog'), Buffer.alloc(9000, 0x5a)),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.match(line.error, /neither header of the oplog can be read/)
      }
    ],
    'the bitfield is gone': [
      (place) => fs.rmSync(path.join(place, 'bitfield')),
      ({ line }) => {
        assert(line.complaints.some((text) => /no file `bitfield`/.test(text)))
        assert.strictEqual(line.blocks, 64)
      }
    ],
    'the bitfield is cut off': [
      (place) => fs.truncateSync(path.join(place, 'bitfield'), 4),
      ({ line }) => assert(line.length === 64 && line.blocks >= 32)
    ],
    'the tree is cut off': [
      (place) => fs.truncateSync(path.join(place, 'tree'), 40 * 70),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert(line.damaged > 0 && line.damaged + line.blocks === 64)
      }
    ],
    'the tree is gone': [
      (place) => fs.rmSync(path.join(place, 'tree')),
      ({ line }) => {
        assert.match(line.faults[0], /tree nodes on the way to them are missing/)
        assert.deepStrictEqual([line.blocks, line.damaged], [0, 64])
      }
    ],
    'data is gone': [
      (place) => fs.rmSync(path.join(place, 'data')),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.deepStrictEqual([line.length, line.blocks, line.damaged], [64, 1, 63]) // an empty block needs no data
      }
    ],
    'the newest signature does not match': [
      (place) => forge(path.join(place, 'oplog')),
      ({ line }) => {
        assert(line.complaints.some((text) => /sign/.test(text)))
        assert.deepStrictEqual([line.length, line.blocks], [0, 0])
      }
    ],
    'the oplog is cut off within its headers': [
      (place) => fs.truncateSync(path.join(place, 'oplog'), 100),
      ({ moved, line }) => {
        assert.strictEqual(moved.code, 1)
        assert.match(line.error, /the oplog was never written/)
      }
    ]
  }
}

/** Changes the signatures in the headers and entries of an oplog, and puts their checksums right. */
function forge(file) {
  const bytes = fs.readFileSync(file)
  const change = (offset, encoding, treeOf) => {
    const length = offset + 8 <= bytes.length ? bytes.readUInt32LE(offset + 4) >>> 2 : 0
    const end = offset + 8 + length
    if (length === 0 || end > bytes.length || zlib.crc32(bytes.subarray(offset + 4, end)) !== bytes.readUInt32LE(offset)) return 0
    const message = c.decode(encoding, bytes.subarray(offset + 8, end))
    const tree = treeOf(message)
    if (tree && tree.signature) tree.signature[7] ^= 0x55
    c.encode(encoding, message).copy(bytes, offset + 8)
    bytes.writeUInt32LE(zlib.crc32(bytes.subarray(offset + 4, end)), offset)
    return length + 8
  }
  for (const offset of [0, 4096]) change(offset, oplog.header, (header) => header.tree)
  for (let offset = 8192, size; (size = change(offset, oplog.entry, (entry) => entry.treeUpgrade)) > 0;) offset += size
  fs.writeFileSync(file, bytes)
}

for (const [kind, make] of [['five', five], ['six', six]]) {
  for (const [name, [hurt, check]] of Object.entries(cases[kind])) {
    scenario(`corestore ${kind === 'five' ? 5 : 6}: ${name}`, (world) => damaged(world, make, name, hurt, check))
  }
}

scenario('a wrong master key is named, and the cores come as read-only ones', async (world) => {
  const source = world.path('source')
  const known = await five(source, { sizes: [3] })
  fs.writeFileSync(path.join(source, 'master_key'), Buffer.alloc(32, 9))
  const storage = world.path()
  const moved = await bring(storage, source)
  for (const [key, expected] of Object.entries(known)) {
    const line = moved.byKey[key]
    assert(line.complaints.some((text) => /another master key/.test(text)), JSON.stringify(line))
    assert.deepStrictEqual([line.writable, line.blocks], [false, expected.length])
  }
})
