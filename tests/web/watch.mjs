// The watch page in a real browser.   node watch.mjs CASE URL [MORE…]
// Prints a line for each thing that holds; the first that does not ends it. With SHOTS set, pictures go there.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const [what, url, ...more] = process.argv.slice(2)
const PATIENCE = 20_000
const say = (text) => console.log(text)
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync'],
})
const troubles = []

// `prepare` gets the context before there is a page.
async function open(where, options = {}, prepare = async () => {}) {
  // Over HTTPS by a certificate of the test's own, which curl verifies there.
  const ignoreHTTPSErrors = where.startsWith('https:')
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ignoreHTTPSErrors, ...options })
  await context.addInitScript(() => {
    window.violations = []
    window.frames_shown = 0
    document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`))
    document.addEventListener('DOMContentLoaded', () => {
      const video = document.querySelector('#video')
      const count = () => {
        window.frames_shown++
        video.requestVideoFrameCallback(count)
      }
      video?.requestVideoFrameCallback(count)
    })
  })
  await prepare(context)
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE)
  page.asked = []
  page.on('request', (r) => page.asked.push(r.url()))
  page.on('pageerror', (e) => troubles.push(e.message))
  page.on('console', (m) => m.type() === 'error' && !/status of (403|404|503)/.test(m.text()) && troubles.push(m.text()))
  await page.goto(where)
  return page
}

const shoot = (page, name) => process.env.SLOTCAST_SHOTS && page.screenshot({ path: `${process.env.SLOTCAST_SHOTS}/watch-${name}.png` })
const spread = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  return { least: sorted[0], median: sorted[sorted.length >> 1], most: sorted.at(-1), last: values.at(-1) }
}
const status = (page) => page.textContent('#state')
const says = (page, text, ms = PATIENCE) =>
  page.waitForFunction((t) => document.querySelector('#state').textContent.includes(t), text, { timeout: ms })
const numbers = (page) => page.evaluate(() => {
  const video = document.querySelector('#video')
  const latency = parseFloat(document.querySelector('#latency').textContent)
  return { frames: window.frames_shown, at: video.currentTime, latency, paused: video.paused, muted: video.muted }
})
// What the picture is now: a coarse sum of its pixels.
const picture = (page) => page.evaluate(() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 18 })
  const pen = canvas.getContext('2d')
  pen.drawImage(document.querySelector('#video'), 0, 0, 32, 18)
  return pen.getImageData(0, 0, 32, 18).data.join()
})

// For two seconds of the programme, however long a busy machine takes over them.
async function plays(page) {
  await page.waitForFunction(() => window.frames_shown > 10)
  const before = await numbers(page)
  const seen = await picture(page)
  await page.waitForFunction(({ frames, at }) => window.frames_shown > frames + 30 && document.querySelector('#video').currentTime > at + 2, before)
  assert.notEqual(await picture(page), seen)
  return numbers(page)
}

const cases = {
  async countdown() {
    const page = await open(url)
    assert.match(await status(page), /^Starts in ([0-9]+ (d|h|min|s) ?){1,2}\.$/)
    const first = await status(page)
    await page.waitForFunction((t) => document.querySelector('#state').textContent !== t, first)
    assert.equal(await page.isHidden('#theatre'), true)
    assert.equal(await page.title(), '<b>Town & hall')
    await shoot(page, 'before')
    say('before its time the page counts down')
    await says(page, 'Waiting for the picture', 60000) // its event opens 43 seconds after the relay
    say('then it waits for the picture')
    return page
  },

  // MORE: nothing. The publisher is there.
  async live() {
    const page = await open(url)
    await says(page, 'Live now')
    const { latency } = await plays(page)
    assert.ok(latency > 0.3 && latency < 8, `${latency} s behind`)
    assert.ok(page.asked.some((u) => /ll\.m3u8\?.*_HLS_msn=/.test(u)) && page.asked.some((u) => /\/\d+\.\d+-\w+\.ts$/.test(u)))
    say('pictures advance, from parts, and the page says how far behind they are')

    await page.keyboard.press('l') // a busy machine falls behind, and makes it up by a twentieth at a time
    await page.waitForFunction(() => document.querySelector('#live').disabled)
    const near = await numbers(page)
    await page.keyboard.press('k')
    assert.equal((await numbers(page)).paused, true)
    await sleep(5000)
    await page.waitForFunction(() => !document.querySelector('#live').disabled)
    assert.ok((await numbers(page)).latency > near.latency + 2)
    await shoot(page, 'behind')
    await page.focus('#live')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.querySelector('#live').disabled)
    assert.equal((await numbers(page)).paused, false)
    await plays(page)
    await page.keyboard.press('m')
    assert.equal((await numbers(page)).muted, false)
    await page.waitForFunction(() => document.querySelector('#sound').textContent === 'Sound off')
    say('paused, and back to live, by keyboard alone')

    await page.setViewportSize({ width: 360, height: 640 })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(wide <= 360, `${wide} px wide on a phone`)
    for (const button of ['#live', '#sound']) assert.ok((await page.locator(button).boundingBox()).height >= 44)
    await shoot(page, 'phone')
    say('it fits a phone, and its buttons a finger')

    const host = new URL(url).host
    for (const asked of page.asked) assert.ok(asked.startsWith('blob:') || new URL(asked).host === host, asked)
    say('no other host is asked')
    return page
  },

  // As on a machine that is slow to begin: the picture starts four seconds after the page has it.
  async late() {
    const page = await open(url, {}, (context) => context.addInitScript(() => {
      const play = HTMLMediaElement.prototype.play
      HTMLMediaElement.prototype.play = async function () {
        this.pause()
        if (this.readyState < 3) await new Promise((can) => this.addEventListener('canplay', can, { once: true }))
        await new Promise((done) => setTimeout(done, 4000))
        HTMLMediaElement.prototype.play = play
        window.begun_late = performance.now()
        return play.call(this)
      }
    }))
    await page.waitForFunction(() => window.begun_late)
    const late = await page.waitForFunction(() => parseFloat(document.querySelector('#latency').textContent))
    await page.waitForFunction(() => window.frames_shown > 10)
    const first = await late.jsonValue()
    await page.waitForFunction((most) => parseFloat(document.querySelector('#latency').textContent) < most, first - 2, { timeout: 9000 })
    await plays(page)
    say(`begun ${first} s behind live, it has made that up at once`)
    return page
  },

  // MORE: seconds. Pictures advance without a stall.
  async long() {
    const page = await open(url)
    await plays(page)
    await page.evaluate(() => {
      const video = document.querySelector('#video')
      const begun = performance.now()
      const since = (t) => +((t - begun) / 1000).toFixed(2)
      window.stalls = []
      // Whose fault it was: the page that had no time (late), what did not come (asked), or the player (ahead).
      let late = []
      let last = begun
      setInterval(() => {
        const now = performance.now()
        if (now - last > 300) late = [...late.slice(-4), [since(last), since(now)]]
        last = now
      }, 50)
      performance.setResourceTimingBufferSize(1e6)
      video.addEventListener('waiting', () => {
        const ends = video.buffered
        window.stalls.push({
          at: since(performance.now()),
          ahead: ends.length ? ends.end(ends.length - 1) - video.currentTime : 0,
          behind: document.querySelector('#latency').textContent,
          late,
          asked: performance.getEntriesByType('resource').slice(-8)
            .map((e) => `${e.name.replace(/.*[/]/, '')} ${since(e.startTime)}+${((e.responseEnd - e.startTime) / 1000).toFixed(2)}`),
        })
      })
    })
    const begun = Date.now()
    const first = await numbers(page)
    const behind = []
    while (Date.now() - begun < Number(more[0]) * 1000) {
      await sleep(1000)
      behind.push((await numbers(page)).latency || 0)
    }
    const last = await numbers(page)
    const passed = (Date.now() - begun) / 1000
    const stalls = await page.evaluate(() => window.stalls)
    say(JSON.stringify({ passed, played: last.at - first.at, frames: last.frames - first.frames, behind: spread(behind) }))
    for (const stall of stalls) say(JSON.stringify(stall))
    assert.equal(stalls.length, 0)
    assert.ok(last.at - first.at > 0.97 * passed)
    assert.ok(last.frames - first.frames > 0.9 * 25 * passed)
    return page
  },

  // MORE: nothing. What was played is cleared up while no part is on its way, here every other second.
  async clears() {
    const page = await open(url, {}, async (context) => {
      await context.route('**/player.js', async (route) => {
        const answer = await route.fetch()
        const body = (await answer.text()).replace(/const KEPT_S = \d+/, 'const KEPT_S = 1')
        await route.fulfill({ response: answer, body })
      })
      await context.addInitScript(() => {
        window.cleared = []
        let [coming, Hls] = [false, undefined]
        const follow = (Plain) => class extends Plain {
          constructor(config) {
            super(config)
            this.on(Plain.Events.FRAG_LOADED, () => (coming = true))
            this.on(Plain.Events.FRAG_BUFFERED, () => (coming = false))
          }
        }
        Object.defineProperty(window, 'Hls', { get: () => Hls, set: (plain) => (Hls = follow(plain)) })
        const { remove } = SourceBuffer.prototype
        SourceBuffer.prototype.remove = function (...span) {
          window.cleared.push(coming)
          this.addEventListener('updateend', () => window.cleared.push(coming), { once: true })
          return remove.apply(this, span)
        }
      })
    })
    await plays(page)
    await page.waitForFunction(() => window.cleared.length >= 20)
    assert.deepEqual(await page.evaluate(() => window.cleared.filter((coming) => coming)), [])
    const kept = await page.evaluate(() => document.querySelector('#video').currentTime - document.querySelector('#video').buffered.start(0))
    assert.ok(kept < 6, `${kept} s are kept`)
    say('what was played goes while no part is on its way')
    return page
  },

  // MORE: seconds, and how old half of the pictures may be at most, in seconds. The source is push-stream's test:,
  // whose pictures say when they were made (push-stream(1)).
  async latency() {
    const page = await open(url)
    await plays(page)
    await page.waitForFunction(() => document.querySelector('#live').disabled)
    const ages = await page.evaluate(async (seconds) => {
      const video = document.querySelector('#video')
      const [width, height, blocks] = [320, 8, 32]
      const canvas = Object.assign(document.createElement('canvas'), { width, height })
      const pen = canvas.getContext('2d', { willReadFrequently: true })
      const age = () => {
        const now = Date.now()
        const strip = video.videoHeight / 16
        pen.drawImage(video, 0, video.videoHeight - strip, video.videoWidth, strip, 0, 0, width, height)
        const { data } = pen.getImageData(0, 0, width, height)
        const bytes = [0, 0, 0, 0]
        for (let i = 0; i < blocks; i++) {
          const at = 4 * (width * (height / 2) + (width / blocks) * (i + 0.5))
          bytes[i >> 3] = (bytes[i >> 3] << 1) | (data[at + 1] > 128)
        }
        const [a, b, c, check] = bytes
        const range = 2 ** 24
        return (a ^ b ^ c ^ 0x5a) === check ? (((now - (a * 65536 + b * 256 + c)) % range) + range) % range : null
      }
      const out = []
      const until = performance.now() + seconds * 1000
      while (performance.now() < until) {
        await new Promise((shown) => video.requestVideoFrameCallback(shown))
        out.push(age())
      }
      return out
    }, Number(more[0]))
    const read = ages.filter((age) => age !== null).sort((a, b) => a - b)
    const figures = { pictures: ages.length, read: read.length, p50_ms: read[Math.floor(read.length / 2)], worst_ms: read.at(-1) }
    say(JSON.stringify(figures))
    assert.ok(read.length > 100 && read.length > 0.9 * ages.length)
    assert.ok(figures.p50_ms > 50 && figures.p50_ms < Number(more[1]) * 1000)
    return page
  },

  async password() {
    const page = await open(url)
    assert.equal(await page.title(), 'Password')
    await page.keyboard.type('wrong') // it has the focus
    await page.keyboard.press('Enter')
    await page.waitForSelector('[role=alert]')
    await page.fill('input[name=password]', 'sesame')
    await page.click('button')
    await page.waitForSelector('#video', { state: 'attached' })
    assert.match(page.url(), /\/w\/[^/]+\/[A-Za-z0-9_-]{32}\/$/)
    await says(page, 'Live now')
    await plays(page)
    say('a wrong password is told, the right one leads to the picture')
    return page
  },

  // MORE: nothing. The event ends while the page is open.
  async end() {
    const page = await open(url)
    await plays(page)
    // Patience counts from the end, which may be further away than that.
    const end = await page.evaluate(() => Date.parse(JSON.parse(document.querySelector('#watch').dataset.state).end))
    assert.match(await status(page), /Live now/)
    await page.waitForTimeout(Math.max(0, end - Date.now()))
    await says(page, 'This event is over. You can watch it again.')
    say('the page sees the end')
    const again = await open(url)
    await says(again, 'You can watch it again')
    const { at } = await plays(again)
    assert.ok(at < 15, `it begins at ${at}`)
    assert.equal(await again.isHidden('#live'), true)
    await shoot(again, 'over')
    say('and who comes later watches from the beginning')
    return again
  },

  async kept_out() {
    const page = await open(url)
    await says(page, 'tries again by itself')
    await shoot(page, 'kept-out')
    say('kept out')
    await says(page, 'You can watch it again', 2 * PATIENCE)
    await page.waitForFunction(() => window.frames_shown > 20)
    say('and by itself it gets a share of the line')
    return page
  },

  async full() {
    const page = await open(url)
    await says(page, 'All places are taken')
    await shoot(page, 'full')
    say('full')
    const { frames } = await numbers(page) // of what was there before
    await says(page, 'Live now')
    await page.waitForFunction((n) => window.frames_shown > n + 20, frames)
    await plays(page)
    say('and by itself it gets a place')
    return page
  },
}

try {
  const page = await cases[what]()
  assert.deepEqual(await page.evaluate(() => window.violations), [])
  assert.deepEqual(troubles, [])
  say('the page\'s policy was not violated')
} finally {
  await browser.close()
}
