/** A film, open: bent beside un-bent and the maps of its words, in step. */
import { fileOf, isFilmed, nameOf } from "./data.js"
import { byId, make, shown } from "./elements.js"

const FRAME = 1 / 16 // seconds: a step by hand; films of studies are of 16 frames a second, or a few more
const APART = 0.04 // seconds that a film may be from the one that leads, before it is told where to be

/**
 * @param {(by: number) => void} walk Open the next film, or the one before.
 * @param {() => void} closed
 */
export function makePlayer(walk, closed) {
  const dialog = byId("player")
  const title = make("h2", { id: "title" })
  const place = make("p", { className: "place" })
  const stage = make("div", { className: "stage" })
  const facts = make("dl")
  const files = make("p", { className: "files" })
  const play = button("", "Play", () => turn(!isWanted))
  play.autofocus = true
  const time = make("input", { type: "range", min: "0", max: "1", step: "0.001", ariaLabel: "Time" })
  const link = button("Copy link", "Copy a link to this film, with the filters", async () => {
    await navigator.clipboard.writeText(location.href)
    link.textContent = "Copied"
  })
  dialog.append(
    make(
      "div",
      { className: "head" },
      make("div", {}, title, place),
      link,
      button("←", "The film before", () => walk(-1)),
      button("→", "The next film", () => walk(1)),
      button("✕", "Close", () => dialog.close()),
    ),
    stage,
    make("div", { className: "bar" }, play, time),
    facts,
    files,
  )

  /** @type {HTMLVideoElement[]} The first leads. */
  let films = []
  let isWanted = true

  const follow = () => {
    const [leader, ...others] = films
    if (!leader) return
    time.valueAsNumber = leader.currentTime / leader.duration || 0
    for (const film of others)
      if (!film.ended && Math.abs(film.currentTime - leader.currentTime) > APART) film.currentTime = leader.currentTime
    leader.requestVideoFrameCallback(follow)
  }
  const seek = (seconds) => {
    for (const film of films) film.currentTime = Math.min(Math.max(seconds, 0), film.duration || 0)
    time.valueAsNumber = seconds / films[0]?.duration || 0
  }
  /** Play all of them once all can. */
  const start = () => {
    if (isWanted && films.every((film) => film.readyState >= 3)) for (const film of films) film.play().catch(() => {}) // closed before it began
  }
  /** The first leads the others. */
  const lead = () => {
    if (!films[0]) return
    films[0].onended = again
    films[0].requestVideoFrameCallback(follow)
  }
  const turn = (isOn) => {
    isWanted = isOn
    play.textContent = isOn ? "❚❚" : "▶"
    play.ariaLabel = play.title = isOn ? "Pause" : "Play"
    for (const film of films) film.pause()
    if (isOn) start()
    else if (films[0]) seek(films[0].currentTime)
  }
  const again = () => {
    seek(0)
    start()
  }
  const step = (by) => {
    turn(false)
    if (films[0]) seek(films[0].currentTime + by * FRAME)
  }

  function figure(cell, what, name) {
    if (!isFilmed(cell))
      return make("figure", {}, make("div", { className: "no-film" }, cell.why || cell.status), caption(name))
    const film = make("video", { muted: true, playsInline: true, preload: "auto", ariaLabel: name })
    if (what === "film") film.poster = fileOf(cell, "poster")
    film.src = fileOf(cell, what)
    film.onclick = () => turn(!isWanted)
    film.oncanplay = start
    film.onerror = () => {
      film.replaceWith(make("div", { className: "no-film" }, `${film.getAttribute("src")} is gone`))
      const led = film === films[0]
      films = films.filter((other) => other !== film)
      if (led) lead()
      start()
    }
    films.push(film)
    return make("figure", {}, film, caption(name))
  }
  const caption = (name) => make("figcaption", {}, name)

  time.oninput = () => {
    turn(false)
    seek(time.valueAsNumber * films[0]?.duration || 0)
  }
  dialog.onkeydown = (event) => {
    const does = {
      " ": () => turn(!isWanted),
      ",": () => step(-1),
      ".": () => step(1),
      ArrowLeft: () => walk(-1),
      ArrowRight: () => walk(1),
    }[event.key]
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target === time && event.key.startsWith("Arrow")) return
    event.preventDefault()
    does()
  }
  dialog.onclick = (event) => event.target === dialog && dialog.close() // beside it
  dialog.onclose = () => {
    empty()
    closed()
  }
  /** Let go of the films, so that a page open all day holds none. */
  function empty() {
    for (const film of films) {
      film.onerror = null
      film.removeAttribute("src")
      film.load()
    }
    films = []
    stage.replaceChildren()
  }

  return {
    /** @param {import("./data.js").Cell} cell */
    show(cell) {
      empty()
      title.textContent = nameOf(cell)
      place.textContent = `${cell.prompt} · seed ${cell.seed}`
      link.textContent = "Copy link"
      const pair = [figure(cell, "film", cell.status === STUDY.unbent ? "nothing bends" : "bent")]
      if (cell.unbent && cell.unbent !== cell) pair.unshift(figure(cell.unbent, "film", "un-bent"))
      if (cell.maps && isFilmed(cell)) pair.push(figure(cell, "maps", "maps of its words"))
      stage.replaceChildren(...pair)
      lead()
      const told = STUDY.metrics.filter((name) => cell[name] !== null)
      facts.replaceChildren(
        ...told.map((name) => make("div", {}, make("dt", {}, shown(name)), make("dd", {}, shown(cell[name])))),
      )
      files.replaceChildren(
        ...(isFilmed(cell)
          ? [
              fileLink(fileOf(cell, "film"), "film"),
              fileLink(`cells/${cell.key}/result.json`, "all about it, with its bends"),
            ]
          : [cell.why || "This film is not made yet."]),
        make("code", {}, cell.key),
      )
      if (!dialog.open) dialog.showModal()
      turn(true)
    },
    close: () => dialog.close(),
  }
}

const fileLink = (href, text) => make("a", { href, target: "_blank" }, text)

const button = (text, title, onclick) =>
  make("button", { type: "button", textContent: text, title, ariaLabel: title, onclick })
