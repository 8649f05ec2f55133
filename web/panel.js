/**
 * One panel at the end of a node, for all that the page shows on it: its sections, from top to bottom.
 *
 * It is the page's own: never saved, never sent, and last, since front ends count saved values by their place. A node
 * from a file that was saved without room for it keeps its size: there the panel is closed, and shows reports and what
 * is wrong alone, until its menu opens it.
 */
import { app } from "../../scripts/app.js"
import { also, changed, watch } from "./changes.js"
import { setting } from "./settings.js"
import { text } from "./texts.js"

/** The name of the widget. */
export const PANEL = "attention_bending"

const SECTIONS = ["notice", "words", "picture", "region", "strip", "maps", "compare", "report"]
const PLACE = "data-attention-bending" // where a node's panel stood
const ROOM = 40 // pixels under a saved node's widgets that tell that it had a panel

/**
 * @typedef {object} Panel
 * @property {HTMLElement} outer
 * @property {HTMLElement} inner
 * @property {{height: number}} asked How high it asks to be.
 * @property {ResizeObserver} observer
 */

/** @type {WeakMap<object, Panel>} */
const panels = new WeakMap()

/** Whether a node is one of this pack's. */
export const isOurs = (node) => node?.comfyClass?.startsWith("AttnBend") ?? false

/**
 * A section of a node's panel, empty when it is made. Sections that hold nothing take no room.
 *
 * @param {any} node
 * @param {string} name One of SECTIONS.
 * @returns {HTMLElement}
 */
export function section(node, name) {
  const { inner } = panelOf(node)
  const there = /** @type {HTMLElement[]} */ ([...inner.children])
  const known = there.find((child) => child.dataset.section === name)
  if (known) return known
  const made = document.createElement("div")
  made.dataset.section = name
  const behind = SECTIONS.slice(SECTIONS.indexOf(name) + 1)
  inner.insertBefore(made, there.find((child) => behind.includes(child.dataset.section ?? "")) ?? null)
  return made
}

/** Whether a node's panel shows all of its sections. */
export const isOpen = (node) => !panels.get(node)?.outer.classList.contains("closed")

/** Open or close a node's panel, as its user asks: this is kept with the node. */
export function setOpen(node, open) {
  node.properties.attention_bending = { ...node.properties.attention_bending, panel: open }
  close(node, !open)
  changed()
}

function close(node, closed) {
  panelOf(node).outer.classList.toggle("closed", closed)
}

/** @returns {Panel} */
function panelOf(node) {
  const known = panels.get(node)
  if (known) return known
  const outer = document.createElement("div")
  const inner = document.createElement("div")
  outer.className = "attention-bending"
  outer.append(inner)
  letUse(outer)
  const asked = { height: 0 }
  const panel = { outer, inner, asked, observer: new ResizeObserver(() => fit(node, panel)) }
  panels.set(node, panel)
  const widget = node.addDOMWidget(PANEL, PANEL, outer, optionsOf(asked))
  widget.serialize = false // in the API's form, and in the file
  panel.observer.observe(inner)
  outer.classList.toggle("closed", !setting("Panels"))
  watch(node, () => mount(node, outer))
  also(node, "onConfigure", (saved) => {
    const open = saved.properties?.attention_bending?.panel
    close(node, !(open ?? saved.size?.[1] - (node.computeSize()[1] - asked.height) >= ROOM))
  })
  also(node, "onRemoved", () => {
    panel.observer.disconnect()
    outer.parentElement?.setAttribute(PLACE, "")
    outer.remove() // Nodes 2.0 keeps what is round it
    widget.element = document.createElement("div") // and the widget, which need not hold ours
  })
  return panel
}

/** Options of the widget: the page keeps them when the node is gone, so that they hold nothing of it. */
const optionsOf = (asked) => ({
  serialize: false,
  hideInPanel: true,
  hideOnZoom: false,
  getMinHeight: () => asked.height,
})

/** Nodes 2.0 keeps the elements of a node that an undo has put another in the place of: let that one's panel be there. */
function mount(node, outer) {
  if (outer.isConnected || !LiteGraph.vueNodesMode || node.graph !== app.canvas.graph) return
  document.querySelector(`[data-node-id="${node.id}"] [${PLACE}]`)?.append(outer)
}

/** Let the node have the room that its panel asks for. It never shrinks: its user may have made it large. */
function fit(node, panel) {
  const wanted = Math.ceil(panel.inner.offsetHeight)
  if (wanted === panel.asked.height) return
  panel.asked.height = wanted
  panel.outer.style.minHeight = `${wanted}px`
  const [width, least] = node.computeSize()
  if (node.size[0] < width || node.size[1] < least)
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], least)])
  node.graph?.setDirtyCanvas(true, true)
}

/** Let what stands in the panel be used, its text be marked and scrolled, and the canvas zoom where nothing scrolls. */
function letUse(outer) {
  outer.tabIndex = 0
  const scrolls = (target) => {
    for (let element = target; element && element !== outer.parentElement; element = element.parentElement)
      if (element.scrollHeight > element.clientHeight && getComputedStyle(element).overflowY === "auto") return true
    return false
  }
  outer.addEventListener("pointerdown", (event) => {
    outer.dataset.captureWheel = String(scrolls(event.target)) // Nodes 2.0 zooms by itself where this is not so
    if (event.button === 0) event.stopPropagation()
  })
  outer.addEventListener("wheel", (event) => {
    if (!scrolls(event.target) && !LiteGraph.vueNodesMode) app.canvas.processMouseWheel(event)
  })
}

app.registerExtension({
  name: "AttentionBending.panel",
  init() {
    const style = document.createElement("link")
    Object.assign(style, { rel: "stylesheet", href: new URL("page.css", import.meta.url).href })
    document.head.append(style)
  },
  getNodeMenuItems(node) {
    if (!panels.has(node)) return []
    const open = isOpen(node)
    return [{ content: text(open ? "panel.hide" : "panel.show"), callback: () => setOpen(node, !open) }]
  },
})
