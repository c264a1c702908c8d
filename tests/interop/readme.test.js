'use strict'

// The five-minute story of the README, block by block as a reader would paste it.

const assert = require('node:assert')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const test = require('node:test')

const PATIENCE_MS = 30000

/** The fenced blocks of the story: `{ language, text }` in order. */
function story () {
  const readme = fs.readFileSync(path.join(__dirname, '..', '..', 'README.md'), 'utf8')
  const section = readme.split('\n## ').find((part) => part.startsWith('Five minutes\n'))
  assert(section, 'README.md has a section "Five minutes"')
  return [...section.matchAll(/```(\w+)\n([^]*?)```/g)].map(([, language, text]) => ({ language, text }))
}

/** Building and installing was done before this test; the ports are chosen so that nothing collides. */
function adapted (text, ports) {
  return text
    .split('\n')
    .filter((line) => !/^(\.\/dev build|export PATH|npm install)/.test(line))
    .join('\n')
    .replaceAll('49737', String(ports.peers))
    .replaceAll('49739', String(ports.node))
    .replaceAll('corestore --json info', `corestore --node 127.0.0.1:${ports.node} --json info`)
    .replaceAll('| corestore append', `| corestore --node 127.0.0.1:${ports.node} append`)
}

async function freePort () {
  const server = require('node:net').createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('the five-minute story works by copy and paste', { timeout: 3 * PATIENCE_MS }, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'corestore-readme-'))
  const ports = { peers: await freePort(), node: await freePort() }
  const shell = spawn('bash', ['-s'], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: process.env.CORESTORE_BIN + path.delimiter + process.env.PATH,
      NODE_PATH: path.join(__dirname, 'node_modules')
    }
  })
  let said = ''
  shell.stdout.on('data', (data) => { said += data })
  shell.stderr.on('data', (data) => { said += data })
  const ended = new Promise((resolve) => shell.once('exit', resolve))
  const hear = async (what) => {
    const deadline = Date.now() + PATIENCE_MS
    while (!what.test(said)) {
      assert(Date.now() < deadline, `the story never said ${what}:\n${said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  try {
    for (const { language, text } of story()) {
      if (language === 'js') {
        fs.writeFileSync(path.join(folder, 'five-minutes', 'read.js'), adapted(text, ports))
        continue
      }
      shell.stdin.write(adapted(text, ports) + '\n')
      if (text.includes('mkdir')) shell.stdin.write('echo prepared\n')
      if (text.includes('mkdir')) await hear(/prepared/)
      if (text.includes('corestored')) await hear(/"event":"ready"/)
      if (text.includes('read.js')) await hear(/^first\nsecond\n/m)
      if (text.includes('third')) await hear(/^third$/m)
    }
    assert.match(said, /length +2\n/)
  } finally {
    shell.stdin.end('kill %1 %2\nwait\n')
    await ended
    fs.rmSync(folder, { recursive: true, force: true })
  }
})
