/**
 * An error stands on the node that it is about, in its whole sentence, with what mends it; and the page goes there.
 *
 * It stands until its field is edited, or its workflow is run again.
 */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { changed, watch } from "./changes.js"
import { notify } from "./notices.js"
import { isOurs } from "./panel.js"
import { EVENT as REPORT, pathTo, workflowOf } from "./report.js"
import { text } from "./texts.js"
import { setValues, valueOf } from "./values.js"
import { places, root, valuesAt } from "./wires.js"

const EVENT = "attention_bending.fault"
const OURS = "attention_bending.BendError"
const MOST = 3 // cures
const GLIDE = 250 // ms, and as long for the page to open a subgraph

const LEGIBLE = 0.7 // of the zoom: below, the page comes nearer
const MOST_OF_VIEW = 0.75

/**
 * @typedef {object} Fault
 * @property {string} prompt_id
 * @property {string | null} workflow
 * @property {string} node An execution id.
 * @property {string} message
 * @property {string | null} field The widget that it speaks of.
 * @property {string[]} offers What that could have instead.
 */

/** @type {Map<string, Fault & {values: string}>} By workflow and node; with what was on the node then. */
const all = new Map()

/** @type {WeakSet<object>} */
const watched = new WeakSet()

/** @param {Fault} fault */
function hear(fault) {
  const workflow = fault.workflow ?? workflowOf(fault.prompt_id)
  const path = workflow === root().id ? pathTo(root(), fault.node) : []
  const node = path.at(-1)
  const isThere = isOurs(node) // else it waits: its workflow is not open, or is just being left or loaded
  all.set(`${workflow} ${fault.node}`, { ...fault, workflow, values: isThere ? valuesOf(fault) : "" })
  show()
  if (isThere) goTo(path)
}

/** A node of ours that fails itself is told of by ComfyUI alone. */
function hearFailed({ prompt_id, node_id, exception_type, exception_message }) {
  const isTold = [...all.values()].some((fault) => fault.prompt_id === prompt_id)
  if (exception_type !== OURS || isTold) return
  hear({ prompt_id, workflow: null, node: node_id, message: exception_message.trim(), field: null, offers: [] })
}

function show() {
  for (const { workflow, node: id } of all.values()) {
    const node = workflow === root().id ? pathTo(root(), id).at(-1) : null
    if (!isOurs(node)) continue
    look(node)
    if (watched.has(node)) continue
    watched.add(node)
    watch(node, () => look(node))
  }
}

/** What stands on a node now: of its faults those whose field is as it was. */
function look(node) {
  const mine = [...all].filter(
    ([, fault]) => fault.workflow === root().id && pathTo(root(), fault.node).at(-1) === node,
  )
  for (const [key, fault] of mine) {
    fault.values ||= valuesOf(fault) // told while another workflow was open
    if (fault.values !== valuesOf(fault)) all.delete(key)
  }
  const fault = mine.map(([key]) => all.get(key)).find(Boolean)
  notify(node, "fault", fault ? { text: fault.message, tone: "bad", cures: curesOf(node, fault) } : null)
}

const curesOf = (node, { field, offers }) =>
  valueOf(node, field) === undefined
    ? []
    : offers
        .slice(0, MOST)
        .map((value) => ({ label: text("faults.use", { value }), use: () => setValues(node, { [field]: value }) }))

/** The field's value, or all of its node's where it names none. */
function valuesOf({ node: id, field }) {
  const place = places().get(id)
  return place ? valuesAt(place, field) : ""
}

/** A workflow that runs again has no faults yet. */
function begin({ prompt_id }) {
  const workflow = workflowOf(prompt_id)
  let isOver = false
  for (const [key, fault] of all)
    if (fault.workflow === workflow && fault.prompt_id !== prompt_id) isOver = all.delete(key)
  if (isOver) changed()
}

/** Open the subgraph that a node is in, select it, and move there. */
function goTo(path) {
  const { canvas } = app
  if (!canvas.canvas.clientWidth) return // App mode hides it: a view of no size comes back as none
  const node = path.at(-1)
  if (canvas.graph !== node.graph) {
    if (path.length === 1) canvas.setGraph(root())
    for (const around of path.slice(0, -1)) canvas.openSubgraph(around.subgraph, around)
  }
  setTimeout(() => {
    if (canvas.graph !== node.graph) return
    canvas.deselectAll()
    canvas.selectNode(node)
    const [, , width, height] = node.boundingRect
    const natural = Math.max(width / canvas.canvas.clientWidth, height / canvas.canvas.clientHeight) // for a zoom of 1
    const zoom = canvas.ds.scale < LEGIBLE ? Math.min(natural, MOST_OF_VIEW) : 0 // 0 keeps it
    canvas.animateToBounds(node.boundingRect, { duration: GLIDE, zoom })
  }, GLIDE)
}

app.registerExtension({
  name: "AttentionBending.faults",
  setup() {
    api.addEventListener(EVENT, ({ detail }) => hear(detail))
    api.addEventListener("execution_error", ({ detail }) => hearFailed(detail))
    api.addEventListener(REPORT, ({ detail }) => begin(detail))
  },
  afterConfigureGraph: show,
})
