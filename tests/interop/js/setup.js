'use strict'

// Installs what the lock files name, unless those very lock files were installed before: the peers of generation 10, and
// in legacy/ those of generation 9, in previous/ those that keep cores in files; their packages have the same names.
// Usage: setup.js NPM

const fs = require('node:fs')
const path = require('node:path')
const { execFileSync } = require('node:child_process')

for (const home of ['.', 'legacy', 'previous'].map((name) => path.join(__dirname, '..', name))) {
  const lock = fs.readFileSync(path.join(home, 'package-lock.json'), 'utf8')
  const mark = path.join(home, 'node_modules', '.installed-lock')
  if (!fs.existsSync(mark) || fs.readFileSync(mark, 'utf8') !== lock) {
    execFileSync(process.argv[2] || 'npm', ['ci'], { cwd: home, stdio: 'inherit' })
    fs.writeFileSync(mark, lock)
  }
}
