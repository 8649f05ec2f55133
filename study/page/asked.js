/** What is looked at: it stands in the page's address, behind the #, so that a link says it all. */

/**
 * @typedef {object} Asked
 * @property {string} view films, or curves
 * @property {string} group mode, prompt, or none
 * @property {string} sort A metric, with - before it for the largest first; empty for the study's own order.
 * @property {string} metric What is written on films, and drawn as curves.
 * @property {string} find Texts that cells must have, all of them.
 * @property {string} key The film that is open.
 * @property {Record<string, Set<string>>} chosen By the name of a facet.
 */

const PLAIN = { view: "films", group: "mode", sort: "", metric: "change", find: "", key: "" }

/** @returns {Asked} */
export function fromAddress(hash, facets) {
  const told = new URLSearchParams(hash.replace(/^#/, ""))
  const plain = Object.fromEntries(Object.entries(PLAIN).map(([name, value]) => [name, told.get(name) ?? value]))
  const chosen = {}
  for (const { name } of facets) if (told.has(`is.${name}`)) chosen[name] = new Set(told.getAll(`is.${name}`))
  if (!STUDY.metrics.includes(plain.metric)) plain.metric = PLAIN.metric
  if (!STUDY.metrics.includes(plain.sort.replace(/^-/, ""))) plain.sort = PLAIN.sort
  return /** @type {any} */ ({ ...plain, chosen })
}

/** @param {Asked} asked */
export function toAddress(asked) {
  const told = new URLSearchParams()
  for (const [name, value] of Object.entries(PLAIN)) if (asked[name] !== value) told.set(name, asked[name])
  for (const [name, values] of Object.entries(asked.chosen))
    for (const value of values) told.append(`is.${name}`, value)
  return `#${told}`
}

/** Choose a value of a facet, or choose it no more. */
export function toggle(asked, name, value) {
  const values = (asked.chosen[name] ??= new Set())
  if (!values.delete(value)) values.add(value)
  if (!values.size) delete asked.chosen[name]
}

const texts = new WeakMap()

/** What is found in a cell: everything that is said of it, without metrics. */
function textOf(cell) {
  if (!texts.has(cell)) {
    const said = ["key", "mode", ...STUDY.parameters, ...STUDY.common, "prompt", "status", "why"]
    const text = said.map((name) => (cell[name] === null ? "" : `${name} ${cell[name]}`)).join(" ")
    texts.set(cell, `${text} seed ${cell.seed}`.replaceAll("_", " ").toLowerCase())
  }
  return texts.get(cell)
}

/** The cells that are asked for, sorted; a facet can be left out, to count what its values would add. */
export function chosenOf(cells, asked, but = "") {
  const chosen = Object.entries(asked.chosen).filter(([name]) => name !== but)
  const words = asked.find.replaceAll("_", " ").toLowerCase().split(/\s+/).filter(Boolean)
  return cells.filter(
    (cell) =>
      chosen.every(([name, values]) => values.has(String(cell[name]))) &&
      words.every((word) => textOf(cell).includes(word)),
  )
}

/** Cells by a metric; those without it last. */
export function sorted(cells, sort) {
  if (!sort) return cells
  const sign = sort.startsWith("-") ? -1 : 1
  const metric = sort.replace(/^-/, "")
  const last = (cell) => cell[metric] === null
  return [...cells].sort((a, b) => Number(last(a)) - Number(last(b)) || sign * (a[metric] - b[metric]))
}
