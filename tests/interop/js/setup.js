'use strict'

// Installs what package-lock.json names, unless that very lock file was installed before.
// Usage: setup.js NPM

const fs = require('node:fs')
const path = require('node:path')
const { execFileSync } = require('node:child_process')

const home = path.join(__dirname, '..')
const lock = fs.readFileSync(path.join(home, 'package-lock.json'), 'utf8')
const mark = path.join(home, 'node_modules', '.installed-lock')

if (!fs.existsSync(mark) || fs.readFileSync(mark, 'utf8') !== lock) {
  execFileSync(process.argv[2] || 'npm', ['ci'], { cwd: home, stdio: 'inherit' })
  fs.writeFileSync(mark, lock)
}
