/** The films of the study, as `cells.js` tells them. */
import { shown, titled } from "./elements.js"

/**
 * @typedef {object} Cell
 * @property {string} key The folder of its film; cells in which nothing bends have the un-bent film's.
 * @property {"kept" | "refused" | "failed" | "missing" | "un-bent"} status
 * @property {string} prompt
 * @property {string} seed
 * @property {string} mode
 * @property {string} why Why it was refused, or failed.
 * @property {boolean} maps Whether maps of its words are filmed.
 * @property {Cell} unbent The un-bent film of its prompt and seed.
 *
 * Axes and metrics go by their own names; null where it has none.
 *
 * @typedef {object} Facet What cells can be filtered by.
 * @property {string} name
 * @property {string} label
 * @property {any[]} values All that cells have, numbers by size, the rest as the study has it.
 */

const LABELS = { mode: "Operation", token: "Words", status: "State" }

/** @returns {{cells: Cell[], facets: Facet[], varied: Set<string>}} Bent cells, and the axes in which they differ. */
export function read(study) {
  const all = study.rows.map((row) => Object.fromEntries(study.columns.map((name, i) => [name, row[i]])))
  const groupOf = (cell) => `${cell.seed} ${cell.prompt}`
  const unbent = new Map()
  for (const cell of all) if (cell.mode === study.unbent) unbent.set(groupOf(cell), cell)
  for (const cell of all) cell.unbent = unbent.get(groupOf(cell))
  const cells = all.filter((cell) => cell.mode !== study.unbent)
  const names = ["mode", ...study.common, "prompt", "seed", "status", ...study.parameters]
  const facets = names.map((name) => ({ name, label: LABELS[name] ?? titled(name), values: valuesOf(cells, name) }))
  const varied = facets.filter((facet) => facet.values.length > 1)
  return { cells, facets: varied, varied: new Set(varied.map((facet) => facet.name)) }
}

/** All values that cells have of something. */
export function valuesOf(cells, name) {
  const found = [...new Set(cells.map((cell) => cell[name]))].filter((value) => value !== null)
  return found.every((value) => typeof value === "number") ? found.sort((a, b) => a - b) : found
}

/** Where a film, its poster or its maps lie. */
export const fileOf = (cell, what) => `cells/${cell.key}/${STUDY.files[`study ${what}`]}`

export const isFilmed = (cell) => cell.status === "kept" || cell.status === STUDY.unbent

/** Values of its mode's parameters: "0.5", or "x 0.25, y 0" of several. */
export function valuesText(cell) {
  const own = STUDY.parameters.filter((name) => cell[name] !== null)
  return own.map((name) => (own.length > 1 ? `${shown(name)} ` : "") + shown(cell[name])).join(", ")
}

/** Its words, steps, layers and what else in which cells differ. */
export const placeText = (cell, names) =>
  names
    .filter((name) => cell[name] !== null)
    .map((name) => (name === "token" || name === "prompt" ? "" : `${shown(name)} `) + shown(cell[name]))
    .join(" · ")

/** All of a cell in one line. */
export const nameOf = (cell) =>
  [`${titled(cell.mode)} ${valuesText(cell)}`.trim(), placeText(cell, STUDY.common)].filter(Boolean).join(" · ")
