'use strict'

// The benchmark beside the JavaScript peers, in both generations: tiny runs, which prove that every row of scripts/figures still
// works on both sides, not how fast.

const assert = require('node:assert')
const { scenario } = require('./js/world')
const { run } = require('./js/native')

const SIZES = ['--cores', '3', '--blocks', '40', '--block-size', '50', '--batch', '7', '--requests', '10', '--warm-up', '0']
const BESIDE = ['append', 'append-many', 'get', 'scan']
const BETWEEN = ['replicate', 'replicate-many', 'live', 'sparse'] // also JavaScript reading from us

for (const [generation, peer] of [[9, 'js9'], [10, 'js']]) {
  scenario(`the workloads run in generation ${generation}, by us and by JavaScript`, async () => {
    const javascript = generation === 9 ? 'javascript 9' : 'javascript'
    for (const workload of [...BESIDE, ...BETWEEN]) {
      const args = [workload, ...SIZES, '--generation', String(generation), '--peer', peer, '--json']
      const ended = await run('corestore-bench', args, { timeout: 120000 })
      assert.strictEqual(ended.code, 0, ended.stderr)
      const lines = ended.json()
      const expected = ['native', javascript, 'ratio', ...(BETWEEN.includes(workload) ? ['javascript reading from native', 'ratio'] : [])]
      assert.deepStrictEqual(lines.map((line) => line.peer), expected, workload)
      for (const line of lines.filter((one) => one.peer !== 'ratio')) {
        assert.strictEqual(line.params.generation, generation, workload)
        assert(line.blocks_s > 0 && line.blocks > 0, workload)
      }
    }
  }, { seconds: 240 })
}
