/**
 * Where the wires of the open workflow lead, as they will when it is run: through subgraphs, bypassed nodes and
 * reroutes; a muted node ends a way. What stands in a subgraph that is used twice stands in two places.
 */
import { app } from "../../scripts/app.js"

const INPUTS = -10 // the node that stands for a subgraph's inputs; a link's ends may be strings
const MUTED = 2
const BYPASSED = 4
const MOST = 1000 // reroutes can make a circle

/** The open workflow, whichever of its subgraphs is shown. */
export const root = () => app.rootGraph ?? app.graph

/**
 * @typedef {object} Place
 * @property {any} node
 * @property {any[]} path The subgraph nodes around it, the outermost first.
 * @property {string} id Its execution id: "19:8" is node 8 inside of subgraph 19.
 * @property {boolean} isIdle Whether it, or a subgraph around it, is muted or bypassed: no wire is followed to it.
 * @property {Wire[]} from What comes in.
 * @property {Wire[]} to What goes out.
 *
 * @typedef {{from: Place, output: number, to: Place, input: number, type: string}} Wire From one node that runs to another.
 */

/** @type {Map<string, Place> | null} */
let known = null

/** All places of the open workflow, by id. They are looked at anew once whoever asks now has ended. */
export function places() {
  if (known) return known
  queueMicrotask(() => (known = null))
  known = survey()
  return known
}

/** @returns {Place[]} Where a node stands: once, but in a subgraph that is used several times. */
export const placesOf = (node) => [...places().values()].filter((place) => place.node === node)

/** @returns {string[]} Its execution ids. */
export const idsOf = (node) => placesOf(node).map(({ id }) => id)

/** What stands in a place's fields, as one text: in the one of this name, or in all where there is none. */
export function valuesAt(place, field = null) {
  const widgets = (place.node.widgets ?? []).filter(({ serialize }) => serialize !== false)
  const meant = widgets.filter(({ name }) => name === field)
  return JSON.stringify((meant.length ? meant : widgets).map(({ name }) => valueAt(place, name)))
}

/** A widget's value at a place, also where a subgraph or a primitive gives it; undefined where a node makes it. */
export function valueAt({ node, path }, name) {
  const input = node.inputs?.find((input) => input.widget?.name === name)
  if (input?.link == null) return node.widgets?.find((widget) => widget.name === name)?.value
  const from = originOf(node.graph, input, path)
  if (from?.promoted) return from.node.getWidgetFromSlot(from.promoted)?.value
  if (!from?.node.type.startsWith("Primitive")) return undefined
  return from.node.inputs?.some(({ link }) => link != null) ? undefined : from.node.widgets?.[0]?.value
}

/** A start and all that comes after it, each once. */
export function* walk(start, next, key = (each) => each, seen = new Set()) {
  if (seen.has(key(start))) return
  seen.add(key(start))
  yield start
  for (const each of next(start)) yield* walk(each, next, key, seen)
}

/** The places that something of a type comes from, and those that it goes to. */
export const incoming = (place, type) => place.from.filter((wire) => wire.type === type).map(({ from }) => from)
export const outgoing = (place, type) => place.to.filter((wire) => wire.type === type).map(({ to }) => to)

const idAt = ({ node, path }) => [...path, node].map(({ id }) => id).join(":")

function survey() {
  const all = new Map()
  const visit = (graph, path, within) => {
    for (const node of graph.nodes) {
      const id = idAt({ node, path })
      const isIdle = within || [MUTED, BYPASSED].includes(node.mode)
      all.set(id, { node, path, id, isIdle, from: [], to: [] })
      if (node.isSubgraphNode?.()) visit(node.subgraph, [...path, node], isIdle)
    }
  }
  visit(root(), [], false)
  for (const to of all.values()) {
    if (to.isIdle || to.node.isVirtualNode || to.node.isSubgraphNode?.()) continue
    to.node.inputs?.forEach((slot, input) => {
      const origin = originOf(to.node.graph, slot, to.path)
      if (!origin || origin.promoted || origin.node.isVirtualNode) return
      const from = all.get(idAt(origin))
      if (!from) return
      const type = slot.type === "*" ? from.node.outputs[origin.output].type : slot.type
      const wire = { from, output: origin.output, to, input, type }
      to.from.push(wire)
      from.to.push(wire)
    })
  }
  return all
}

/**
 * What an input is given, by the rules with which the page makes a prompt: a node and its output, or the subgraph node
 * whose own input, `promoted`, has the value.
 *
 * @returns {{node: any, path: any[], output: number, promoted?: any} | undefined}
 */
function originOf(graph, input, path) {
  const { type } = input
  let link = linkOf(graph, input)
  for (let hops = 0; link && hops < MOST; hops++) {
    if (Number(link.origin_id) === INPUTS) {
      const around = path.at(-1)
      const outer = around?.inputs[link.origin_slot]
      if (!outer) return undefined
      path = path.slice(0, -1)
      if (outer.link == null) return { node: around, path, output: -1, promoted: outer }
      graph = around.graph
      link = linkOf(graph, outer)
      continue
    }
    const node = graph.getNodeById(link.origin_id)
    const output = Number(link.origin_slot)
    if (!node || node.mode === MUTED) return undefined
    if (node.mode === BYPASSED) link = linkOf(graph, node.inputs[besides(node, output, type)])
    else if (node.isSubgraphNode?.()) {
      const [inner] = node.subgraph.outputs[output]?.linkIds ?? []
      graph = node.subgraph
      path = [...path, node]
      link = graph.getLink(inner)
    } else {
      const through = node.isVirtualNode && node.getInputLink(output)
      if (!through) return { node, path, output }
      link = through
    }
  }
  return undefined
}

const linkOf = (graph, input) => (input?.link == null ? null : graph.getLink(input.link))

/** The input that a bypassed node puts through to an output. */
function besides({ inputs, outputs }, output, type) {
  const fits = (input) => [outputs[output].type, type].every((other) => LiteGraph.isValidConnection(input.type, other))
  if (type === "*") return inputs.length > output ? output : 0
  if (inputs[output] && fits(inputs[output])) return output
  const exact = inputs.findIndex((input) => input.type === type)
  return exact >= 0 ? exact : inputs.findIndex(fits)
}
