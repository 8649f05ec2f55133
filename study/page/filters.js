/** What films can be filtered by: a button for each value, with how many films it leaves. */
import { chosenOf, toggle } from "./asked.js"
import { byId, make, shown } from "./elements.js"

const BUTTONS = 24 // values of a facet that have a button; the rest is found by text

/**
 * @param {import("./data.js").Facet[]} facets
 * @param {object[]} cells
 * @param {() => import("./asked.js").Asked} asked
 * @param {() => void} change To be called once `asked` has changed.
 */
export function makeFilters(facets, cells, asked, change) {
  const find = byId("find")
  const clear = byId("clear")
  const isOpen = ({ name, values }) => values.length <= 8 && !STUDY.parameters.includes(name)
  const drawers = facets.map((facet) => {
    const inside = make("div", { className: "values" })
    const drawer = make("details", { open: isOpen(facet) }, make("summary"), inside)
    drawer.ontoggle = () => fill(facet, drawer, inside)
    return { facet, drawer, inside }
  })
  byId("facets").append(...drawers.map(({ drawer }) => drawer))

  /** @type {object[]} */
  let left = []

  function fill(facet, drawer, inside) {
    const { name, label, values } = facet
    const chosen = asked().chosen[name]
    drawer.firstChild.textContent = chosen ? `${label}: ${[...chosen].map(shown).join(", ")}` : label
    drawer.classList.toggle("chosen", Boolean(chosen))
    if (!drawer.open) return inside.replaceChildren()
    const counts = new Map()
    for (const cell of chosen ? chosenOf(cells, asked(), name) : left)
      counts.set(cell[name], (counts.get(cell[name]) ?? 0) + 1)
    const some = values.filter((value, i) => i < BUTTONS || chosen?.has(String(value)))
    const buttons = some.map((value) => {
      const count = counts.get(value) ?? 0
      const button = make("button", { type: "button", textContent: shown(value), title: `${count} films` })
      button.dataset.count = String(count)
      button.ariaPressed = String(Boolean(chosen?.has(String(value))))
      button.classList.toggle("none", !count)
      button.onclick = () => {
        toggle(asked(), name, String(value))
        change()
      }
      return button
    })
    const at = [...inside.children].indexOf(document.activeElement)
    inside.replaceChildren(
      ...buttons,
      ...(values.length > some.length ? [`and ${values.length - some.length} more: find them`] : []),
    )
    if (at >= 0) buttons[at].focus()
  }

  find.oninput = () => {
    asked().find = find.value
    change()
  }
  clear.onclick = () => {
    Object.assign(asked(), { find: "", chosen: {} })
    change()
  }
  return {
    /** Show what is asked. @param {object[]} some The cells that it leaves. */
    show(some) {
      left = some
      if (find.value !== asked().find) find.value = asked().find
      clear.disabled = !asked().find && !Object.keys(asked().chosen).length
      for (const { facet, drawer, inside } of drawers) fill(facet, drawer, inside)
    },
  }
}
