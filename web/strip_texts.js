/** What a strip of layers × time says beneath it. */
import { runsOf } from "./strip_draw.js"
import { text } from "./texts.js"

const percent = (fraction) => String(Math.round(fraction * 1000) / 10)

/**
 * What a node covers: "layers 2–4 of 6 · 0–50 % · heat: red"; or what is wrong with its fields.
 *
 * @param {import("./strip_draw.js").Fields} fields
 * @param {import("./strip_draw.js").Answer} told
 */
export function captionOf({ layers, time }, { count, covered, problem, heat }, steps) {
  if (problem) return problem
  const parts = []
  if (layers !== null)
    if (!count || !covered) parts.push(text("strip.unknown", { layers }))
    else if (covered.length === count) parts.push(text("strip.all", { count }))
    else parts.push(text("strip.some", { layers: namedRuns(covered), count }))
  if (time?.unit === "percent")
    parts.push(text("strip.percent", { start: percent(time.start), end: percent(time.end) }))
  else if (time) parts.push(text(steps ? "strip.steps" : "strip.someSteps", { ...time, count: steps }))
  if (heat) parts.push(text("strip.heat", { words: heat.words.join(", ") }))
  return parts.join(" · ")
}

/**
 * What is at a point: "layer 3 · 40 % · red: 1.2 % of the attention".
 *
 * @param {import("./drag.js").Point} point
 * @param {import("./strip_draw.js").Fields} fields
 * @param {import("./strip_draw.js").Answer} told
 */
export function readingOf({ x, y }, { time }, { count, heat }, steps) {
  const layer = count ? Math.min(Math.floor(y * count), count - 1) : 0
  const step = time?.unit === "steps" && steps ? Math.min(Math.floor(x * steps), steps - 1) : null
  const parts = count ? [text("strip.layer", { layer })] : []
  parts.push(step === null ? `${Math.round(x * 100)} %` : text("strip.step", { step }))
  if (heat) {
    const row = heat.layers.findIndex(([, last]) => layer <= last)
    const column = heat.bins.findIndex(([, last], s) => (step === null ? x < heat.edges[s + 1] : step <= last))
    const value = heat.values[row]?.[column] // none at the very end
    const share = Number((((value ?? 0) / 255) * heat.largest * 100).toPrecision(2))
    if (value != null) parts.push(text("strip.share", { words: heat.words.join(", "), share }))
  }
  return parts.join(" · ")
}

const namedRuns = (numbers) =>
  runsOf(numbers)
    .map(([first, last]) => (first === last ? first : `${first}–${last}`))
    .join(", ")
