/**
 * Layers × time on bends, Bend Where and Bend When: what the node covers, over what the last run heard there.
 *
 * The first layer is at the top, the beginning at the left. A drag chooses: down the layers, along the time, or both.
 */
import { app } from "../../scripts/app.js"
import { behind, samplersBehind } from "./behind.js"
import { watch } from "./changes.js"
import { onDrag, pointIn, rounded } from "./drag.js"
import { isOpen, section } from "./panel.js"
import { newest } from "./server.js"
import { captionOf, readingOf } from "./strip_texts.js"
import { setValues, valueOf, widgetOf } from "./values.js"
import { valueAt } from "./wires.js"

const ACROSS = 240 // pixels of the picture, whatever its size on the screen
const LEAST = 0.01

/**
 * @typedef {object} Answer Of the route `strip`.
 * @property {number | null} count
 * @property {number[] | null} covered
 * @property {string} problem
 * @property {{words: string[], steps: number, bins: number[][], edges: number[], layers: number[][], largest: number,
 *   values: (number | null)[][]} | null} heat
 *
 * @typedef {object} Fields What a node covers, as its fields say it; null where it has not the field, or a wire gives it.
 * @property {string | null} layers
 * @property {{start: number, end: number, unit: "percent" | "steps"} | null} time
 */

/** The widgets' names for the two ends; null for a node without them. */
function endsOf(node) {
  const names = node.comfyClass === "AttnBendWhen" ? ["start", "end"] : ["start_percent", "end_percent"]
  return names.every((name) => widgetOf(node, name)) ? names : null
}

/** @returns {Fields} */
function fieldsOf(node) {
  const [start, end] = endsOf(node)?.map((name) => valueOf(node, name)) ?? []
  const time = start === undefined || end === undefined ? null : { start, end, unit: valueOf(node, "unit") ?? "percent" }
  return { layers: valueOf(node, "layers") ?? null, time }
}

function addStrip(node) {
  const strip = document.createElement("div")
  const heat = document.createElement("canvas")
  const cover = document.createElement("div")
  const caption = document.createElement("div")
  strip.className = "ab-strip"
  cover.className = "ab-cover"
  caption.className = "ab-caption"
  strip.append(heat, cover)
  section(node, "strip").append(strip, caption)

  /** @type {Answer} */
  let told = { count: null, covered: null, problem: "", heat: null }
  let steps = 0
  let asked = ""
  const ask = newest("strip", (answer, question) => {
    if (answer.error) answer = { ...told, problem: answer.error }
    told = answer
    asked = question.layers
    paint(heat, told, fieldsOf(node))
    show()
  })
  const show = () => {
    const fields = fieldsOf(node)
    const isAsked = fields.layers === asked
    cover.replaceChildren(...covers(fields, { ...told, covered: isAsked ? told.covered : null }, steps))
    caption.textContent = captionOf(fields, told, steps)
    caption.classList.toggle("ab-wrong", Boolean(told.problem))
  }
  const look = () => {
    if (!isOpen(node)) return
    const fields = fieldsOf(node)
    steps = samplersBehind(node).map((place) => valueAt(place, "steps")).find((count) => count > 0) ?? told.heat?.steps ?? 0
    const key = JSON.stringify([fields, steps])
    if (strip.dataset.shown !== key) show()
    if (JSON.parse(strip.dataset.shown ?? "[{}]")[0].time?.unit !== fields.time?.unit) paint(heat, told, fields)
    strip.dataset.shown = key
    const { unit = "percent", start = null, end = null } = fields.time ?? {}
    ask({ ...behind(node), layers: fields.layers, unit, start, end, token: String(valueOf(node, "token") ?? "") })
  }

  const begin = (_, from) => (to, far) => {
    setValues(node, chosen(node, fieldsOf(node), told.count, steps, from, to, far), false)
  }
  onDrag(strip, begin, () => setValues(node, {}))
  strip.addEventListener("dblclick", () => setValues(node, everything(node, steps)))
  strip.addEventListener("pointermove", (event) => {
    if (!event.buttons) caption.textContent = readingOf(pointIn(strip, event), fieldsOf(node), told, steps)
  })
  strip.addEventListener("pointerleave", show)
  watch(node, look)
}

