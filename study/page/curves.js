/** A metric against each value that was swept: a row for each words, a drawing for each steps, a line for each layers. */
import { valuesOf } from "./data.js"
import { drawn, grouped, make, shown, titled } from "./elements.js"
import { makeRows } from "./virtual.js"

const BESIDE = "steps" // has a drawing each
const LINES = "layers" // have a line each
const HEIGHT = 230
const LEFT = 44 // room for the numbers of the axis
const BOTTOM = 34
const TOP = 26
const RIGHT = 14

/**
 * @typedef {{x: number, mean: number, least: number, most: number, count: number}} Point
 * @typedef {object} Curves A row: of one mode, parameter and words.
 * @property {number} height
 * @property {string} heading
 * @property {string} parameter
 * @property {any[]} values On the x axis.
 * @property {object} is What its cells have in common, for the filters.
 * @property {{label: string, is: object, lines: {label: string, color: number, is: object, points: Point[]}[]}[]} panels
 * @property {number | null} unbent The metric of the un-bent films.
 * @property {[number, number]} range Of y.
 */

/**
 * @param {import("./data.js").Facet[]} facets
 * @param {(is: object) => void} choose Look at the films of a point.
 */
export function makeCurves(facets, choose) {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"))
  const legend = make("p", { className: "legend" })
  const sheet = make("div", { className: "sheet curves" })
  const tip = make("output", { className: "tip", hidden: true })
  const virtual = makeRows(main, sheet, draw)
  const names = facets.map(({ name }) => name)
  const bands = facets.find(({ name }) => name === LINES)?.values ?? []
  let metric = "change"
  main.append(legend, sheet, tip)
  main.addEventListener("scroll", () => (tip.hidden = true), { passive: true })

  /** @param {Curves} row */
  function draw(row) {
    const panels = row.panels.map((panel) => drawing(row, panel))
    return make(
      "section",
      { className: "row" },
      make("h2", {}, row.heading),
      make("div", { className: "panels" }, ...panels),
    )
  }

  function drawing(row, panel) {
    const width = Math.min(420, Math.max(200, (main.clientWidth - 40) / row.panels.length - 12))
    const height = HEIGHT - 40
    const [low, high] = row.range
    const isNumbers = row.values.every((value) => typeof value === "number")
    const first = isNumbers ? row.values[0] : 0
    const span = (isNumbers ? row.values[row.values.length - 1] : row.values.length - 1) - first || 1
    const along = (i) => LEFT + (((isNumbers ? row.values[i] : i) - first) / span) * (width - LEFT - RIGHT)
    const up = (y) => height - BOTTOM - ((y - low) / (high - low || 1)) * (height - BOTTOM - TOP)
    const text = (x, y, what, anchor, more = "") => drawn("text", { x, y, "text-anchor": anchor, class: more }, what)
    const says = panel.lines.map(
      (line) =>
        `${line.label || "all"} from ${shown(line.points[0].mean)} to ${shown(line.points[line.points.length - 1].mean)}`,
    )
    const made = drawn(
      "svg",
      {
        width,
        height,
        role: "img",
        "aria-label": `${row.heading}, ${panel.label}: ${shown(metric)} over ${shown(row.parameter)}; ${says.join("; ")}`,
      },
      drawn("path", { class: "axis", d: `M${LEFT} ${TOP}V${height - BOTTOM}H${width - RIGHT}` }),
      text(LEFT, 14, panel.label, "start", "panel"),
      text(LEFT - 6, up(high) + 4, shown(Number(high.toPrecision(2))), "end"),
      text(LEFT - 6, up(low) + 4, shown(Number(low.toPrecision(2))), "end"),
      ...[0, row.values.length - 1].map((i) =>
        text(along(i), height - BOTTOM + 15, shown(row.values[i]), i ? "end" : "start"),
      ),
      text((LEFT + width - RIGHT) / 2, height - BOTTOM + 15, shown(row.parameter), "middle", "name"),
    )
    if (row.unbent !== null)
      made.append(drawn("path", { class: "unbent", d: `M${LEFT} ${up(row.unbent)}H${width - RIGHT}` }))
    for (const line of panel.lines) {
      const places = line.points.map((point) => ({ x: along(point.x), y: up(point.mean) }))
      const path = (points) => points.map(({ x, y }, i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("")
      const area = [
        ...line.points.map((point) => ({ x: along(point.x), y: up(point.most) })),
        ...line.points.map((point) => ({ x: along(point.x), y: up(point.least) })).reverse(),
      ]
      const color = `color: var(--line-${line.color % 6})`
      if (line.points.some(({ count }) => count > 1))
        made.append(drawn("path", { class: "spread", style: color, d: `${path(area)}Z` }))
      const dots = places.map(({ x, y }) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("")
      made.append(
        drawn("path", { class: "line", style: color, d: path(places) }),
        drawn("path", { class: "dots", style: color, d: dots }),
      )
    }
    const nearest = (event) => {
      const box = made.getBoundingClientRect()
      const all = panel.lines.flatMap((line) => line.points.map((point) => ({ line, point })))
      const far = ({ point }) =>
        Math.hypot(along(point.x) + box.x - event.clientX, up(point.mean) + box.y - event.clientY)
      return all.reduce((a, b) => (far(b) < far(a) ? b : a))
    }
    made.onpointermove = (event) => {
      const { line, point } = nearest(event)
      const spread = point.count > 1 ? `, ${point.count} films from ${shown(point.least)} to ${shown(point.most)}` : ""
      tip.textContent = `${[line.label, `${shown(row.parameter)} ${shown(row.values[point.x])}`].filter(Boolean).join(" · ")}: ${shown(metric)} ${shown(point.mean)}${spread}`
      tip.hidden = false
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 330)}px`
      tip.style.top = `${event.clientY + 14}px`
    }
    made.onpointerleave = () => (tip.hidden = true)
    made.onclick = (event) => {
      const { line, point } = nearest(event)
      tip.hidden = true
      choose({ ...row.is, ...panel.is, ...line.is, [row.parameter]: row.values[point.x] })
    }
    return made
  }

  /** @param {import("./data.js").Cell[]} cells @param {import("./asked.js").Asked} asked */
  function show(cells, asked) {
    metric = asked.metric
    const key = (text, color) => {
      const made = make("span", {}, text)
      made.style.color = `var(${color})`
      return made
    }
    legend.replaceChildren(
      `${titled(metric)} against each value, the mean of all films of a point; pale, from the least to the most.`,
      key("un-bent", "--warm"),
      ...bands.map((band, i) => key(`${LINES} ${shown(band)}`, `--line-${i % 6}`)),
      "A click shows the films of a point.",
    )
    virtual.set(
      curvesOf(
        cells.filter((cell) => cell[metric] !== null),
        metric,
        names,
        bands,
      ),
    )
  }

  return { show, hide: () => virtual.set([]) }
}

/** @returns {Curves[]} Every parameter of every mode that has more than one value while all else of the mode stays. */
function curvesOf(cells, metric, names, bands) {
  const rest = STUDY.common.filter((name) => names.includes(name) && name !== LINES && name !== BESIDE)
  return [...grouped(cells, (cell) => cell.mode).values()].flatMap((ofMode) => {
    const own = STUDY.parameters.filter((name) => ofMode.some((cell) => cell[name] !== null))
    return own.flatMap((parameter) => {
      const fixed = [...own.filter((name) => name !== parameter), ...rest]
      const having = ofMode.filter((cell) => cell[parameter] !== null)
      const rows = [...grouped(having, (cell) => fixed.map((name) => cell[name]).join("\n")).values()]
      return rows.flatMap((some) => {
        const values = valuesOf(some, parameter)
        return values.length > 1 ? [curveRow(some, metric, parameter, values, fixed, bands)] : []
      })
    })
  })
}

function curveRow(cells, metric, parameter, values, names, bands) {
  const fixed = names.filter((name) => cells[0][name] !== null)
  const is = { mode: cells[0].mode, ...Object.fromEntries(fixed.map((name) => [name, cells[0][name]])) }
  const said = fixed.map((name) => (name === "token" ? "" : `${shown(name)} `) + shown(cells[0][name]))
  const number = new Map(values.map((value, i) => [value, i]))
  const panels = [...grouped(cells, (cell) => cell[BESIDE]).entries()].map(([beside, some]) => {
    const lines = [...grouped(some, (cell) => cell[LINES]).entries()].map(([layers, ofLine]) => {
      const points = [...grouped(ofLine, (cell) => number.get(cell[parameter])).entries()].map(([x, at]) => {
        const all = at.map((cell) => cell[metric])
        const mean = all.reduce((a, b) => a + b) / all.length
        return { x, mean, least: Math.min(...all), most: Math.max(...all), count: all.length }
      })
      points.sort((a, b) => a.x - b.x)
      const label = layers == null ? "" : `${LINES} ${shown(layers)}`
      return { label, color: Math.max(0, bands.indexOf(layers)), is: layers == null ? {} : { [LINES]: layers }, points }
    })
    const label = beside == null ? "" : `${BESIDE} ${shown(beside)}`
    return { label, is: beside == null ? {} : { [BESIDE]: beside }, lines }
  })
  const unbents = [...new Set(cells.map((cell) => cell.unbent))].map((cell) => cell?.[metric]).filter((y) => y != null)
  const unbent = unbents.length ? unbents.reduce((a, b) => a + b) / unbents.length : null
  const ys = panels.flatMap(({ lines }) =>
    lines.flatMap(({ points }) => points.flatMap((point) => [point.least, point.most])),
  )
  if (unbent !== null) ys.push(unbent)
  const heading = [titled(cells[0].mode), shown(parameter), ...said].join(" · ")
  return { height: HEIGHT, heading, parameter, values, is, panels, unbent, range: [Math.min(...ys), Math.max(...ys)] }
}
