// Playlists as two other implementations read them, and what RFC 8216 and 8216bis say of one after the other.
//   node playlists.mjs URL SECONDS    follows URL, as a player of low latency does when it can; with FILE… instead
//                                     of SECONDS it reads those, oldest first
// Prints what it saw as one JSON object; the first thing that is wrong ends it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import HLS from 'hls-parser'
import { Parser } from 'm3u8-parser'

const [url, ...rest] = process.argv.slice(2)
const seen = { playlists: 0, segments: 0, gaps: 0, parts: 0, skipped: 0, merged: 0, discontinuities: 0, ended: false }
const known = new Map() // by media sequence: what was said of a segment
const knownParts = new Map() // by URI
const blocks = new Map() // by media sequence: a segment's lines, without its parts
let before

const round = (x) => Math.round(x * 1000)

function tags(text) {
  const lines = text.split('\n')
  assert.equal(lines[0], '#EXTM3U')
  assert.equal(lines.at(-1), '', 'the last line ends')
  const all = (name) => lines.filter((l) => l === name || l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1))
  const one = (name) => {
    assert.ok(all(name).length <= 1, `${name} is there once at most`)
    return all(name)[0]
  }
  return { lines, all, one }
}

// A delta playlist with what it skipped, as a player has that of earlier ones.
function merge(lines, first, skipped) {
  const had = Array.from({ length: skipped }, (_, i) => {
    assert.ok(blocks.has(first + i), `segment ${first + i} is skipped and was never listed`)
    return blocks.get(first + i)
  })
  return lines.flatMap((l) => (l.startsWith('#EXT-X-SKIP:') ? had.flat() : [l])).join('\n')
}

