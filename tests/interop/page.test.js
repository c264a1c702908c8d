'use strict'

// The dashboard in a real browser: what is stored is shown, the numbers move, and it is usable without a mouse.
// CORESTORE_SCREENSHOTS names a folder that gets pictures to look at.

const assert = require('node:assert')
const path = require('node:path')
const test = require('node:test')
const { scenario, until } = require('./js/world')
const { Api } = require('./js/http')
const { Browser, find } = require('./js/browser')

const program = find()
if (program === null) {
  test('the dashboard in a browser', { skip: 'no Chromium is installed' }, () => {})
} else {
  scenario('the dashboard shows what is stored, and its numbers move', show)
}

const text = (id) => `document.getElementById('${id}').textContent`

async function show(world) {
  const server = await world.serve({ http: '127.0.0.1:0' })
  const api = new Api(server)
  const core = await api.json('POST', '/v1/cores', { name: 'weather' })
  const other = await api.json('POST', '/v1/cores', { name: 'tides' })
  await api.append(core.key, 'sunny')
  const peer = await world.peer()
  const theirs = await peer.core({ key: Buffer.from(core.key, 'hex') })
  await peer.dial(server.address)
  await theirs.get(0)

  const browser = new Browser(program, world.path('profile'))
  world.defer(() => browser.close())
  await browser.open(api.base + '/')
  await until(() => browser.value(`${text('state')} === 'serving'`), 'the page is connected')
  await until(() => browser.value(`${text('core-rows')}.includes('weather')`), 'the cores are listed')
  await until(() => browser.value(`${text('peer-rows')}.includes('open')`), 'the connection is listed')
  await until(() => browser.value(
    `[...document.querySelectorAll('#core-rows tr')].some((row) => row.cells[1].textContent === 'weather' && row.cells[5].textContent === '1')`),
  'the peer of the core is counted')
  await until(() => browser.value(`${text('cores')} === '2'`), 'the cores are counted')

  const before = Number(await browser.value(text('blocksAppended')))
  assert.strictEqual(before, 1)
  for (let i = 0; i < 30; i++) await api.append(core.key, 'rain '.repeat(i))
  await until(() => browser.value(`${text('blocksAppended')} === '31'`), 'the appended blocks are counted live')
  await until(() => browser.value(`document.querySelector('#graph path:last-child').getAttribute('d').includes('L')`),
    'the graph has a line')

  const doubles = `[...document.querySelectorAll('[id]')].map((each) => each.id).filter((id, i, all) => all.indexOf(id) !== i)`
  assert.deepStrictEqual(await browser.value(doubles), [], 'every id is there once: the skip link leads to the cores')
  assert.strictEqual(await browser.value(`document.querySelector(document.querySelector('.skip').hash).tagName`), 'SECTION')

  await browser.key('/', 'Slash', '/')
  assert.strictEqual(await browser.value('document.activeElement.id'), 'query')
  await browser.type(other.key)
  await browser.key('Enter', 'Enter', '\r')
  await until(() => browser.value(`${text('found')}.includes('${other.discoveryKey}')`), 'a key is found')
  await browser.value(`document.getElementById('query').value = ''`)
  await browser.type('wea')
  await browser.key('Enter', 'Enter', '\r')
  await until(() => browser.value(`document.querySelectorAll('#core-rows tr').length === 1`), 'a part of a name filters')

  const row = `document.querySelector('[data-key="${core.key}"]')`
  await until(() => browser.value(`${row} !== null`), 'its row is there')
  await browser.value(`${row}.focus()`)
  await browser.key('Enter', 'Enter', '\r')
  await until(() => browser.value(`!document.getElementById('detail').hidden && ${text('detail-facts')}.includes('${core.discoveryKey}')`),
    'a core shows its details')
  await until(() => browser.value(`document.querySelectorAll('#detail-rows tr').length === 1 &&
    document.querySelector('#detail-rows tr').cells[5].textContent === '0 / 1'`), 'and the progress of its peer')
  await browser.key('Escape', 'Escape')
  await until(() => browser.value(`document.getElementById('detail').hidden`), 'Escape closes them')

  const banned = 'ab'.repeat(32)
  await api.json('POST', '/v1/bans', { subject: banned, ms: 60000 })
  await until(() => browser.value(`${text('ban-rows')}.includes('${banned.slice(0, 16)}')`), 'a ban is listed')
  await until(() => browser.value(`${text('warnings')}.includes('banned')`), 'and a warning')

  await browser.value(`document.querySelector('#choice [aria-selected=true]').focus()`)
  await browser.key('ArrowRight')
  assert.strictEqual(await browser.value(`document.querySelector('#choice [aria-selected=true]').textContent`), 'bytes')

  const back = () => browser.value(`getComputedStyle(document.body).backgroundColor`)
  await browser.scheme('light')
  const light = await back()
  await picture(browser, 'page-light.png')
  await browser.scheme('dark')
  await until(async () => (await back()) !== light, 'the page follows a dark room')
  await picture(browser, 'page-dark.png')

  const outside = await browser.value(
    `performance.getEntriesByType('resource').filter((entry) => !entry.name.startsWith(location.origin)).length`)
  assert.strictEqual(outside, 0)
  assert.deepStrictEqual(browser.troubles, [])
}

async function picture(browser, name) {
  if (process.env.CORESTORE_SCREENSHOTS) await browser.screenshot(path.join(process.env.CORESTORE_SCREENSHOTS, name))
}
