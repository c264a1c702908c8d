'use strict'

// Proves that the scenarios can fail: the stand-in passes them when it is honest, and fails them when it lies.

const assert = require('node:assert')
const path = require('node:path')
const { spawnSync } = require('node:child_process')

const CASES = [
  // scenario file, test name, fault
  ['read.test.js', 'our core of 3 blocks', 'bytes'],
  ['read.test.js', 'our core of 3 blocks', 'exit'],
  ['third_party.test.js', 'served after its writer has gone', 'no-mirror']
]

function run(file, name, fault) {
  const env = { ...process.env, CORESTORE_BIN: path.join(__dirname, 'standin'), STANDIN_FAULT: fault }
  const args = ['--test-name-pattern', name, path.join(__dirname, file)]
  return spawnSync(process.execPath, args, { env, encoding: 'utf8' })
}

/** The crash loop with a peer that acknowledges blocks which it does not store. */
function crash(fault) {
  const env = { ...process.env, CORESTORE_BIN: path.join(__dirname, 'standin'), STANDIN_FAULT: fault }
  const script = path.join(__dirname, '../crash/append.crash.js')
  return spawnSync(process.execPath, [script, '--kills', '3', '--check-every', '3', '--seed', '1'], { env, encoding: 'utf8' })
}

const honest = new Map(CASES.map(([file, name]) => [file + name, [file, name]]))
for (const [file, name] of honest.values()) {
  const result = run(file, name, '')
  assert.strictEqual(result.status, 0, `an honest peer must pass ${file}:\n${result.stdout}`)
  assert(/^# pass [1-9]/m.test(result.stdout), 'a test must have run')
}
for (const [file, name, fault] of CASES) {
  assert.notStrictEqual(run(file, name, fault).status, 0, `${file} did not notice the fault "${fault}"`)
  console.log(`${file} notices the fault "${fault}"`)
}

assert.strictEqual(crash('').status, 0, 'an honest peer must pass the crash loop')
const lost = crash('lose')
assert.notStrictEqual(lost.status, 0, 'the crash loop did not notice lost blocks')
assert(/acknowledged, \d+ there|block \d+/.test(lost.stderr), lost.stderr)
console.log('the crash loop notices lost blocks')
