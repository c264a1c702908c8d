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

for (const [file, name] of CASES) {
  const result = run(file, name, '')
  assert.strictEqual(result.status, 0, `an honest peer must pass ${file}:\n${result.stdout}`)
  assert(/^# pass [1-9]/m.test(result.stdout), 'a test must have run')
}
for (const [file, name, fault] of CASES) {
  assert.notStrictEqual(run(file, name, fault).status, 0, `${file} did not notice the fault "${fault}"`)
  console.log(`${file} notices the fault "${fault}"`)
}
