'use strict'

// docs/hypercore.md against the JavaScript package: whatever the class offers must be in the table, under our name or with
// the reason why it is left out, and every test that the table names must exist. docs/corestore.md likewise against the test
// file of the package of generation 9.

const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const Hypercore = require('hypercore')

const root = path.join(__dirname, '..', '..')
const home = path.dirname(require.resolve('hypercore'))
const sourceOf = (name) => fs.readFileSync(path.join(home, name), 'utf8')

/** Rows of all tables of a page: their cells. */
function rowsOf(page) {
  return fs.readFileSync(path.join(root, 'docs', page), 'utf8').split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-|]+$/.test(line))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()))
}

const rows = rowsOf('hypercore.md')

const codeSpans = (text) => [...text.matchAll(/`([^`]*)`/g)].map((match) => match[1])
const words = new Set(rows.flatMap((cells) => codeSpans(cells[0])).flatMap((span) => span.match(/[A-Za-z_][\w-]*/g) || []))

/** What objects of every class have, and names of the implementation that nobody calls. */
const ordinary = new Set(['constructor', 'length', 'name', 'prototype'])

function missing(names) {
  return [...new Set(names)].filter((name) => !name.startsWith('_') && !ordinary.has(name) && !words.has(name))
}

test('every method and property of the class is in the table', () => {
  const names = [...Object.getOwnPropertyNames(Hypercore.prototype), ...Object.getOwnPropertyNames(Hypercore)]
  assert(names.length > 60, 'this is not the class')
  assert.deepStrictEqual(missing(names), [])
})

test('every option that its source reads is in the table', () => {
  const names = [...sourceOf('index.js').matchAll(/\bopts\.(\w+)/g)].map((match) => match[1])
  assert(names.length > 60, 'this is not the source')
  assert.deepStrictEqual(missing(names), [])
})

test('every event that it emits is in the table', () => {
  const files = ['index.js', 'lib/core.js', 'lib/session-state.js', 'lib/replicator.js']
  const names = files.flatMap((file) => [...sourceOf(file).matchAll(/emit\('([\w-]+)'/g)]).map((match) => match[1])
  assert(names.length > 10, 'this is not the source')
  assert.deepStrictEqual(missing(names), [])
})

test('every member that its README describes is in the table', () => {
  const headings = [...sourceOf('README.md').matchAll(/^#### `(.*)`/gm)].map((match) => match[1])
  const names = headings.flatMap((heading) => {
    const event = /\.on\('([\w-]+)'/.exec(heading)
    const member = /(?:core|Hypercore)\.(\w+)/.exec(heading)
    return event ? [event[1]] : member ? [member[1]] : []
  })
  assert(names.length > 40, 'this is not the README')
  assert.deepStrictEqual(missing(names), [])
})

test('every test that the table names exists', () => {
  const named = rows.filter((cells) => cells.length === 3).flatMap((cells) => codeSpans(cells[2]))
  assert(named.length > 60)
  const lost = [...new Set(named)].filter((name) => {
    const [kind, stem] = name.split('/')
    const file = {
      actor: `tests/actor/${stem}_test.cpp`,
      unit: `tests/unit/${stem}`,
      interop: `tests/interop/${stem}.test.js`,
      differential: `tests/differential/${stem}.test.js`
    }[kind]
    return !file || !fs.existsSync(path.join(root, file))
  })
  assert.deepStrictEqual(lost, [])
})

test('every test of the package of generation 9 has its row, and the tests that the rows name exist', () => {
  const file = path.join(__dirname, 'legacy', 'node_modules', '@andrewosh', 'corestore-migration', 'test', 'all.js')
  const titles = [...fs.readFileSync(file, 'utf8').matchAll(/^test\('(.*)',/gm)].map((match) => match[1])
  assert.strictEqual(titles.length, 15)
  const seed = fs.readFileSync(path.join(__dirname, 'seed.test.js'), 'utf8')
  const numbers = [...seed.matchAll(/scenario\(['`]([\d, ]+):/g)].flatMap((match) => match[1].split(', '))
  const rows = rowsOf('corestore.md').filter((cells) => cells.length === 3 && /^\d+$/.test(cells[1]))
  assert.deepStrictEqual(rows.map((cells) => cells[0]), titles)
  for (const [i, [title, number, ours]] of rows.entries()) {
    assert.strictEqual(number, String(i + 1), title)
    assert(numbers.includes(number), `seed.test.js has no test ${number}`)
    const [, suite, name] = /^`(\w+)`: (.*)$/.exec(ours)
    const source = fs.readFileSync(path.join(root, 'tests', 'actor', suite + '.cpp'), 'utf8')
    assert(source.includes(`TEST_CASE("${name}")`), `${suite} has no test "${name}"`)
  }
})

test('a name that the table lacks would be noticed', () => {
  assert.deepStrictEqual(missing(['append', 'teleport']), ['teleport'])
})
