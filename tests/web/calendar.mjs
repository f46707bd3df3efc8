// The calendar page in a real browser, at a real control.   node calendar.mjs URL CERTIFICATE FOLDER [SHOTS]
// FOLDER has NAME.toml for alice and bob (distributors) and boss (operator). Prints a line for each thing that
// holds; the first that does not ends it. With SHOTS, pictures go there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate, createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

const [base, certificate, folder, shots] = process.argv.slice(2)
const PATIENCE = 15_000
const TITLE = '<script>window.hacked = 1</script> & "Söhne"'

// The browser trusts this one key, and nothing is ignored for any other.
const spki = createHash('sha256')
  .update(new X509Certificate(readFileSync(certificate)).publicKey.export({ type: 'spki', format: 'der' }))
  .digest('base64')
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', `--ignore-certificate-errors-spki-list=${spki}`]

// As a person at a terminal does it.
const ask = (who, ...words) =>
  execFileSync('resv-request', ['--config', `${folder}/${who}.toml`, ...words], { encoding: 'utf8', timeout: PATIENCE })
    .trim().split('\n').map((line) => JSON.parse(line))
const link = (who) => ask(who, 'calendar')[0].url
const minute = (n) => new Date(Math.ceil(Date.now() / 60_000) * 60_000 + n * 60_000).toISOString()
function book(who, title, start, channel, ...more) {
  return ask(who, 'book', '--start', minute(start), '--duration', '30m', '--rate', '4M', '--channel', channel,
    '--title', title, ...more)[0].id
}

let browser
const troubles = []
const say = (text) => console.log(text)

