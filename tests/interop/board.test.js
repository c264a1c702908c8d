'use strict'

// The board and the alert rules in a real Prometheus that scrapes a server at work: every query is understood, and finds
// what it asks for. It is skipped where no Prometheus is installed.

const assert = require('node:assert')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const test = require('node:test')
const { spawn, spawnSync } = require('node:child_process')
const { scenario, until } = require('./js/world')
const { Api } = require('./js/http')

const OPS = path.join(__dirname, '../../ops')

/** Panels that show nothing as long as nothing is wrong. */
const QUIET = /^Refused and throttled: (sum|topk)/

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

async function prometheus(world, target) {
  const [port, folder] = [await freePort(), world.path('prometheus')]
  fs.mkdirSync(folder)
  const config = path.join(folder, 'prometheus.yml')
  fs.writeFileSync(config, `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ['${path.join(OPS, 'alerts.yml')}']
scrape_configs: [{job_name: corestore, static_configs: [{targets: ['${target}']}]}]
`)
  const child = spawn('prometheus', [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  world.defer(() => {
    child.kill('SIGKILL')
    return ended
  })
  const ask = async (where, query = {}) => {
    const answer = await (await fetch(`http://127.0.0.1:${port}/api/v1/${where}?${new URLSearchParams(query)}`)).json()
    assert.strictEqual(answer.status, 'success', `${where} ${JSON.stringify(query)}: ${answer.error}`)
    return answer.data
  }
  await until(() => ask('status/buildinfo').catch(() => null), 'Prometheus answers', 30000)
  return ask
}

async function board(world) {
  const rules = spawnSync('promtool', ['check', 'rules', path.join(OPS, 'alerts.yml')])
  assert.strictEqual(rules.status, 0, rules.stderr && rules.stderr.toString())
  const server = await world.serve({ http: '127.0.0.1:0' })
  const api = new Api(server)
  const core = await api.json('POST', '/v1/cores', { name: 'log' })
  const reader = await world.peer()
  const copy = await reader.core({ key: Buffer.from(core.key, 'hex') })
  await reader.dial(server.address)
  const ask = await prometheus(world, server.info.http)
  const value = async (expr) => (await ask('query', { query: expr })).result
  let appended = 0
  await until(async () => {
    await api.append(core.key, 'block')
    await copy.get(appended++)
    return (await value('count_over_time(corestore_appended_blocks_total[1m])')).some(({ value: [, count] }) => Number(count) >= 5)
  }, 'five scrapes are in', 40000)

  const { panels, templating } = JSON.parse(fs.readFileSync(path.join(OPS, 'grafana.json')))
  const names = await ask('label/__name__/values')
  for (const variable of templating.list.filter((one) => one.type === 'query')) {
    assert.ok(names.includes(/^label_values\((\w+),/.exec(variable.query)[1]), variable.query)
  }
  let queries = 0
  for (const panel of panels) {
    for (const { expr } of panel.targets || []) {
      const what = `${panel.title}: ${expr}`
      const found = await value(expr.replaceAll('$instance', '.*'))
      if (!QUIET.test(what)) assert.ok(found.length > 0, what)
      queries++
    }
  }
  assert.ok(queries > 30)

  const { groups } = await ask('rules')
  const alerts = groups.flatMap((group) => group.rules)
  assert.ok(alerts.length >= 10)
  for (const rule of alerts) {
    await until(async () => (await ask('rules')).groups.flatMap((group) => group.rules).find(({ name }) => name === rule.name).health === 'ok',
      rule.name + ' is evaluated')
    for (const [name] of rule.query.matchAll(/\b(corestore|hypercore)_\w+/g)) assert.ok(names.includes(name), `${rule.name}: ${name}`)
  }
  const firing = async () => (await ask('alerts')).alerts.map(({ labels }) => labels.alertname)
  assert.deepStrictEqual(await firing(), [], 'a server that is well raises no alert')
  await server.stop()
  await until(async () => (await firing()).includes('CorestoreDown'), 'one that is gone does')
}

if (spawnSync('prometheus', ['--version']).error) test('the board and the rules', { skip: 'no Prometheus is installed' }, () => {})
else scenario('the board and the rules find what they ask for', board, { seconds: 120 })
