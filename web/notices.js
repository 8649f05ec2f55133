/** What is wrong, on the node that it is about: a sentence, and what mends it. */
import { section } from "./panel.js"

/** @typedef {{text: string, tone: "bad" | "amber" | "calm", cures?: {label: string, use: () => void}[]}} Notice */

/** @type {WeakMap<object, Map<string, string>>} What stands on a node, by who says it. */
const shown = new WeakMap()

/**
 * Let `by` say something on a node, in the place of what it has said there; null takes that away.
 *
 * @param {any} node
 * @param {string} by
 * @param {Notice | null} notice
 */
export function notify(node, by, notice) {
  const known = shown.get(node) ?? new Map()
  const is = JSON.stringify(notice)
  if ((known.get(by) ?? "null") === is) return
  shown.set(node, known.set(by, is))
  const place = section(node, "notice")
  const before = [...place.children].find((element) => /** @type {HTMLElement} */ (element).dataset.by === by)
  before?.remove()
  if (notice) place.append(drawn(by, notice))
}

/** @param {string} by @param {Notice} notice */
function drawn(by, { text, tone, cures = [] }) {
  const element = document.createElement("div")
  element.className = `ab-notice ab-${tone}`
  element.dataset.by = by
  element.append(text)
  const buttons = cures.map(({ label, use }) => {
    const button = document.createElement("button")
    button.className = "ab-button"
    button.textContent = label
    button.onclick = use
    return button
  })
  if (buttons.length) {
    const row = document.createElement("div")
    row.className = "ab-row"
    row.append(...buttons)
    element.append(row)
  }
  return element
}
