/**
 * A film with a map over it, in step: the film's own time says which latent frame is seen. Without a film, or with single
 * pictures, a clock of its own goes on while somebody can see it.
 */

import { make } from "./elements.js"

const FPS = 16 // of pictures, as Wan's films have

/**
 * @typedef {object} Backdrop
 * @property {string[]} urls Of one film, or of its pictures; none for a map alone.
 * @property {boolean} isFilm
 *
 * @typedef {object} Maps Of which frames there are maps.
 * @property {number[]} grid Latent frames, and cells down and across.
 * @property {number} frames Of the film.
 * @property {number[]} starts Where in the film latent frames begin, 0 to 1.
 *
 * @typedef {object} Film
 * @property {HTMLElement} element
 * @property {(maps: Maps, backdrop: Backdrop) => void} load
 * @property {(strip: ImageBitmap | null) => void} lay Lay a map over it: its latent frames below each other.
 * @property {() => void} remove
 */

/**
 * @param {{onPoint: (place: {x: number, y: number, frame: number} | null) => void, play: string, pause: string}} options
 * @returns {Film}
 */
export function makeFilm({ onPoint, play, pause }) {
  const element = make("div", "ab-film")
  const stage = make("div", "ab-stage")
  const video = Object.assign(document.createElement("video"), { muted: true, loop: true, playsInline: true })
  const picture = document.createElement("img")
  const canvas = document.createElement("canvas")
  const button = /** @type {HTMLButtonElement} */ (make("button", "ab-button ab-playing"))
  stage.append(video, picture, canvas)
  element.append(stage, button)

  let maps = /** @type {Maps} */ ({ grid: [1, 1, 1], frames: 1, starts: [0] })
  let urls = /** @type {string[]} */ ([])
  let isFilm = false
  let strip = /** @type {ImageBitmap | null} */ (null)
  let frame = -1
  let at = 0 // of the clock, in pictures
  let clock = 0
  let isWanted = true // to play, as soon as it is seen
  let isSeen = false
  let pointer = /** @type {{x: number, y: number} | null} */ (null)
  let isOver = false

  const count = () => (urls.length > 1 ? urls.length : maps.frames)
  const position = () => (isFilm ? video.currentTime / video.duration || 0 : at / count())
  const draw = () => {
    const context = canvas.getContext("2d")
    context?.clearRect(0, 0, canvas.width, canvas.height)
    if (strip)
      context?.drawImage(
        strip,
        0,
        frame * canvas.height,
        canvas.width,
        canvas.height,
        0,
        0,
        canvas.width,
        canvas.height,
      )
  }
  const point = () => onPoint(pointer && { ...pointer, frame: Math.max(frame, 0) })
  const step = () => {
    if (!isFilm && urls.length > 1) picture.src = urls[at % urls.length]
    const now = maps.starts.findLastIndex((start) => start <= position() + 1e-6)
    if (now === frame) return
    frame = now
    draw()
    if (pointer) point()
  }
  const follow = () => {
    if (isOver) return
    step()
    video.requestVideoFrameCallback(follow)
  }
  const tick = () => {
    at = (at + 1) % count()
    step()
  }
  const turn = () => {
    const isOn = isWanted && isSeen && (isFilm || maps.frames > 1)
    button.textContent = isWanted ? "❚❚" : "▶"
    button.title = isWanted ? pause : play
    button.hidden = !isFilm && maps.frames < 2
    clearInterval(clock)
    clock = isOn && !isFilm ? setInterval(tick, 1000 / FPS) : 0
    if (isFilm && isOn)
      video.play().catch(() => {}) // stopped before it had begun
    else video.pause()
  }

  button.onclick = () => {
    isWanted = !isWanted
    turn()
  }
  stage.onpointermove = ({ clientX, clientY }) => {
    const { left, top, width, height } = stage.getBoundingClientRect()
    const inCells = (part, cells) => (Math.min(cells - 1, Math.max(0, Math.floor(part * cells))) + 0.5) / cells
    const next = {
      x: inCells((clientX - left) / width, maps.grid[2]),
      y: inCells((clientY - top) / height, maps.grid[1]),
    }
    if (next.x === pointer?.x && next.y === pointer?.y) return
    pointer = next
    point()
  }
  stage.onpointerleave = () => {
    pointer = null
    point()
  }
  const observer = new IntersectionObserver((entries) => {
    isSeen = entries.at(-1)?.isIntersecting ?? false
    turn()
  })
  observer.observe(stage)
  video.requestVideoFrameCallback(follow)

  return {
    element,
    load(newMaps, backdrop) {
      maps = newMaps
      isFilm = backdrop.isFilm
      urls = backdrop.urls
      at = 0
      frame = -1
      stage.style.aspectRatio = `${maps.grid[2]} / ${maps.grid[1]}`
      video.hidden = !isFilm
      picture.hidden = isFilm || !urls.length
      if (isFilm) video.src = urls[0]
      else {
        video.removeAttribute("src")
        if (urls.length) picture.src = urls[0]
      }
      step()
      turn()
    },
    lay(newStrip) {
      strip?.close()
      strip = newStrip
      if (strip) Object.assign(canvas, { width: strip.width, height: strip.height / maps.grid[0] })
      draw()
    },
    remove() {
      isOver = true
      observer.disconnect()
      clearInterval(clock)
      strip?.close()
      video.removeAttribute("src")
      video.load()
    },
  }
}
