/** What a strip of layers × time says beneath it. */

const TEXTS = {
  all: "all {count} layers",
  some: "layers {layers} of {count}",
  unknown: "layers {layers}",
  percent: "{start}–{end} %",
  steps: "steps {start}–{end} of {count}",
  someSteps: "steps {start}–{end}",
  heat: "heat: {words}",
  layer: "layer {layer}",
  step: "step {step}",
  share: "{words}: {share} % of the attention",
}

const say = (name, values) => TEXTS[name].replace(/\{(\w+)\}/g, (_, value) => values[value])
const percent = (fraction) => String(Math.round(fraction * 1000) / 10)

/**
 * What a node covers: "layers 2–4 of 6 · 0–50 % · heat: red"; or what is wrong with its fields.
 *
 * @param {import("./strip.js").Fields} fields
 * @param {import("./strip.js").Answer} told
 */
export function captionOf({ layers, time }, { count, covered, problem, heat }, steps) {
  if (problem) return problem
  const parts = []
  if (layers !== null)
    if (!count || !covered) parts.push(say("unknown", { layers }))
    else if (covered.length === count) parts.push(say("all", { count }))
    else parts.push(say("some", { layers: runsOf(covered), count }))
  if (time?.unit === "percent") parts.push(say("percent", { start: percent(time.start), end: percent(time.end) }))
  else if (time) parts.push(say(steps ? "steps" : "someSteps", { ...time, count: steps }))
  if (heat) parts.push(say("heat", { words: heat.words.join(", ") }))
  return parts.join(" · ")
}

/** What is at a point: "layer 3 · 40 % · red: 1.2 % of the attention". */
export function readingOf({ x, y }, { time }, { count, heat }, steps) {
  const layer = Math.min(Math.floor(y * count), count - 1)
  const inSteps = time?.unit === "steps" && steps
  const step = Math.min(Math.floor(x * steps), steps - 1)
  const parts = count ? [say("layer", { layer })] : []
  parts.push(inSteps ? say("step", { step }) : `${Math.round(x * 100)} %`)
  const column = heat?.bins.findIndex(([, last], s) => (inSteps ? step <= last : x < heat.edges[s + 1]))
  const value = heat?.values[heat.layers.findIndex(([, last]) => layer <= last)]?.[column]
  if (value == null) return parts.join(" · ")
  const share = ((value / 255) * heat.largest * 100).toPrecision(2)
  return [...parts, say("share", { words: heat.words.join(", "), share: Number(share) })].join(" · ")
}

/** Numbers as their runs: 0, 1, 2, 5 are "0–2, 5". */
function runsOf(numbers) {
  const runs = []
  for (const number of numbers)
    if (runs.at(-1)?.at(-1) === number - 1) runs.at(-1).push(number)
    else runs.push([number])
  return runs.map((run) => (run.length > 1 ? `${run[0]}–${run.at(-1)}` : run[0])).join(", ")
}
