/** A node's menu turns a bend into another mode, and keeps what the two have in common: one step that can be undone. */
import { app } from "../../scripts/app.js"
import { changed } from "./changes.js"
import { isOpen, setOpen } from "./panel.js"
import { text } from "./texts.js"
import { widgetOf } from "./values.js"

/** Whether a node's definition is that of a mode: one bend, with a strength, put behind a bending. */
const isMode = (definition) =>
  definition?.name.startsWith("AttnBend") &&
  definition.input.required?.strength !== undefined &&
  definition.input.optional?.bending?.[0] === "BENDING" &&
  definition.output.join() === "BENDING"

const definitionOf = (type) => LiteGraph.registered_node_types[type]?.nodeData

/** The other modes, by title. */
const modes = () =>
  Object.keys(LiteGraph.registered_node_types)
    .filter((type) => isMode(definitionOf(type)))
    .map((type) => ({ type, title: LiteGraph.registered_node_types[type].title }))
    .sort((one, other) => one.title.localeCompare(other.title))

/** Put a node of another mode in a node's place, with its id: what names it, such as a subgraph's border, still does. */
export async function turnInto(node, type) {
  const { graph, id } = node
  const tracker = app.extensionManager.workflow.activeWorkflow?.changeTracker
  const made = LiteGraph.createNode(type)
  const selected = [...app.canvas.selectedItems]
  const open = isOpen(node)
  tracker?.beforeChange()
  try {
    copyLook(node, made)
    copyValues(node, made)
    for (const input of node.inputs.slice())
      if (input.link != null && !made.inputs.some(({ name }) => name === input.name))
        node.disconnectInput(node.inputs.indexOf(input))
    const wires = takeWires(node)
    graph.remove(node)
    await new Promise((resolve) => setTimeout(resolve)) // Nodes 2.0 would take a node of the same id for the same one
    made.id = id
    giveWires(made, wires)
    graph.add(made)
    setOpen(made, open)
    const least = made.computeSize()
    made.setSize([Math.max(node.size[0], least[0]), least[1]])
    if (selected.includes(node)) app.canvas.selectItems(selected.map((item) => (item === node ? made : item)))
  } finally {
    tracker?.afterChange()
  }
  graph.setDirtyCanvas(true, true)
  changed()
}

function copyLook(node, made) {
  made.pos = [...node.pos]
  for (const name of ["mode", "color", "bgcolor", "shape"]) if (node[name] !== undefined) made[name] = node[name]
  made.flags = { ...made.flags, ...node.flags }
  const isNamed = node.title !== node.constructor.title
  if (isNamed) made.title = node.title
  made.properties = { ...node.properties, "Node name for S&R": made.type }
}

/** Values of the same name, where the other mode has room for them. */
function copyValues(node, made) {
  for (const { name, value } of node.widgets ?? []) {
    const widget = widgetOf(made, name)
    if (!widget || widget.type !== widgetOf(node, name).type || widget.serialize === false) continue
    const { values, min = -Infinity, max = Infinity } = widget.options ?? {}
    if (Array.isArray(values) && !values.includes(value)) continue
    widget.value = typeof value === "number" ? Math.min(Math.max(value, min), max) : value
  }
}

/**
 * Take a node's wires from it. They stay themselves, and with them their places on a Bender Stack and at a subgraph's
 * border; that end of each is put to an id of its own that no node has, so that none goes with the node.
 */
function takeWires({ graph, inputs, outputs: [output] }) {
  const into = inputs.filter(({ link }) => link != null).map(({ name, link }) => ({ name, wire: graph.getLink(link) }))
  const from = (output.links ?? []).map((link) => graph.getLink(link))
  for (const { wire } of into) wire.target_id = nowhere(wire)
  for (const wire of from) wire.origin_id = nowhere(wire)
  for (const input of inputs) input.link = null
  output.links = null
  return { into, from }
}

const nowhere = (wire) => -1000 - wire.id

function giveWires(made, { into, from }) {
  for (const { name, wire } of into) {
    const slot = made.inputs.findIndex((input) => input.name === name)
    Object.assign(wire, { target_slot: slot, target_id: made.id })
    made.inputs[slot].link = wire.id
  }
  for (const wire of from) wire.origin_id = made.id
  made.outputs[0].links = from.map(({ id }) => id)
}

app.registerExtension({
  name: "AttentionBending.turn_into",
  getNodeMenuItems(node) {
    if (!isMode(definitionOf(node.comfyClass))) return []
    const options = modes()
      .filter(({ type }) => type !== node.comfyClass)
      .map(({ type, title }) => ({ content: title, callback: () => turnInto(node, type) }))
    return [{ content: text("turnInto"), has_submenu: true, submenu: { options } }]
  },
})
