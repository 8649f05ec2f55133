/** All films in rows: an un-bent one first, and behind it what bends made of it. */
import { fileOf, isFilmed, nameOf, placeText, valuesOf, valuesText } from "./data.js"
import { byId, grouped, make, shown, titled } from "./elements.js"
import { makeRows } from "./virtual.js"

const NARROWEST = 124 // pixels of a film with its gap
const MOST = 9 // films in a row, with the un-bent one: what 5,000 cells need in the page stays under 500 elements
const CAPTION = 25 // pixels under a film, with its gap
const LABEL = 22
const HEAD = 46
const FEW = 3 // lines shorter than this share a row

/**
 * A row of the grid: a heading, or films.
 * @typedef {object} Row
 * @property {number} height
 * @property {number} first The number of the first of its films.
 * @property {string} [heading]
 * @property {number} [count] Of films under the heading.
 * @property {string} [label] What the films have in common.
 * @property {import("./data.js").Cell} [unbent] What stands first.
 * @property {import("./data.js").Cell[]} [cells]
 * @property {(cell: object) => string} [caption]
 */

/**
 * @param {Set<string>} varied The axes in which the study's cells differ.
 * @param {(cell: object) => void} open
 */
export function makeGrid(varied, open) {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"))
  const sheet = make("div", { className: "sheet", role: "grid", ariaLabel: "Films" })
  const axes = [...STUDY.common, "prompt", "seed"].filter((name) => varied.has(name))
  const virtual = makeRows(main, sheet, draw)
  /** @type {Row[]} */
  let rows = []
  /** @type {number[]} The row of each cell, in their order. */
  let rowOf = []
  /** @type {import("./data.js").Cell[]} */
  let cells = []
  let at = 0
  let shape = 16 / 9
  let columns = MOST
  let metric = "change"
  let largest = 1
  let isBlinking = false
  /** @type {import("./asked.js").Asked} */
  let last

  const width = () => (main.clientWidth - 32) / columns

  function lay(asked) {
    columns = Math.min(MOST, Math.max(3, Math.floor((main.clientWidth - 32) / NARROWEST)))
    sheet.style.setProperty("--columns", String(columns))
    sheet.style.setProperty("--shape", String(shape))
    const height = (width() - 8) / shape + CAPTION
    const isOneUnbent = (some) => some.every((cell) => cell.unbent === some[0].unbent)
    const where = axes.filter((name) => valuesOf(cells, name).length > 1)
    /** Cells of a line, in as many rows as they need. */
    const line = (some, label, caption) => {
      const unbent = isOneUnbent(some) ? some[0].unbent : undefined
      const room = unbent ? columns - 1 : columns
      for (let i = 0; i < some.length; i += room) {
        const said = i ? "" : label
        const part = some.slice(i, i + room)
        rows.push({ height: height + (said ? LABEL : 0), first: 0, label: said, unbent, cells: part, caption })
      }
    }
    const whole = (cell) => [valuesText(cell), placeText(cell, where)].filter(Boolean).join(" · ")
    const sections = {
      mode: (cell) => titled(cell.mode),
      prompt: (cell) => `${cell.prompt} · seed ${cell.seed}`,
      none: () => "All films",
    }
    rows = []
    for (const [heading, some] of grouped(cells, sections[asked.group] ?? sections.mode)) {
      rows.push({ height: HEAD, first: 0, heading, count: some.length })
      if (asked.sort || asked.group === "none") {
        line(some, "", (cell) => (asked.group === "mode" ? "" : `${titled(cell.mode)} `) + whole(cell))
        continue
      }
      const names = asked.group === "prompt" ? where.filter((name) => name !== "prompt" && name !== "seed") : where
      const lines = [...grouped(some, (cell) => [cell.mode, ...where.map((name) => cell[name])].join("\n")).values()]
      const few = lines.filter((each) => each.length < FEW)
      const label = (cell) => (asked.group === "prompt" ? `${titled(cell.mode)} · ` : "") + placeText(cell, names)
      for (const each of lines) if (each.length >= FEW) line(each, label(each[0]), valuesText)
      for (const each of grouped(few.flat(), (cell) => cell.unbent ?? cell.prompt).values())
        line(each, "", (cell) => (asked.group === "prompt" ? `${titled(cell.mode)} ` : "") + whole(cell))
    }
    cells = []
    rowOf = []
    for (const [index, row] of rows.entries()) {
      row.first = cells.length
      for (const cell of row.cells ?? []) rowOf[cells.push(cell) - 1] = index
    }
  }

  function draw(row, index) {
    const made = make("div", { className: "row", role: "row", ariaRowIndex: String(index + 1) })
    if (row.heading !== undefined) {
      made.append(make("h2", { role: "rowheader" }, row.heading, make("small", {}, String(row.count))))
      return made
    }
    if (row.label) made.append(make("p", { role: "rowheader" }, row.label))
    if (row.unbent) made.append(card(row.unbent, "un-bent", "unbent"))
    row.cells.forEach((cell, column) => {
      const drawn = card(cell, row.caption(cell), "")
      const number = row.first + column
      drawn.tabIndex = number === at ? 0 : -1
      drawn.onfocus = () => mark(number)
      drawn.ariaColIndex = String(column + (row.unbent ? 2 : 1))
      made.append(drawn)
    })
    return made
  }

  function card(cell, text, className) {
    const value = cell[metric] === null ? "" : shown(Number(cell[metric].toPrecision(2)))
    const made = make("button", { type: "button", className: `card ${className} ${cell.status}`, tabIndex: -1 })
    made.setAttribute("role", "gridcell")
    const name = className ? `un-bent · ${cell.prompt} · seed ${cell.seed}` : nameOf(cell)
    const told = isFilmed(cell) ? value && `${shown(metric)} ${value}` : `${cell.status}: ${cell.why}`
    made.ariaLabel = [name, told].filter(Boolean).join(" · ")
    made.title = [name, !className && `${cell.prompt} · seed ${cell.seed}`, told].filter(Boolean).join("\n")
    if (isFilmed(cell)) {
      const src = fileOf(isBlinking ? cell.unbent : cell, "poster")
      const image = make("img", { alt: "", decoding: "async", draggable: false, src })
      image.onload = () => measure(image)
      made.append(image)
    }
    const caption = make("span", { textContent: text || titled(cell.mode) })
    caption.dataset.value = className ? "" : isFilmed(cell) ? value : cell.status
    if (value && largest && !className)
      caption.style.setProperty("--bar", `${Math.min(1, cell[metric] / largest) * 100}%`)
    made.append(caption)
    made.onclick = () => open(cell)
    return made
  }

  /** Films have the shape of the first one that is seen. */
  function measure(image) {
    const seen = image.naturalWidth / image.naturalHeight
    if (Math.abs(seen - shape) < 0.01 || isMeasured) return (isMeasured = true)
    isMeasured = true
    shape = seen
    show(cells, last)
  }
  let isMeasured = false

  function mark(number) {
    cardAt(at)?.setAttribute("tabindex", "-1")
    at = number
    cardAt(at)?.setAttribute("tabindex", "0")
  }

  function cardAt(number) {
    const row = virtual.live.get(rowOf[number])
    const column = number - rows[rowOf[number]]?.first
    return /** @type {HTMLElement | undefined} */ (row?.querySelectorAll(".card:not(.unbent)")[column])
  }

  function go(number) {
    if (!cells.length) return
    const next = Math.min(Math.max(number, 0), cells.length - 1)
    virtual.reveal(rowOf[next])
    mark(next)
    cardAt(next)?.focus({ preventScroll: true })
  }

  /** The cell under or over the one where we are, as near as its row has one. */
  function beside(by) {
    const column = at - rows[rowOf[at]].first
    for (let index = rowOf[at] + by; rows[index]; index += by) {
      const { first, cells: films } = rows[index]
      if (films) return first + Math.min(column, films.length - 1)
    }
    return at
  }

  const moves = {
    ArrowLeft: () => at - 1,
    ArrowRight: () => at + 1,
    ArrowUp: () => beside(-1),
    ArrowDown: () => beside(1),
    Home: () => 0,
    End: () => cells.length - 1,
  }
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target)
    if (
      last?.view !== "films" ||
      byId("player").open ||
      target.closest("input, select, aside") ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey
    )
      return
    if (event.key in moves && cells.length) {
      event.preventDefault()
      go(sheet.contains(target) || at ? moves[event.key]() : 0)
    }
    if (event.key.toLowerCase() === "b" && !event.repeat) blink(true)
  })
  addEventListener("keyup", (event) => event.key.toLowerCase() === "b" && blink(false))
  addEventListener("blur", () => blink(false))

  /** Un-bent films in the places of all. */
  function blink(isOn) {
    if (isBlinking === isOn) return
    isBlinking = isOn
    const isThere = sheet.contains(document.activeElement)
    virtual.redraw()
    if (isThere) cardAt(at)?.focus({ preventScroll: true })
  }

  /** @param {import("./data.js").Cell[]} some @param {import("./asked.js").Asked} asked */
  function show(some, asked) {
    const was = cells[at]
    cells = some
    last = asked
    metric = asked.metric
    largest = Math.max(0, ...some.map((cell) => cell[metric] ?? 0))
    lay(asked)
    at = Math.max(0, cells.indexOf(was))
    sheet.ariaRowCount = String(rows.length)
    virtual.set(rows)
  }

  main.append(sheet)
  return {
    show,
    hide: () => virtual.set([]),
    /** Stand at a cell, where it is among them. */
    go: (cell) => cells.includes(cell) && go(cells.indexOf(cell)),
    /** The cell so many places on, as they stand. */
    next: (cell, by) => (cells.includes(cell) ? cells[cells.indexOf(cell) + by] : undefined),
    top: () => main.scrollTo(0, 0),
  }
}