const withoutVersion = (text) => text.replace(/^#EXT-X-VERSION:\d+\n/m, '')

function check(text) {
  const { lines, all, one } = tags(text)
  const target = Number(one('#EXT-X-TARGETDURATION'))
  const first = Number(one('#EXT-X-MEDIA-SEQUENCE'))
  const skipped = Number(one('#EXT-X-SKIP')?.match(/^SKIPPED-SEGMENTS=(\d+)$/)[1] ?? 0)
  const discontinuity = Number(one('#EXT-X-DISCONTINUITY-SEQUENCE') ?? 0)
  const control = one('#EXT-X-SERVER-CONTROL')
  const ended = all('#EXT-X-ENDLIST').length > 0
  const version = Number(one('#EXT-X-VERSION'))

  // Two strangers' readers: neither throws, warns or disagrees.
  HLS.setOptions({ strictMode: true })
  const parser = new Parser()
  const warnings = []
  parser.on('warn', (w) => warnings.push(w.message))
  parser.push(text)
  parser.end()
  assert.deepEqual(warnings, [])
  const theirs = parser.manifest
  assert.equal(theirs.targetDuration, target)
  assert.equal(theirs.mediaSequence, first)
  const whole = merge(lines, first, skipped)
  const other = HLS.parse(whole) // it knows no delta playlists
  assert.equal(other.isMasterPlaylist, false)
  assert.equal(other.targetDuration, target)
  assert.equal(other.endlist, ended)
  assert.equal(other.segments.filter((s) => s.uri).length, skipped + all('#EXTINF').length)

  // Our own walk over it.
  const partTarget = control ? Number(one('#EXT-X-PART-INF').match(/^PART-TARGET=([\d.]+)$/)[1]) : 0
  if (skipped) assert.ok(version >= 9, 'EXT-X-SKIP needs version 9')
  let sequence = first + skipped
  let fresh = { discontinuity: false, parts: [], date: undefined }
  let total = 0
  let block = []
  for (const line of lines) {
    if (/^(#EXT-X-DISCONTINUITY$|#EXT-X-GAP$|#EXT-X-PROGRAM-DATE-TIME:|#EXTINF:|[^#])/.test(line)) block.push(line)
    if (line === '#EXT-X-DISCONTINUITY') fresh.discontinuity = true
    if (line === '#EXT-X-GAP') fresh.gap = true
    if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) {
      fresh.date = line.slice(25)
      assert.match(fresh.date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
    if (line.startsWith('#EXT-X-PART:')) {
      const [, duration, uri, independent] = line.match(/^#EXT-X-PART:DURATION=([\d.]+),URI="([^"]+)"(,INDEPENDENT=YES)?$/)
      const part = { duration: Number(duration), uri, independent: !!independent }
      assert.ok(part.duration <= partTarget, `${uri}: ${duration} is over the part target`)
      if (knownParts.has(uri)) assert.deepEqual(part, knownParts.get(uri))
      else seen.parts++
      knownParts.set(uri, part)
      fresh.parts.push(part)
    }
    if (line.startsWith('#EXTINF:')) fresh.duration = Number(line.slice(8, -1))
    if (line === '' || line.startsWith('#')) continue
    const segment = { uri: line, ...fresh }
    fresh = { discontinuity: false, parts: [], date: undefined }
    assert.ok(Math.round(segment.duration) <= target, `${line}: ${segment.duration} is over the target duration`)
    if (segment.parts.length) {
      const sum = segment.parts.reduce((a, p) => a + p.duration, 0)
      assert.ok(Math.abs(sum - segment.duration) <= 0.001 * segment.parts.length, `${line}: its parts last ${sum}`)
      for (const part of segment.parts.slice(0, -1))
        assert.ok(part.duration >= 0.85 * 0.334 - 0.001, `${part.uri}: ${part.duration} is under 85 % of the part target`)
    }
    const { parts, ...lasting } = segment
    if (known.has(sequence)) assert.deepEqual(lasting, known.get(sequence), `segment ${sequence} changed`)
    else {
      seen.segments++
      if (segment.discontinuity) seen.discontinuities++
      if (segment.gap) seen.gaps++
      assert.ok(!before || ended || sequence > before.last, `segment ${sequence} came late`)
    }
    known.set(sequence, lasting)
    blocks.set(sequence, block)
    block = []
    total += segment.duration
    sequence++
  }
  const listed = total
  const open = fresh.parts // of the segment that is being filled
  total += open.reduce((a, p) => a + p.duration, 0)
  for (const part of open.slice(0, -1)) assert.ok(part.duration >= 0.85 * 0.334 - 0.001, `${part.uri} is short`)

  if (control) {
    const [, skipUntil, hold] = control.match(/^CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=([\d.]+),PART-HOLD-BACK=([\d.]+)$/)
    assert.ok(Number(skipUntil) >= 6 * target)
    assert.ok(round(Number(hold)) >= round(3 * partTarget))
    const hint = one('#EXT-X-PRELOAD-HINT')
    assert.equal(hint === undefined, ended)
    if (hint) {
      assert.match(hint, new RegExp(`^TYPE=PART,URI="${sequence}\\.${open.length}-[0-9a-z]+\\.ts"$`))
    }
  }
  if (before) {
    // RFC 8216, 6.2.2: nothing is removed unless three target durations stay.
    if (first > before.first && !skipped) assert.ok(listed >= 3 * target, `${listed} s are listed`)
    assert.equal(target, before.target, 'the target duration never changes')
    assert.ok(first >= before.first, 'the media sequence never goes back')
    assert.ok(discontinuity >= before.discontinuity)
    assert.ok(sequence > before.last, 'nothing is taken back')
    assert.ok(!before.ended || text === before.text, 'after its end it never changes')
    // What left the front is counted: RFC 8216, 6.2.2.
    let gone = 0
    for (let s = before.first; s < first; s++) if (known.get(s)?.discontinuity) gone++
    assert.equal(discontinuity - before.discontinuity, gone, 'the discontinuity sequence')
  }
  before = { target, first, discontinuity, last: sequence - 1, ended, text }
  seen.playlists++
  seen.skipped += skipped
  seen.ended = ended
  seen.listed_s = Math.round(total)
  return { control: control !== undefined, sequence, part: open.length, ended, skipped, whole }
}

if (rest.length === 1 && /^\d+$/.test(rest[0])) {
  const until = Date.now() + Number(rest[0]) * 1000
  let next = ''
  let blocked = 0
  for (let i = 0; Date.now() < until && !seen.ended; i++) {
    const asked = Date.now()
    const answer = await fetch(url + next, { signal: AbortSignal.timeout(20_000) })
    if (answer.status === 503) {
      await new Promise((done) => setTimeout(done, 500))
      continue
    }
    assert.equal(answer.status, 200)
    const { control, sequence, part, skipped, whole } = check(await answer.text())
    if (skipped) {
      // Of the same moment, if nothing came in between, the full one says the same.
      const full = check(await (await fetch(url)).text())
      if (full.sequence === sequence && full.part === part) {
        assert.equal(withoutVersion(whole), withoutVersion(full.whole))
        seen.merged++
      }
    }
    if (control) {
      next = `?_HLS_msn=${sequence}&_HLS_part=${part}${i % 2 ? '&_HLS_skip=YES' : ''}`
      blocked += Date.now() - asked > 20 ? 1 : 0
    } else await new Promise((done) => setTimeout(done, 700))
  }
  seen.blocked = blocked
} else for (const file of rest) check(readFileSync(file, 'utf8'))
console.log(JSON.stringify(seen))
