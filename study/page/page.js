/** The page: what is asked for, in its views. */
import { chosenOf, fromAddress, sorted, toAddress } from "./asked.js"
import { makeCurves } from "./curves.js"
import { isFilmed, read } from "./data.js"
import { byId, make, shown, titled } from "./elements.js"
import { makeFilters } from "./filters.js"
import { makeGrid } from "./grid.js"
import { makePlayer } from "./player.js"

const { cells, facets, varied } = read(STUDY)
let asked = fromAddress(location.hash, facets)
/** @type {import("./data.js").Cell | undefined} */
let opened

const grid = makeGrid(varied, open)
const curves = makeCurves(facets, (is) => {
  const names = Object.keys(is).filter((name) => varied.has(name))
  for (const name of names) asked.chosen[name] = new Set([String(is[name])])
  asked.view = "films"
  changed()
})
const filters = makeFilters(facets, cells, () => asked, changed)
const player = makePlayer(
  (by) => {
    const next = opened && grid.next(opened, by)
    if (next) open(next)
  },
  () => {
    const was = opened
    opened = undefined
    asked.key = ""
    told()
    if (was && asked.view === "films") grid.go(was)
  },
)

function open(cell) {
  opened = cell
  asked.key = cell.key
  told()
  player.show(cell)
}

/** A cell by its key; the key that cells share in which nothing bends is the un-bent film's. */
const cellOf = (key) => cells.find((cell) => cell.unbent?.key === key)?.unbent ?? cells.find((cell) => cell.key === key)

const told = () => history.replaceState(null, "", toAddress(asked))

/** What is asked has changed. */
function changed() {
  told()
  show()
}

function show() {
  const some = sorted(chosenOf(cells, asked), asked.sort)
  const isFilms = asked.view !== "curves"
  document.body.dataset.view = isFilms ? "films" : "curves"
  for (const choice of [group, sort, metric]) choice.value = asked[choice.id]
  for (const button of byId("view").children) button.ariaPressed = String(button.value === document.body.dataset.view)
  const lost = some.filter((cell) => !isFilmed(cell)).length
  byId("count").textContent =
    (some.length === cells.length ? `${cells.length} films` : `${some.length} of ${cells.length} films`) +
    (lost ? `, ${lost} of them refused, failed or missing` : "")
  filters.show(some)
  if (isFilms) {
    curves.hide()
    grid.show(some, asked)
  } else {
    grid.hide()
    curves.show(some, asked)
  }
}

const choice = (id, options) => {
  const made = byId(id)
  made.append(...options.map(([value, text]) => make("option", { value }, text)))
  made.onchange = () => {
    asked[id] = made.value
    if (id === "sort" && made.value) asked.metric = made.value.replace(/^-/, "")
    changed()
    if (asked.view === "films") grid.top()
  }
  return made
}
const group = choice("group", [
  ["mode", "by operation"],
  ["prompt", "by prompt × seed"],
  ["none", "all together"],
])
const metric = choice(
  "metric",
  STUDY.metrics.map((name) => [name, shown(name)]),
)
const sort = choice("sort", [
  ["", "as the study has them"],
  ...STUDY.metrics.flatMap((name) => [
    [`-${name}`, `${shown(name)}, largest first`],
    [name, `${shown(name)}, smallest first`],
  ]),
])
for (const value of ["films", "curves"])
  byId("view").append(
    make("button", {
      type: "button",
      value,
      textContent: titled(value),
      onclick: () => {
        asked.view = value
        changed()
      },
    }),
  )

addEventListener("resize", show)
addEventListener("hashchange", () => {
  asked = fromAddress(location.hash, facets)
  show()
  const cell = asked.key && cellOf(asked.key)
  if (cell) open(cell)
  else if (opened) player.close()
})
addEventListener("keydown", (event) => {
  const isTyping = /** @type {HTMLElement} */ (event.target).closest("input[type=search]")
  if (event.key === "/" && !isTyping && !byId("player").open) {
    event.preventDefault()
    byId("find").focus()
  }
  if (isTyping && event.key === "Escape") {
    event.preventDefault() // Chromium would empty it, and tell nobody
    byId("find").blur()
  }
})

document.title = `${STUDY.name}: a study`
byId("name").textContent = STUDY.name
show()
const linked = asked.key && cellOf(asked.key)
if (linked) open(linked)
performance.measure("built") // since the page was asked for
