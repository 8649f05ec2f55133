/**
 * Two films one over the other, with a line to drag between them.
 *
 * One file holds both, the first above the second: whatever plays it, they cannot drift apart. It is drawn where a new
 * picture of it is there or the line moves, and stands still while nobody can see it.
 */
import { make } from "./elements.js"
import { text } from "./texts.js"

const GAP = 4 // pixels between two that are side by side

/**
 * @typedef {object} Player
 * @property {HTMLElement[]} elements
 * @property {(address: string, isFilm: boolean, names: string[]) => void} show
 * @property {(isBeside: boolean) => void} setBeside Side by side, or one over the other.
 * @property {() => void} remove
 */

/**
 * @param {(isBeside: boolean) => void} keep What keeps how it is shown.
 * @returns {Player}
 */
export function makePlayer(keep) {
  const stage = make("div", "ab-compare")
  const canvas = make("canvas")
  const split = range("ab-split", text("player.split"), 0.5)
  const nothing = make("div", "ab-nothing", text("player.nothing"))
  const names = [make("span"), make("span")]
  const bar = make("div", "ab-play")
  const play = make("button")
  const time = range("", text("player.time"), 0)
  const how = make("button")
  stage.append(canvas, split, nothing, ...names)
  bar.append(play, time, how)

  const picture = new Image()
  const film = document.createElement("video")
  Object.assign(film, { muted: true, loop: true, playsInline: true })
  let source = /** @type {HTMLImageElement | HTMLVideoElement} */ (film)
  let isWanted = true // to play, as soon as it is seen
  let isSeen = false
  let isBeside = false
  let size = [0, 0] // of one of the two

  const draw = () => {
    const [width, height] = size
    const context = canvas.getContext("2d")
    const place = isBeside ? width : Math.round(width * split.valueAsNumber)
    const from = isBeside ? 0 : place
    context.drawImage(source, 0, 0, place, height, 0, 0, place, height)
    context.drawImage(
      source,
      from,
      height,
      width - from,
      height,
      place + GAP * Number(isBeside),
      0,
      width - from,
      height,
    )
  }
  const follow = () => {
    draw()
    time.valueAsNumber = film.currentTime / film.duration || 0
    waitForFrame()
  }
  const waitForFrame = () =>
    film.requestVideoFrameCallback?.(follow) ?? film.addEventListener("timeupdate", follow, { once: true })
  const begin = (width, height) => {
    size = [width, height / 2]
    lay()
    empty("")
  }
  const lay = () => {
    const [width, height] = size
    how.textContent = isBeside ? "◧" : "◫"
    how.title = text(isBeside ? "player.over" : "player.beside")
    split.hidden = isBeside
    if (!height) return
    Object.assign(canvas, { width: isBeside ? 2 * width + GAP : width, height })
    stage.style.setProperty("--ab-shape", String(canvas.width / height))
    draw()
  }
  const empty = (says) => {
    nothing.textContent = says
    stage.classList.toggle("ab-empty", says !== "")
    bar.hidden = says !== ""
    play.hidden = time.hidden = source !== film
  }
  const turn = () => {
    const isOn = isWanted && isSeen
    play.textContent = isWanted ? "❚❚" : "▶"
    play.title = text(isWanted ? "film.pause" : "film.play")
    if (source !== film || !film.hasAttribute("src") || isOn === !film.paused) return // without a film it waits for ever
    if (isOn)
      film.play().catch(() => {}) // stopped before it had begun
    else film.pause()
  }

  split.oninput = draw
  time.oninput = () => {
    isWanted = false
    turn()
    film.currentTime = time.valueAsNumber * film.duration
  }
  play.onclick = () => {
    isWanted = !isWanted
    turn()
  }
  how.onclick = () => {
    setBeside(!isBeside)
    keep(isBeside)
  }
  const setBeside = (so) => {
    isBeside = so
    lay()
  }
  picture.onload = () => begin(picture.naturalWidth, picture.naturalHeight)
  film.onloadeddata = () => {
    begin(film.videoWidth, film.videoHeight)
    turn()
  }
  picture.onerror = film.onerror = () => empty(text("player.gone"))
  const observer = new IntersectionObserver((entries) => {
    isSeen = entries[entries.length - 1].isIntersecting
    turn()
  })
  observer.observe(stage)
  waitForFrame()
  empty(text("player.nothing"))
  lay()
  return {
    elements: [stage, bar],
    setBeside,
    show(address, isFilm, of) {
      film.pause()
      source = isFilm ? film : picture
      source.src = address
      names.forEach((name, i) => (name.textContent = of[i]))
    },
    remove() {
      observer.disconnect()
      film.onerror = picture.onerror = null
      film.removeAttribute("src")
      film.load()
    },
  }
}

function range(className, title, value) {
  const made = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.001, className })
  return Object.assign(made, { value, title, ariaLabel: title })
}
