/** What a strip of layers × time shows: its rectangles, and the heat behind them. */

const ACROSS = 240 // pixels of the picture, whatever its size on the screen

/**
 * @typedef {object} Heat Rows by layer, columns by step.
 * @property {string[]} words
 * @property {number} steps Of the run.
 * @property {number[][]} bins The first and the last step of each column.
 * @property {number[]} edges Where the columns begin and end, as fractions of the sampling.
 * @property {number[][]} layers The first and the last layer of each row.
 * @property {number} largest The share of the attention that 255 stands for.
 * @property {(number | null)[][]} values 0 to 255; null where nothing was recorded.
 *
 * @typedef {object} Answer Of the route `strip`.
 * @property {number | null} count Of the model's layers.
 * @property {number[] | null} covered
 * @property {string} problem
 * @property {Heat | null} heat
 *
 * @typedef {{start: number, end: number, unit: "percent" | "steps"}} Time
 * @typedef {{layers: string | null, time: Time | null}} Fields What a node covers, as its fields say it; null where it
 *   has not the field, or a wire gives it.
 */

/**
 * The rectangles that are covered: one for each run of neighbouring layers.
 *
 * @param {Fields} fields
 * @param {Answer} told
 * @param {number} steps
 */
export function covers({ layers, time }, { count, covered }, steps) {
  const isUnknown = layers !== null && !(count && covered)
  const whole = layers === null || isUnknown || !count
  const rows = whole ? [[0, 1]] : runsOf(covered ?? []).map(([first, last]) => [first / count, (last + 1) / count])
  const [left, right] = spanOf(time, steps).map((at) => Math.min(Math.max(at, 0), 1))
  return rows.map(([top, bottom]) => {
    const element = document.createElement("div")
    element.classList.toggle("unknown", isUnknown)
    Object.assign(element.style, {
      left: `${100 * left}%`,
      width: `${100 * Math.max(right - left, 0)}%`,
      top: `${100 * top}%`,
      height: `${100 * (bottom - top)}%`,
    })
    return element
  })
}

function spanOf(time, steps) {
  if (time?.unit === "percent") return [time.start, time.end]
  return time && steps ? [time.start / steps, (time.end + 1) / steps] : [0, 1]
}

/** Numbers as their runs, first and last: 0, 1, 2, 5 are [0, 2] and [5, 5]. */
export function runsOf(numbers) {
  /** @type {[number, number][]} */
  const runs = []
  for (const number of numbers) {
    const last = runs.at(-1)
    if (last?.[1] === number - 1) last[1] = number
    else runs.push([number, number])
  }
  return runs
}

/**
 * The heat, in the canvas's own colour.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Answer} told
 * @param {boolean} bySteps Whether all steps are as wide; else each is as wide as its part of the sampling.
 */
export function paint(canvas, { count, heat }, bySteps) {
  Object.assign(canvas, { width: ACROSS, height: (heat && count) || 1 }) // which empties it
  const context = canvas.getContext("2d")
  if (!heat || !context) return
  const edges = bySteps ? [...heat.bins.map(([first]) => first / heat.steps), 1] : heat.edges
  const pixels = edges.map((at) => Math.round(at * ACROSS))
  context.fillStyle = getComputedStyle(canvas).color
  heat.values.forEach((row, n) => {
    const [first, last] = heat.layers[n]
    row.forEach((value, s) => {
      context.globalAlpha = (value ?? 0) / 255
      context.fillRect(pixels[s], first, pixels[s + 1] - pixels[s], last - first + 1)
    })
  })
}
