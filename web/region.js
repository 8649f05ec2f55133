/** Regional Mask's box, to drag, resize and soften, over the last film: the box and the node's numbers are one thing. */
import { app } from "../../scripts/app.js"
import { behind, samplersBehind, sizeOf } from "./behind.js"
import { also, watch } from "./changes.js"
import { onDrag, rounded, within } from "./drag.js"
import { lastOutput } from "./outputs.js"
import { isOpen, section } from "./panel.js"
import { newest } from "./server.js"
import { text } from "./texts.js"
import { oneStepWhileHeld, setValues, valueOf } from "./values.js"

const NODE = "AttnBendRegionalMask"
const EDGES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"]
const NAMES = ["x1", "y1", "x2", "y2"]
const STEP = 0.01
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
const WIDE = 16 / 9

/** @typedef {[number, number, number, number]} Box x1, y1, x2, y2. */

function build() {
  /** @returns {any} */
  const made = (name, parent, tag = "div") => {
    const element = document.createElement(tag)
    element.className = `ab-${name}`
    parent.append(element)
    return element
  }
  const whole = document.createElement("div")
  const frame = made("region", whole)
  frame.tabIndex = 0
  frame.title = text("region.box")
  const film = made("behind", frame)
  const shade = made("shade", frame)
  const grid = made("grid", frame)
  const box = made("box", frame)
  for (const edge of EDGES) made("edge", box, "i").dataset.edge = edge
  const label = made("soften", whole, "label")
  label.textContent = text("region.soften")
  const soften = made("slider", label, "input")
  Object.assign(soften, { type: "range", min: 0, max: 1, step: STEP })
  const note = made("note doubt", whole)
  return { whole, frame, film, shade, grid, box, soften, note }
}

function addBox(node) {
  const parts = build()
  const { frame, soften } = parts
  section(node, "region").append(parts.whole)
  const known = { cell: 0, rows: 0, columns: 0, map: "" }
  const free = () => NAMES.every((name) => valueOf(node, name) !== undefined)
  const set = (/** @type {Box} */ box) =>
    setValues(node, Object.fromEntries(NAMES.map((name, i) => [name, rounded(box[i])])))

  onDrag(frame, ({ target }, from) => (free() ? dragged(boxOf(node), target, from, set) : null))
  frame.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key]
    if (!way || !free()) return
    event.preventDefault()
    event.stopPropagation()
    const [x, y] = way.map((steps) => steps * STEP * (event.shiftKey ? 10 : 1))
    set(event.altKey ? resized(boxOf(node), "se", x, y) : moved(boxOf(node), x, y))
  })
  frame.addEventListener("pointerenter", () =>
    frame
      .querySelector("video")
      ?.play()
      .catch(() => {}),
  ) // left at once
  frame.addEventListener("pointerleave", () => frame.querySelector("video")?.pause())
  soften.addEventListener("pointerdown", oneStepWhileHeld)
  soften.addEventListener("input", () => setValues(node, { feather: Number(soften.value) }))

  const ask = newest("backdrop", ({ picture, told, ...plain }) => {
    const number = (name) => Number(told?.get(name) ?? plain[name] ?? 0)
    if (known.map) URL.revokeObjectURL(known.map)
    Object.assign(known, { cell: number("cell"), rows: number("rows"), columns: number("columns") })
    known.map = picture ? URL.createObjectURL(picture) : ""
    look()
  })
  also(node, "onRemoved", () => URL.revokeObjectURL(known.map))
  const look = () => {
    if (!isOpen(node)) return
    const samplers = samplersBehind(node)
    const film = lastOutput(samplers) ?? (known.map ? { urls: [known.map], isFilm: false } : undefined)
    show(node, parts, film, seen(sizeOf(samplers), known, parts.film))
    ask({ ...behind(node), token: String(valueOf(node, "token") ?? "") })
  }
  watch(node, look)
}

/** @returns {Box} */
const boxOf = (node) => /** @type {Box} */ (NAMES.map((name) => valueOf(node, name) ?? 0))

/** What a drag that begins on a part of the frame makes of a box: it moves it, resizes it, or draws another. */
function dragged(box, part, from, set) {
  const edge = part.dataset.edge
  if (edge) return (to) => set(resized(box, edge, to.x - from.x, to.y - from.y))
  if (part.classList.contains("ab-box")) return (to) => set(moved(box, to.x - from.x, to.y - from.y))
  const span = (one, other) => [Math.min(one, other, 1 - STEP), Math.max(one, other, Math.min(one, other) + STEP)]
  return (to) => {
    const [[x1, x2], [y1, y2]] = [span(from.x, to.x), span(from.y, to.y)]
    set([x1, y1, x2, y2])
  }
}

