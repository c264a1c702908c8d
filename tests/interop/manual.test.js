'use strict'

// What the programs say of themselves is what the manual pages and the shell completion say.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { spawnSync } = require('node:child_process')
const { scenario } = require('./js/world')
const { cli, daemon } = require('./js/native')

const OPS = path.join(__dirname, '../../ops')

const options = (help) => [...new Set(help.match(/(?<=[\s,])--[a-z][a-z-]*/g))].filter((name) => name !== '--help')

/** The words of a manual page, without its markup. */
function page(name) {
  return fs.readFileSync(path.join(OPS, 'man', name), 'utf8').replace(/\\f[BIRP]/g, '').replace(/\\-/g, '-').replace(/\\&/g, '')
}

async function verbs() {
  const help = (await cli(['--help'])).stdout.toString()
  return help.slice(help.indexOf('Subcommands:')).match(/(?<=\n {2})[a-z]+(?= )/g)
}

scenario('every verb and every option has its place in the manual', async () => {
  const text = page('corestore.1')
  const words = new Set(text.split(/[^A-Za-z0-9-]+/))
  for (const option of options((await cli(['--help'])).stdout.toString())) assert.ok(words.has(option), `corestore.1: ${option}`)
  for (const verb of await verbs()) {
    const start = text.search(new RegExp(`^\\.B[RI]? .*\\b${verb}\\b`, 'm'))
    assert.ok(start !== -1, `corestore.1: ${verb}`)
    for (const option of options((await cli([verb, '--help'])).stdout.toString())) {
      assert.ok(words.has(option), `corestore.1: ${verb} ${option}`)
    }
  }
  const server = new Set(page('corestored.1').split(/[^A-Za-z0-9-]+/))
  for (const option of options((await daemon(['--help'])).stdout.toString())) assert.ok(server.has(option), `corestored.1: ${option}`)
})

scenario('the manual pages are well-formed', async () => {
  for (const name of ['corestore.1', 'corestored.1']) {
    const done = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', path.join(OPS, 'man', name)])
    if (done.error) return // no man here
    assert.strictEqual(done.stderr.toString(), '', name)
  }
})

/** Scripts that print what each shell offers for the last of some words. */
const SHELLS = {
  bash: (words) => [
    `source "${path.join(OPS, 'completion/corestore.bash')}"`,
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length - 1}`,
    '_corestore',
    'printf "%s\\n" "${COMPREPLY[@]}"'
  ],
  // The functions of zsh's completion system write down what they are given; what does not fit the word, zsh itself drops.
  zsh: (words) => [
    `words=(${words.map((word) => `'${word}'`).join(' ')}) CURRENT=${words.length} PREFIX='${words[words.length - 1]}'`,
    'offer() { local each; for each in "$@"; do [[ $each == "$PREFIX"* ]] && print -r -- $each; done; return 0 }',
    'compadd() { offer "$@" }',
    '_describe() { offer ${${(P)argv[-1]}%%:*} }',
    '_files() { offer *(N) }',
    `source "${path.join(OPS, 'completion/_corestore')}"`
  ],
  fish: (words) => [
    `source "${path.join(OPS, 'completion/corestore.fish')}"`,
    `complete -C '${words.join(' ')}' | string replace -r '\\t.*' ''`
  ]
}

/** What a shell offers behind these words. */
function complete(shell, words) {
  const flags = { bash: ['-c'], zsh: ['-f', '-c'], fish: ['--no-config', '-c'] }[shell]
  const env = { ...process.env, PATH: `${process.env.CORESTORE_BIN}:${process.env.PATH}` }
  const done = spawnSync(shell, [...flags, SHELLS[shell](words).join('\n')], { cwd: __dirname, env })
  assert.strictEqual(done.stderr.toString(), '', `${shell}: ${words.join(' ')}`)
  return done.stdout.toString().split('\n').filter(Boolean)
}

for (const shell of Object.keys(SHELLS)) {
  const name = `${shell} completes verbs, options and their values`
  if (spawnSync(shell, ['-c', 'true']).error) {
    test(name, { skip: `no ${shell} is installed` }, () => {})
    continue
  }
  scenario(name, async () => {
    const all = await verbs()
    assert.ok(all.length > 30, 'these are the verbs')
    assert.deepStrictEqual(complete(shell, ['corestore', '']).sort(), all.sort())
    assert.deepStrictEqual(complete(shell, ['corestore', '--storage', '/tmp', 'tr']), ['truncate'])
    for (const verb of all) {
      const offered = complete(shell, ['corestore', '--json', verb, '--'])
      for (const option of options((await cli([verb, '--help'])).stdout.toString())) assert.ok(offered.includes(option), `${verb} ${option}`)
    }
    const flags = complete(shell, ['corestored', '--'])
    for (const option of options((await daemon(['--help'])).stdout.toString())) assert.ok(flags.includes(option), option)
    assert.deepStrictEqual(complete(shell, ['corestored', '--durability', 'i']), ['interval'])
    assert.deepStrictEqual(complete(shell, ['corestored', '--log-level', 'w']), ['warn'])
    assert.deepStrictEqual(complete(shell, ['corestored', '--generation', '']).sort(), ['10', '9'])
    assert.deepStrictEqual(complete(shell, ['corestore', '--generation', '']).sort(), ['10', '9', 'both'])
    assert.deepStrictEqual(complete(shell, ['corestore', 'switch', 'default', '--allow-push', 'of']), ['off'])
    assert.ok(complete(shell, ['corestored', '--config', '']).length > 0)
  })
}