/** What a drag from one point to another makes of the fields, each axis only where it went far along that. */
function chosen(node, { layers, time }, count, steps, from, to, far) {
  const values = {}
  const between = (a, b, cells) => [Math.min(a, b), Math.max(a, b)].map((at) => Math.min(Math.floor(at * cells), cells - 1))
  if (layers !== null && count && far.y) {
    const [first, last] = between(from.y, to.y, count)
    const isAll = first === 0 && last === count - 1
    values.layers = isAll ? "all" : first === last ? `${first}` : `${first}-${last}`
  }
  if (!time || !far.x) return values
  const [start, end] = endsOf(node)
  if (time.unit === "steps") {
    if (steps) [values[start], values[end]] = between(from.x, to.x, steps)
    return values
  }
  const left = rounded(Math.min(from.x, to.x, 1 - LEAST))
  return { ...values, [start]: left, [end]: Math.max(rounded(Math.max(from.x, to.x)), rounded(left + LEAST)) }
}

function everything(node, steps) {
  const { layers, time } = fieldsOf(node)
  const [start, end] = endsOf(node) ?? []
  const last = time?.unit === "steps" ? steps - 1 : 1
  return { ...(layers !== null && { layers: "all" }), ...(time && last >= 0 && { [start]: 0, [end]: last }) }
}

/** The rectangles that are covered: one for each run of neighbouring layers. */
function covers({ layers, time }, { count, covered }, steps) {
  let [left, right] = [0, 1]
  if (time?.unit === "percent") [left, right] = [time.start, time.end]
  else if (time && steps) [left, right] = [time.start / steps, (time.end + 1) / steps]
  const runs = []
  for (const layer of covered ?? [])
    if (runs.at(-1)?.[1] === layer) runs.at(-1)[1]++
    else runs.push([layer, layer + 1])
  const isOpen = layers !== null && !(covered && count) // which layers they are is not known
  return (isOpen || layers === null ? [[0, 1]] : runs.map((run) => run.map((at) => at / count))).map(([top, bottom]) => {
    const element = document.createElement("div")
    element.classList.toggle("unknown", isOpen)
    const [from, to] = [Math.max(left, 0), Math.min(right, 1)]
    Object.assign(element.style, {
      left: `${100 * from}%`,
      width: `${100 * Math.max(to - from, 0)}%`,
      top: `${100 * top}%`,
      height: `${100 * (bottom - top)}%`,
    })
    return element
  })
}

/** @param {HTMLCanvasElement} canvas @param {Answer} told @param {Fields} fields */
function paint(canvas, { count, heat }, { time }) {
  const rows = heat ? count : 0
  Object.assign(canvas, { width: ACROSS, height: rows || 1 }) // which empties it
  if (!rows) return
  const context = canvas.getContext("2d")
  const edges = time?.unit === "steps" ? [...heat.bins.map(([first]) => first / heat.steps), 1] : heat.edges
  const color = getComputedStyle(canvas).color
  context.fillStyle = color
  heat.values.forEach((row, n) => {
    const [first, last] = heat.layers[n]
    row.forEach((value, s) => {
      context.globalAlpha = (value ?? 0) / 255
      const left = Math.round(edges[s] * ACROSS)
      context.fillRect(left, first, Math.round(edges[s + 1] * ACROSS) - left, last - first + 1)
    })
  })
}

app.registerExtension({
  name: "AttentionBending.strip",
  nodeCreated(node) {
    const takesPart = node.comfyClass?.startsWith("AttnBend") && node.outputs?.some(({ type }) => type === "BENDING")
    if (takesPart && (widgetOf(node, "layers") || endsOf(node))) addStrip(node)
  },
})