// A browser of its own for each who looks: other cookies, and all that it is sent.
async function look(who, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, timezoneId: 'Europe/Berlin',
    locale: 'en-GB', ...options })
  await context.addInitScript(() => {
    window.violations = []
    window.streamed = ''
    document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`))
    const Source = window.EventSource
    window.EventSource = class extends Source {
      constructor(...all) {
        super(...all)
        for (const name of ['calendar', 'change']) this.addEventListener(name, (e) => (window.streamed += e.data))
      }
    }
  })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE)
  page.asked = []
  page.on('console', (m) => m.type() === 'error' && !options.refused && troubles.push(`${who}: ${m.text()}`))
  page.on('pageerror', (e) => troubles.push(`${who}: ${e.message}`))
  page.on('request', (r) => page.asked.push(r.url()))
  await page.goto(options.refused ? `${base}/calendar` : link(who))
  return page
}

const bar = (id) => `.channel .bar[data-id="${id}"]`
const shoot = (page, name) => shots && page.screenshot({ path: `${shots}/${name}.png` })
// Everything that a page shows and was sent.
const known = async (page) => (await page.content()) + (await page.evaluate(() => window.streamed))

async function liveForThoseWhoMaySee() {
  const first = book('alice', TITLE, 5, 'studio1')
  const [boss, bob, alice] = await Promise.all(['boss', 'bob', 'alice'].map((who) => look(who)))
  for (const page of [boss, alice]) await page.waitForSelector(bar(first))
  assert.match(await boss.getAttribute(bar(first), 'aria-label'), /^Booked: <script>.*by alice$/)
  assert.equal(await boss.evaluate(() => window.hacked), undefined)
  await bob.waitForSelector('.channel .bar.busy')
  say('an operator and its owner see a booking, another distributor that the time is taken')

  const loads = boss.asked.filter((url) => url.endsWith('/calendar')).length
  const second = book('alice', 'Second event', 50, 'studio2', '--hold')
  await Promise.all([boss.waitForSelector(`${bar(second)}.held`), alice.waitForSelector(`${bar(second)}.held`)])
  assert.match(await boss.textContent('#news'), /Held: Second event/)
  await ask('alice', 'commit', second)
  await boss.waitForSelector(`${bar(second)}.booked`)
  await bob.waitForFunction(() => document.querySelectorAll('.channel .bar.busy').length === 2)
  await ask('alice', 'cancel', second)
  await boss.waitForSelector(bar(second), { state: 'detached' })
  await bob.waitForFunction(() => document.querySelectorAll('.channel .bar.busy').length === 1)
  assert.equal(boss.asked.filter((url) => url.endsWith('/calendar')).length, loads)
  say('a hold, its commit and its cancellation appear without a reload')

  const json = await bob.evaluate(async () => {
    const day = (n) => new Date(Date.now() + n * 86_400_000).toISOString()
    return (await fetch(`/v1/calendar?from=${day(-1)}&to=${day(1)}`)).text()
  })
  for (const text of [await known(bob), json])
    for (const secret of [first, second, 'hacked', 'Söhne', 'Second event', 'alice'])
      assert.ok(!text.includes(secret), `bob was told '${secret}'`)
  assert.ok((await known(boss)).includes('Söhne'))
  say('of what is not its own a distributor is told neither title, owner nor id: page, JSON and stream')

  for (const page of [boss, bob, alice])
    for (const url of page.asked) assert.ok(!url.includes('login') || url.includes('#'), `a request line had ${url}`)
  assert.equal(new URL(boss.url()).hash.includes('login'), false)
  say('the link\'s secret is in no request and not in the address any more')
  return { boss, first }
}

async function byKeyboard(boss, first) {
  const other = book('bob', 'Below', 6, 'studio2')
  await boss.waitForSelector(bar(other))
  const focused = () => boss.evaluate(() => document.activeElement.dataset?.id)
  await boss.focus('[data-days="7"]')
  await boss.keyboard.press('Tab') // log out
  await boss.keyboard.press('Tab')
  assert.equal(await boss.evaluate(() => document.activeElement.getAttribute('role')), 'gridcell')
  await boss.focus(bar(first))
  await boss.keyboard.press('ArrowDown')
  assert.equal(await focused(), other)
  await boss.keyboard.press('ArrowUp')
  assert.equal(await focused(), first)
  const outline = await boss.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
  assert.equal(outline, 'solid')
  assert.equal(await boss.locator('[role=gridcell][tabindex="0"]').count(), 1)
  await shoot(boss, 'desktop')
  await boss.keyboard.press('Enter')
  await boss.waitForSelector('dialog[open]')
  assert.equal(await boss.textContent('#details-title'), TITLE)
  await shoot(boss, 'details')
  await boss.keyboard.press('Escape')
  await boss.waitForSelector('dialog[open]', { state: 'hidden' })
  assert.equal(await focused(), first)
  await ask('bob', 'cancel', other) // a change does not take the focus away
  await boss.waitForSelector(bar(other), { state: 'detached' })
  assert.equal(await focused(), first)
  const day = await boss.textContent('#range')
  await boss.keyboard.press('PageDown')
  await boss.waitForFunction((before) => document.querySelector('#range').textContent !== before, day)
  await boss.keyboard.press('t')
  await boss.waitForSelector(bar(first))
  assert.equal(await boss.textContent('#range'), day)
  say('by keyboard: one stop for Tab, arrows from bar to bar, Enter, Escape, Page Down, T; the focus is seen and stays')
}

// Of every text in the page against what is behind it, by WCAG's formula.
const contrast = () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = ([r, g, b]) =>
    [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const style = getComputedStyle(n)
      const stripes = style.backgroundImage.match(/rgba?\([^)]*\)/)
      if (stripes) return rgba(stripes[0])
      const colour = rgba(style.backgroundColor)
      if (colour[3] === 255) return colour
    }
    return [255, 255, 255]
  }
  const bad = []
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  let seen = 0
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement
    if (!walk.currentNode.data.trim() || !node.checkVisibility() || node.closest('.unseen, dialog, noscript')) continue
    const [a, b] = [luminance(rgba(getComputedStyle(node).color)), luminance(behind(node))].sort((x, y) => y - x)
    ++seen
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(`${walk.currentNode.data}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`)
  }
  return { bad, seen }
}

async function readable(first) {
  const held = book('alice', 'Held', 90, 'studio1', '--hold')
  for (const [name, options] of [['phone', { viewport: { width: 360, height: 740 } }], ['dark', { colorScheme: 'dark', reducedMotion: 'reduce' }]]) {
    const page = await look('alice', options)
    await page.waitForSelector(bar(held))
    await page.waitForSelector(bar(first))
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0)
    const { bad, seen } = await page.evaluate(contrast)
    assert.deepEqual(bad, [])
    assert.ok(seen > 20)
    if (name === 'dark') assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('.bar')).animationName), 'none')
    const now = await page.evaluate(() => document.querySelector('.now').getBoundingClientRect().left)
    assert.ok(now > 0 && now < options.viewport?.width || name === 'dark')
    await shoot(page, name)
    await page.context().close()
  }
  say('a phone shows it without scrolling the page sideways; contrast is 4.5 and more; nothing moves where that is asked')
}

async function loggedOut(boss) {
  await boss.click('#leave')
  await boss.waitForSelector('#login:not([hidden])')
  assert.equal(await boss.locator('.bar').count(), 0)
  const stranger = await look('nobody', { refused: true })
  await stranger.waitForSelector('#login:not([hidden])')
  await shoot(stranger, 'login')
  const used = link('boss')
  await stranger.goto('about:blank')
  await stranger.goto(used)
  await stranger.waitForSelector('.scroller:not([hidden])')
  await stranger.context().clearCookies()
  await stranger.goto('about:blank')
  await stranger.goto(used)
  await stranger.waitForSelector('#login:not([hidden])')
  assert.match(await stranger.textContent('#login-text'), /used/)
  say('without a login there is nothing; a link serves once')
}

browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })
try {
  const { boss, first } = await liveForThoseWhoMaySee()
  await byKeyboard(boss, first)
  await readable(first)
  assert.deepEqual(await boss.evaluate(() => window.violations), [])
  assert.deepEqual(troubles, [])
  say('the page broke no rule of its policy and wrote no error')
  await loggedOut(boss)
} finally {
  await browser.close()
}