/** @returns {Box} */
function moved([x1, y1, x2, y2], x, y) {
  const [right, down] = [within(x, -x1, 1 - x2), within(y, -y1, 1 - y2)]
  return [x1 + right, y1 + down, x2 + right, y2 + down]
}

/** @returns {Box} */
function resized([x1, y1, x2, y2], edge, x, y) {
  return [
    edge.includes("w") ? within(x1 + x, 0, x2 - STEP) : x1,
    edge.includes("n") ? within(y1 + y, 0, y2 - STEP) : y1,
    edge.includes("e") ? within(x2 + x, x1 + STEP, 1) : x2,
    edge.includes("s") ? within(y2 + y, y1 + STEP, 1) : y2,
  ]
}

/** The film's aspect and its grid, of what is known: the latent that will be sampled, the last film, the last record. */
function seen(size, { cell, rows, columns }, { firstChild }) {
  const [width, height] = [
    firstChild?.videoWidth || firstChild?.naturalWidth,
    firstChild?.videoHeight || firstChild?.naturalHeight,
  ]
  const aspect = size ? size.width / size.height : width ? width / height : columns ? columns / rows : WIDE
  if (size && cell) return { aspect, rows: Math.ceil(size.height / cell), columns: Math.ceil(size.width / cell) }
  return { aspect, rows, columns }
}

function show(node, { whole, frame, film, shade, grid, box, soften, note }, shown, { aspect, rows, columns }) {
  const [x1, y1, x2, y2] = boxOf(node)
  const isFree = NAMES.every((name) => valueOf(node, name) !== undefined)
  const isEmpty = isFree && !(x1 < x2 && y1 < y2)
  const feather = Number(valueOf(node, "feather") ?? 0)
  const key = JSON.stringify([
    x1,
    y1,
    x2,
    y2,
    feather,
    valueOf(node, "invert"),
    isFree,
    aspect,
    rows,
    columns,
    shown?.urls[0],
  ])
  if (whole.dataset.shown === key) return
  whole.dataset.shown = key
  frame.style.setProperty("--aspect", String(aspect))
  frame.classList.toggle("fixed", !isFree)
  frame.classList.toggle("empty", isEmpty)
  Object.assign(box.style, {
    left: `${100 * Math.min(x1, x2)}%`,
    top: `${100 * Math.min(y1, y2)}%`,
    width: `${100 * Math.abs(x2 - x1)}%`,
    height: `${100 * Math.abs(y2 - y1)}%`,
  })
  grid.style.setProperty("--columns", String(columns))
  grid.style.setProperty("--rows", String(rows))
  grid.hidden = !rows
  shade.style.mask = masked([x1, y1, x2, y2], feather, aspect, rows, columns, Boolean(valueOf(node, "invert")))
  soften.disabled = valueOf(node, "feather") === undefined
  soften.value = String(feather)
  note.textContent = isEmpty ? text("region.empty") : isFree ? "" : text("region.wired")
  if (film.dataset.url === (shown?.urls[0] ?? "")) return
  film.dataset.url = shown?.urls[0] ?? ""
  film.replaceChildren(...(shown ? [picture(shown)] : []))
}

function picture({ urls: [url], isFilm }) {
  const element = document.createElement(isFilm ? "video" : "img")
  if (isFilm) Object.assign(element, { muted: true, loop: true, preload: "auto", disablePictureInPicture: true })
  return Object.assign(element, { src: url, draggable: false })
}

/** Where the word is silent, as a CSS mask: one minus the operator's own ramps, whose product is the box's weight. */
function masked([x1, y1, x2, y2], feather, aspect, rows, columns, invert) {
  const short = Math.min(aspect, 1) // the frame's shorter side, where its height is 1
  const across = ramp("to right", x1, x2, Math.max((feather * short) / aspect, columns ? 1 / columns : 0))
  const down = ramp("to bottom", y1, y2, Math.max(feather * short, rows ? 1 / rows : 0))
  const full = "linear-gradient(#000, #000)"
  return invert ? `${across} intersect, ${down}` : `${full} exclude, ${across} intersect, ${down}`
}

/** From 0 to 1 around `low`, and back around `high`; an edge at 0 or 1 does not fade. */
function ramp(way, low, high, width) {
  const at = (place, alpha) => `rgb(0 0 0 / ${alpha}) ${100 * place}%`
  const rise = low > 0 ? [at(low - width / 2, 0), at(low + width / 2, 1)] : [at(0, 1)]
  const fall = high < 1 ? [at(high - width / 2, 1), at(high + width / 2, 0)] : [at(1, 1)]
  return `linear-gradient(${way}, ${[...rise, ...fall].join(", ")})`
}

app.registerExtension({
  name: "AttentionBending.region",
  nodeCreated(node) {
    if (node.comfyClass === NODE) addBox(node)
  },
})
