/** Elements and texts of the page. */

/**
 * A new element with properties, and what it holds.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [properties]
 * @param {(Node | string)[]} inside
 * @returns {HTMLElementTagNameMap[T]}
 */
export const make = (tag, properties = {}, ...inside) => {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...inside)
  return made
}

/** A new element of a drawing, with attributes and what it holds. */
export const drawn = (tag, attributes, ...inside) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  made.append(...inside)
  return made
}

/** The element of the page with an id. */
export const byId = (id) => /** @type {any} */ (document.getElementById(id))

/** A value as people read it: numbers to four digits, names without underscores. */
export const shown = (value) =>
  typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value).replaceAll("_", " ")

/** A name with capitals, as nodes have it: Spatial Scale. */
export const titled = (name) => shown(name).replace(/(^|[ -])[a-z]/g, (letters) => letters.toUpperCase())

/** Things by a key, in the order in which each key is met first. */
export function grouped(things, keyOf) {
  const groups = new Map()
  for (const thing of things) {
    const key = keyOf(thing)
    const group = groups.get(key)
    if (group) group.push(thing)
    else groups.set(key, [thing])
  }
  return groups
}
