// The video: hls.js where the browser has media sources, else the browser's own HLS. Knows nothing of the page.
/* global Hls */

const RETRY_MS = 2000
const KEPT_OUT_MS = 3_000
const STUCK_MS = 5000
const KEPT_S = 30 // of what was played live
const LATE_S = 1 // behind what it aims at
const SETTLED_MS = 8000
// A blocked playlist request may take three target durations, and a publisher who is away takes longer.
const patient = {
  default: {
    maxTimeToFirstByteMs: 30_000,
    maxLoadTimeMs: 60_000,
    timeoutRetry: { maxNumRetry: 1000, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 1000, retryDelayMs: 1000, maxRetryDelayMs: 4000 },
  },
}

export class Player {
  #video
  #files
  #hls
  #retry
  #live = false
  #moved = { to: 0, at: 0 } // where the picture was last, and since when
  #begun = 0
  #settled // when nobody expects a jump any more
  refused = false // the relay has no place for this viewer now

  // Script files are below `files`.
  constructor(video, files) {
    this.#video = video
    this.#files = files
  }

  get running() { return this.#hls !== undefined || this.#video.hasAttribute('src') }

  // For longer than a playlist takes to come.
  get keptOut() { return this.refused && performance.now() - this.#begun > KEPT_OUT_MS }

  // Plays what goes on, or what is over from `from` seconds on.
  start(live, from = 0) {
    this.stop()
    this.#begun = performance.now()
    this.#live = live
    this.#settled = undefined
    this.#moved = { to: this.#video.currentTime, at: performance.now() }
    if (typeof Hls !== 'undefined' && Hls.isSupported()) this.#begin(from)
    else this.#video.src = live ? 'll.m3u8' : 'index.m3u8'
    this.#video.play().catch(() => {}) // a browser may want a click first
  }

  #begin(from) {
    const hls = (this.#hls = new Hls({
      workerPath: `${this.#files}hls.worker.js`,
      lowLatencyMode: this.#live,
      startPosition: this.#live ? -1 : from,
      backBufferLength: this.#live ? Infinity : 60, // see clear()
      maxLiveSyncPlaybackRate: 1.05,
      liveSyncOnStallIncrease: 0.5,
      playlistLoadPolicy: patient,
      manifestLoadPolicy: patient,
    }))
    this.refused = true // until there is a playlist: hls.js tells nobody that it asks again
    hls.on(Hls.Events.ERROR, (_, data) => {
      this.refused = data.response?.code === 503
      if (data.fatal) this.#recover(data)
    })
    hls.on(Hls.Events.LEVEL_LOADED, () => (this.refused = false))
    if (this.#live) hls.on(Hls.Events.FRAG_BUFFERED, () => this.#clear(hls))
    hls.loadSource(this.#live ? 'll.m3u8' : 'index.m3u8')
    hls.attachMedia(this.#video)
  }

  // What was played goes when no part is on its way. hls.js 1.7 clears up at any time, and then forgets the parts of
  // the segment that one of them is about to join: it asks for no more of them until the picture stands.
  #clear(hls) {
    const at = this.#video.currentTime
    const kept = this.#video.buffered
    const newest = hls.latestLevelDetails?.partList?.at(-1)
    if (!kept.length || at - kept.start(0) < 2 * KEPT_S || (newest && !newest.loaded)) return
    hls.trigger(Hls.Events.BUFFER_FLUSHING, { startOffset: 0, endOffset: at - KEPT_S, type: null })
  }

  #recover(data) {
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR) return this.#hls.recoverMediaError()
    clearTimeout(this.#retry)
    const from = this.#live ? 0 : this.#video.currentTime
    this.#retry = setTimeout(() => this.running && this.start(this.#live, from), RETRY_MS)
  }

  // Call it now and then while media comes. hls.js 1.7 can go on asking for playlists and nothing else: it did when it
  // began while the publisher was away, and a discontinuity followed.
  unstick() {
    const now = performance.now()
    if (this.#video.paused || this.#video.currentTime !== this.#moved.to) {
      if (!this.#video.paused) this.#catchUp(now)
      this.#moved = { to: this.#video.currentTime, at: now }
    } else if (this.running && now - this.#moved.at > STUCK_MS) this.start(this.#live)
  }

  // hls.js aims where live was when it had the first part. A machine that is slow to begin with the picture would make
  // that up by a twentieth at a time; in the first seconds it jumps, as far as there is media.
  #catchUp(now) {
    this.#settled ??= now + SETTLED_MS
    const [hls, edge, kept] = [this.#hls, this.#hls?.liveSyncPosition, this.#video.buffered]
    if (!edge || now > this.#settled || hls.latency < hls.targetLatency + LATE_S) return
    if (kept.length && kept.end(kept.length - 1) > edge) this.toEdge()
  }

  stop() {
    clearTimeout(this.#retry)
    this.#hls?.destroy()
    this.#hls = undefined
    this.#video.removeAttribute('src')
  }

  // Seconds behind what is newest; undefined when that is not known.
  get behind() {
    if (!this.#live || !this.running) return undefined
    if (this.#hls) return this.#hls.latency > 0 ? this.#hls.latency : undefined
    const ends = this.#video.seekable
    return ends.length ? ends.end(ends.length - 1) - this.#video.currentTime : undefined
  }

  get atEdge() {
    const wanted = this.#hls?.targetLatency ?? 6
    return !this.#video.paused && this.behind !== undefined && this.behind < wanted + 2
  }

  toEdge() {
    const ends = this.#video.seekable
    const edge = this.#hls?.liveSyncPosition ?? (ends.length ? ends.end(ends.length - 1) : undefined)
    if (edge) this.#video.currentTime = edge
    this.#video.play().catch(() => {})
  }
}
