'use strict'

// The native side: one process with several stores, spoken to in JSON lines.

const { spawn } = require('node:child_process')
const readline = require('node:readline')

class Driver {
  constructor(program) {
    this.child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.waiting = new Map()
    this.count = 0
    this.ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code)))
    this.child.stdin.on('error', () => {})
    this.ended.then((code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the driver ended with code ${code}`))
    })
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => this._answer(JSON.parse(line)))
  }

  ask(command) {
    const id = ++this.count
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, command })
      this.child.stdin.write(JSON.stringify({ id, ...command }) + '\n')
    })
  }

  async end() {
    this.child.stdin.end()
    return this.ended
  }

  _answer(message) {
    const { resolve, reject, command } = this.waiting.get(message.id)
    this.waiting.delete(message.id)
    if (message.error) reject(new Error(`${command.do} at ${command.store}: ${message.error}`))
    else resolve(message)
  }
}

module.exports = { Driver }
