// The watch page: says how it is with the event, asks the relay now and then, and plays.
import { Player } from './player.js'

const $ = (id) => document.getElementById(id)
const page = $('watch')
const video = $('video')
const player = new Player(video, page.dataset.files)
let state = JSON.parse(page.dataset.state)
let ahead = Date.parse(state.now) - Date.now() // the relay's clock before ours
let stage = ''

const put = (element, text) => element.textContent !== text && (element.textContent = text)
const local = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' })

// 2 d 3 h, 3 h 5 min, 5 min 10 s, 10 s
export function duration(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000))
  const parts = [[Math.floor(s / 86400), 'd'], [Math.floor(s / 3600) % 24, 'h'], [Math.floor(s / 60) % 60, 'min'], [s % 60, 's']]
  const first = Math.max(0, parts.findIndex(([n]) => n > 0))
  const shown = s === 0 ? [parts[3]] : parts.slice(first, first + 2)
  return shown.map(([n, unit]) => `${n} ${unit}`).join(' ')
}

function words() {
  const wait = Date.parse(state.start) - Date.now() - ahead
  switch (state.stage) {
    case 'live':
      return player.refused && state.full
        ? 'All places are taken. This page tries again by itself.'
        : state.media ? 'Live now.' : 'The picture is away. It comes back by itself.'
    case 'over':
      if (state.on_demand && player.keptOut) return 'This event is over, and the line is taken. This page tries again by itself.'
      return state.on_demand ? 'This event is over. You can watch it again.' : 'This event is over.'
    default:
      return wait > 0 ? `Starts in ${duration(wait)}.` : 'Waiting for the picture.'
  }
}

function show() {
  put($('state'), words())
  page.dataset.stage = state.stage === 'live' && player.refused && state.full ? 'full' : state.stage
  const plays = state.stage === 'live' || (state.stage === 'over' && state.on_demand)
  $('theatre').hidden = !plays
  $('players').hidden = state.stage === 'over'
  if (state.stage === 'live' && state.media) player.unstick()
  const behind = player.behind
  $('live').hidden = state.stage !== 'live'
  $('live').disabled = player.atEdge
  put($('latency'), behind === undefined ? '' : `${behind.toFixed(1)} s behind live`)
  put($('sound'), video.muted ? 'Sound on' : 'Sound off')
  if (stage === state.stage + plays) return
  const wasLive = stage === 'livetrue' && player.running
  stage = state.stage + plays
  if (wasLive && state.stage === 'over') return // it plays to its end by itself
  if (plays) video.poster = 'poster.jpg' // until the first picture; not before there is media
  if (plays) player.start(state.stage === 'live')
  else player.stop()
}

async function ask() {
  try {
    const answer = await fetch('state.json', { cache: 'no-store', signal: AbortSignal.timeout(8000) })
    if (answer.ok) {
      state = await answer.json()
      ahead = Date.parse(state.now) - Date.now()
    } else if (answer.status === 404) state = { ...state, stage: 'over', on_demand: false }
  } catch {
    // The relay is away: what plays goes on, and this asks again.
  }
  const near = Date.parse(state.opens) - Date.now() - ahead < 60_000
  const every = state.stage === 'over' ? 30_000 : state.stage === 'live' ? 5_000 : near ? 2_000 : 15_000
  setTimeout(ask, every * (0.8 + 0.4 * Math.random())) // not all viewers at once
}

const keys = {
  ' ': () => (video.paused ? video.play() : video.pause()),
  k: () => (video.paused ? video.play() : video.pause()),
  m: () => (video.muted = !video.muted),
  l: () => state.stage === 'live' && player.toEdge(),
  f: () => (document.fullscreenElement ? document.exitFullscreen() : $('theatre').requestFullscreen?.()),
  ArrowLeft: () => (video.currentTime -= 5),
  ArrowRight: () => (video.currentTime += 5),
}
document.addEventListener('keydown', (event) => {
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key]
  const own = event.target.closest('button, a, video, summary') && event.key === ' '
  if (!act || own || event.ctrlKey || event.altKey || event.metaKey || $('theatre').hidden) return
  event.preventDefault()
  act()
})
$('live').addEventListener('click', () => player.toEdge())
$('sound').addEventListener('click', () => (video.muted = !video.muted))
video.addEventListener('volumechange', show)
for (const time of document.querySelectorAll('time')) put(time, local.format(new Date(time.dateTime)))

show()
setInterval(show, 500)
setTimeout(ask, 1000)
