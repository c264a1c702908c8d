'use strict'

const assert = require('node:assert')

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y

/**
 * Reads the text format 0.0.4 strictly: every sample belongs to a family that was announced with HELP and TYPE, families
 * are in one piece, counters of ours end in _total, histograms are whole and do not fall. Returns Map name -> samples.
 */
function parse(text) {
  assert.ok(text.endsWith('\n'), 'the last line ends')
  const families = new Map()
  const samples = new Map()
  let current = null
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line)
    if (comment) {
      const [, kind, name, rest] = comment
      assert.match(name, NAME)
      if (kind === 'HELP') {
        assert.ok(!families.has(name), `${name} is announced twice`)
        families.set(name, { type: null })
        current = name
      } else {
        assert.strictEqual(name, current, `TYPE of ${name} follows its HELP`)
        assert.match(rest, /^(counter|gauge|histogram)$/)
        families.get(name).type = rest
      }
      continue
    }
    const found = SAMPLE.exec(line)
    assert.ok(found, `a sample: ${line}`)
    const [, name, inside, value] = found
    const type = families.get(current).type
    const known = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => current + end) : [current]
    assert.ok(known.includes(name), `${name} belongs to ${current}`)
    const labels = {}
    if (inside !== undefined) {
      LABEL.lastIndex = 0
      while (LABEL.lastIndex < inside.length) {
        const label = LABEL.exec(inside)
        assert.ok(label, `labels: ${inside}`)
        labels[label[1]] = label[2]
      }
    }
    if (!samples.has(name)) samples.set(name, [])
    const key = JSON.stringify(labels)
    assert.ok(!samples.get(name).some((sample) => JSON.stringify(sample.labels) === key), `${line} is there once`)
    samples.get(name).push({ labels, value: Number(value.replace('Inf', 'Infinity')), type })
  }
  for (const [name, { type }] of families) {
    assert.ok(type, `${name} has a type`)
    if (type === 'counter' && name.startsWith('corestore_')) assert.match(name, /_total$/)
    if (type === 'histogram') checkHistogram(name, samples)
  }
  return samples
}

function checkHistogram(name, samples) {
  const buckets = samples.get(name + '_bucket')
  const bounds = buckets.map((sample) => (sample.labels.le === '+Inf' ? Infinity : Number(sample.labels.le)))
  for (let i = 1; i < buckets.length; i++) {
    assert.ok(bounds[i] > bounds[i - 1] && buckets[i].value >= buckets[i - 1].value, `${name} grows`)
  }
  assert.strictEqual(bounds[bounds.length - 1], Infinity)
  assert.strictEqual(buckets[buckets.length - 1].value, samples.get(name + '_count')[0].value)
}

module.exports = { parse }
