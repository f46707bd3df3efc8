// What the calendar page makes of a document, without a browser: node calendar-model.mjs
import assert from 'node:assert/strict'
import { lanes, merge, rows } from '../../lib/web/calendar/model.js'
import { durationText, dayOf, dayName, dayStart, hours } from '../../lib/web/calendar/time.js'

let seed = 7
const random = (n) => (seed = (seed * 48271) % 2147483647) % n
const iso = (minute) => new Date(Date.UTC(2026, 10, 22) + minute * 60_000).toISOString()

// RFC 7396, appendix A.
for (const [target, patch, result] of [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }], [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }], [{ a: 'b' }, { a: null }, {}],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }], [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }], [['a', 'b'], ['c', 'd'], ['c', 'd']], [{ a: 'foo' }, null, null],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]) assert.deepEqual(merge(target, patch), result)

// Lines: whatever was admitted finds room on as many as there are, own bookings and others' alike.
for (let round = 0; round < 300; ++round) {
  const lines = 1 + random(5)
  const taken = []
  for (let i = 0; i < 30; ++i) {
    const open = random(1400)
    const one = { open, close: open + 1 + random(300), own: random(2) === 0 }
    const at = (t) => taken.filter((b) => b.open <= t && t < b.close).length
    if ([one.open, ...taken.map((b) => b.open).filter((t) => t > one.open && t < one.close)].every((t) => at(t) < lines)) taken.push(one)
  }
  const edges = [...new Set(taken.flatMap((b) => [b.open, b.close]))].sort((a, b) => a - b)
  const levels = edges.slice(1).map((to, i) => ({ from: iso(edges[i]), to: iso(to), used: taken.filter((b) => b.open <= edges[i] && edges[i] < b.close).length }))
  const document = {
    from: iso(0), to: iso(1800), channels: {}, relays: {}, busy: {}, maintenance: {},
    carriers: { a: { type: 'link', lines, capacity_bps: 1e6 } },
    load: { 'carrier:a:lines': levels.filter((l) => l.used > 0) },
    bookings: Object.fromEntries(taken.filter((b) => b.own).map((b, i) => [`${i}`, { id: `${i}`, state: 'booked', start: iso(b.open), end: iso(b.close), lead_in_s: 0, drain_s: 0, carriers: ['a'] }])),
  }
  const drawn = rows(document).filter((r) => r.kind === 'line')
  assert.equal(drawn.length, lines)
  for (const row of drawn)
    row.bars.forEach((bar, i) => assert.ok(i === 0 || row.bars[i - 1].close <= bar.open, 'two bars on one line at one time'))
  const minutes = drawn.flatMap((r) => r.bars).reduce((sum, b) => sum + b.close - b.open, 0) / 60_000
  assert.equal(minutes, taken.reduce((sum, b) => sum + b.close - b.open, 0))
}
assert.deepEqual(lanes([]), [])

// Days of Paris: 25 hours when summer ends, 23 when it begins; TZ says so.
assert.equal(process.env.TZ, 'Europe/Paris')
for (const [day, length] of [['2026-10-25', 25], ['2026-03-29', 23], ['2026-11-22', 24]]) {
  const from = dayOf(day)
  assert.equal((dayStart(from, 1) - from) / 3_600_000, length)
  assert.equal(dayName(from), day)
  assert.equal(hours(from, dayStart(from, 1), 6).length, 4)
}
for (const wrong of ['2026-02-30', 'x', '', null]) assert.equal(dayOf(wrong), null)
assert.equal(durationText(5_400_000), '1 h 30 min')
console.log('model: good')
