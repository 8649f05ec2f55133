/**
 * Layers × time on bends, Bend Where and Bend When: what the node covers, over what the last run heard there.
 *
 * The first layer is at the top, the beginning at the left. A drag chooses: down the layers, along the time, or both; a
 * double click takes all.
 */
import { app } from "../../scripts/app.js"
import { behind, samplersBehind } from "./behind.js"
import { watch } from "./changes.js"
import { onDrag, pointIn, rounded } from "./drag.js"
import { isOpen, isOurs, section } from "./panel.js"
import { newest } from "./server.js"
import { covers, paint } from "./strip_draw.js"
import { captionOf, readingOf } from "./strip_texts.js"
import { setValues, valueOf, widgetOf } from "./values.js"
import { valueAt } from "./wires.js"

const LEAST = 0.01 // of the sampling

/** The names of the widgets for the two ends; none for a node without them. */
function endsOf(node) {
  const names = node.comfyClass === "AttnBendWhen" ? ["start", "end"] : ["start_percent", "end_percent"]
  return names.every((name) => widgetOf(node, name)) ? names : []
}

/** @returns {import("./strip_draw.js").Fields} */
function fieldsOf(node) {
  const [start, end] = endsOf(node).map((name) => valueOf(node, name))
  const time = start == null || end == null ? null : { start, end, unit: valueOf(node, "unit") ?? "percent" }
  return { layers: valueOf(node, "layers") ?? null, time }
}

function build(node) {
  const strip = document.createElement("div")
  const heat = document.createElement("canvas")
  const cover = document.createElement("div")
  const caption = document.createElement("div")
  strip.className = "ab-strip"
  cover.className = "ab-cover"
  caption.className = "ab-caption"
  strip.append(heat, cover)
  section(node, "strip").append(strip, caption)
  return { strip, heat, cover, caption }
}

function addStrip(node) {
  const { strip, heat, cover, caption } = build(node)
  /** @type {import("./strip_draw.js").Answer} */
  let told = { count: null, covered: null, problem: "", heat: null }
  let toldOf = null // the field that `told` is about
  let fields = fieldsOf(node)
  let steps = 0
  let shown = ""
  let painted = ""

  const show = () => {
    const covered = fields.layers === toldOf ? told.covered : null
    cover.replaceChildren(...covers(fields, { ...told, covered }, steps))
    caption.textContent = captionOf(fields, { ...told, covered }, steps)
    caption.classList.toggle("ab-wrong", told.problem !== "")
    strip.classList.toggle("heated", told.heat !== null)
    const bySteps = fields.time?.unit === "steps"
    const picture = JSON.stringify([told.heat, told.count, bySteps])
    if (picture !== painted) paint(heat, told, bySteps)
    painted = picture
  }
  const ask = newest("strip", (answer, question) => {
    told = answer.error ? { ...told, problem: answer.error } : answer
    toldOf = question.layers
    show()
  })
  const look = () => {
    if (!isOpen(node)) return
    fields = fieldsOf(node)
    steps = stepsOf(node) || (told.heat?.steps ?? 0)
    const now = JSON.stringify([fields, steps])
    if (now !== shown) show()
    shown = now
    const { unit = "percent", start = null, end = null } = fields.time ?? {}
    ask({ ...behind(node), layers: fields.layers, unit, start, end, token: String(valueOf(node, "token") ?? "") })
  }

  const begin = (_, from) => (to, far) =>
    setValues(node, { ...rowsOf(fields, told.count, from, to, far), ...timeOf(node, steps, from, to, far) })
  onDrag(strip, begin)
  strip.addEventListener("dblclick", () => setValues(node, everything(node, steps)))
  strip.addEventListener("pointermove", (event) => {
    if (!event.buttons) caption.textContent = readingOf(pointIn(strip, event), fields, told, steps)
  })
  strip.addEventListener("pointerleave", show)
  watch(node, look)
}

/** How many steps the samplers behind a node make, by their own fields. */
const stepsOf = (node) =>
  samplersBehind(node)
    .map((sampler) => valueAt(sampler, "steps"))
    .find((steps) => steps > 0)

/** The first and the last of some cells that a way leads over. */
const cellsOf = (a, b, cells) =>
  [Math.min(a, b), Math.max(a, b)].map((at) => Math.min(Math.floor(at * cells), cells - 1))

/** What a drag makes of the layers, if it went far enough down or up. */
function rowsOf({ layers }, count, from, to, far) {
  if (layers === null || !count || !far.y) return {}
  const [first, last] = cellsOf(from.y, to.y, count)
  if (first === 0 && last === count - 1) return { layers: "all" }
  return { layers: first === last ? `${first}` : `${first}-${last}` }
}

/** What a drag makes of the window of time, if it went far enough to a side. */
function timeOf(node, steps, from, to, far) {
  const [start, end] = endsOf(node)
  const { time } = fieldsOf(node)
  if (!time || !far.x || (time.unit === "steps" && !steps)) return {}
  if (time.unit === "steps") {
    const [first, last] = cellsOf(from.x, to.x, steps)
    return { [start]: first, [end]: last }
  }
  const left = rounded(Math.min(from.x, to.x, 1 - LEAST))
  return { [start]: left, [end]: Math.max(rounded(Math.max(from.x, to.x)), rounded(left + LEAST)) }
}

function everything(node, steps) {
  const { layers, time } = fieldsOf(node)
  const [start, end] = endsOf(node)
  const values = layers === null ? {} : { layers: "all" }
  if (time?.unit === "percent") Object.assign(values, { [start]: 0, [end]: 1 })
  else if (time && steps) Object.assign(values, { [start]: 0, [end]: steps - 1 })
  return values
}

app.registerExtension({
  name: "AttentionBending.strip",
  nodeCreated(node) {
    const isBend = isOurs(node) && node.outputs?.some(({ type }) => type === "BENDING")
    if (isBend && (widgetOf(node, "layers") || endsOf(node).length)) addStrip(node)
  },
})
