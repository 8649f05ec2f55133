/** Words to click. */

/**
 * A word as a small button; without a click, as a label.
 *
 * @param {object} chip
 * @param {string[]} chip.parts What it says, with dotted lines between.
 * @param {string} [chip.kind] Its looks in page.css.
 * @param {boolean} [chip.on]
 * @param {string} [chip.hint]
 * @param {string} [chip.more] Said smaller behind.
 * @param {() => void} [chip.click]
 */
export function chip({ parts, kind = "", on = false, hint = "", more = "", click }) {
  const made = part(click ? "button" : "span", `ab-chip ${kind} ${on ? "on" : ""}`, [])
  made.title = hint
  made.append(...parts.map((each) => part("span", "", [each])), more && part("small", "", [more]))
  if (click) {
    made.setAttribute("type", "button")
    made.setAttribute("aria-pressed", String(on))
    made.addEventListener("click", click)
  }
  return made
}

/** Chips in lines, which scroll where they are many. */
export const chips = (...all) => part("div", "ab-chips", all)

/** A sentence beneath: `kind` is "", "doubt" or "fault". A long one is cut; the pointer shows the rest. */
export const note = (sentence, kind = "") =>
  Object.assign(part("div", `ab-note ${kind}`, [sentence]), { title: sentence })

export function part(tag, kind, content) {
  const made = Object.assign(document.createElement(tag), { className: kind })
  made.append(...content)
  return made
}
