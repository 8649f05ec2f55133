/**
 * What nodes say of the last run: plain text on the node, in both renderings, and never saved.
 *
 * A text belongs to a prompt, to the workflow that the prompt was made of, and to a node by its execution id ("19:8" is
 * node 8 inside of subgraph 19). The server tells of this page's own prompts only; what is said to a workflow in
 * another tab waits until that is opened.
 */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"

const EVENT = "attention_bending.report"
const NAME = "attention_bending_report"
const MAX_HEIGHT = 160
const IDLE_MODES = [2, 4] // muted, bypassed
const LEFT_OUT = "This node took no part in the last run."
const UNTOLD = {
  execution_success:
    "No sampling was seen here in the last run: no sampler uses this model, or ComfyUI had the film in its cache.",
  execution_error: "The last run failed before any sampling was seen here.",
  execution_interrupted: "The last run was stopped before any sampling was seen here.",
}

/**
 * @typedef {object} Report The event's detail.
 * @property {string} prompt_id
 * @property {string | null} workflow The workflow's id; without one, that is meant which was open as the prompt began.
 * @property {string} node The node's execution id.
 * @property {string} run Which run on this node: its later text takes the place of an earlier.
 * @property {string | null} text Null where the prompt has only begun.
 */

/**
 * @typedef {object} Said What one node has said last.
 * @property {string} workflow
 * @property {string} node
 * @property {string} prompt The last prompt with this node.
 * @property {Map<string, string>} texts By run, in the order in which they began.
 * @property {boolean} isOld Whether the texts are of an earlier prompt.
 * @property {string} note What stands above old texts.
 */

/** @type {Map<string, Said>} By workflow and node. */
const all = new Map()

/** @type {Map<string, string>} The workflows of prompts under way, as far as they were told. */
const workflows = new Map()

/** @param {Report} report */
function hear({ prompt_id, workflow: told, node, run, text }) {
  const workflow = told ?? workflows.get(prompt_id) ?? root().id
  workflows.set(prompt_id, workflow)
  const key = `${workflow} ${node}`
  const said = all.get(key) ?? { workflow, node, prompt: "", texts: new Map(), isOld: false, note: "" }
  all.set(key, said)
  if (said.prompt !== prompt_id) Object.assign(said, { prompt: prompt_id, isOld: true, note: "" })
  if (text !== null) {
    if (said.isOld) Object.assign(said, { texts: new Map(), isOld: false, note: "" })
    said.texts.set(run, text)
  }
  show()
}

/** A node that ComfyUI has in its cache says nothing, but its output comes once more, and a text with it. */
function hearCached({ prompt_id, node, display_node, output }) {
  const workflow = workflows.get(prompt_id)
  const id = display_node ?? node
  if (workflow === undefined || all.get(`${workflow} ${id}`)?.prompt === prompt_id) return
  output?.text?.forEach((text, run) => hear({ prompt_id, workflow, node: id, run: String(run), text }))
}

/** A prompt has ended: a node of ours that failed says so, and of those that were not told of, that is said. */
function end(untold, { prompt_id, node_id, exception_message }) {
  const workflow = workflows.get(prompt_id)
  if (exception_message && all.has(`${workflow} ${node_id}`))
    hear({ prompt_id, workflow, node: node_id, run: "failed", text: `⚠ This run failed: ${exception_message.trim()}` })
  for (const said of all.values()) if (said.isOld && said.prompt === prompt_id) said.note = untold
  for (const [said, path] of opened())
    if (path.some(({ mode }) => IDLE_MODES.includes(mode))) Object.assign(said, { isOld: true, note: LEFT_OUT })
  workflows.delete(prompt_id)
  show()
}

/** What nodes of the open workflow have said, each with the path of nodes that leads to it. */
function opened() {
  return [...all.values()]
    .filter(({ workflow }) => workflow === root().id)
    .map((said) => [said, pathTo(root(), said.node)])
    .filter(([, path]) => path.at(-1)?.comfyClass?.startsWith("AttnBend"))
}

/** The open workflow, whichever of its subgraphs is shown. */
const root = () => app.rootGraph ?? app.graph

/** The nodes that an execution id names, from the outermost subgraph inwards. */
function pathTo(graph, id) {
  const [first, ...inner] = id.split(":")
  const node = graph?.getNodeById(first)
  return [node, ...(inner.length ? pathTo(node?.subgraph, inner.join(":")) : [])]
}

function show() {
  const shown = new Map()
  for (const [said, path] of opened()) shown.set(path.at(-1), [...(shown.get(path.at(-1)) ?? []), said])
  for (const [node, several] of shown) {
    const passages = several.flatMap(passagesOf)
    if (passages.length) panel(node).replaceChildren(...passages)
  }
}

/** One node's passages; with its id where it stands in several places, as those of a subgraph may. */
function passagesOf({ node, texts, isOld, note }, _, { length }) {
  const heading = [length > 1 ? `node ${node}:` : "", note && texts.size ? `${note} Before that:` : note]
  const runs = new Map()
  ;[...texts.values()].forEach((text, run) => runs.set(text, [...(runs.get(text) ?? []), run + 1]))
  const told = [...runs].map(([text, of]) => {
    const which = of.length === texts.size ? `all ${texts.size} runs` : `run ${of.join(", ")} of ${texts.size}`
    return texts.size > 1 ? `${which}:\n${text}` : text
  })
  return [...heading.filter(Boolean).map((text) => passage(text)), ...told.map((text) => passage(text, isOld))]
}

function passage(text, isOld = false) {
  const element = document.createElement("div")
  element.textContent = text
  element.style.opacity = isOld ? 0.5 : 1
  return element
}

/** The node's panel, made when there is something to show: until then the node is as it was saved. */
function panel(node) {
  const known = node.widgets?.find(({ name }) => name === NAME)
  if (known) return known.element.firstChild
  const outer = document.createElement("div")
  const inner = document.createElement("div")
  outer.append(inner)
  // contain: as high as it is told, or as there is room, whatever it holds
  outer.style.cssText = `contain: size; overflow: auto; width: 100%; height: 100%; border-radius: 4px;
    background: var(--comfy-input-bg); color: var(--input-text); font: 12px/1.4 sans-serif;
    text-rendering: geometricPrecision; user-select: text; cursor: text`
  inner.style.cssText = `display: flex; flex-direction: column; gap: 0.7em; padding: 4px 6px;
    white-space: pre-wrap; overflow-wrap: anywhere`
  letUse(outer)
  let height = 0
  const options = { serialize: false, hideInPanel: true, hideOnZoom: false, getMinHeight: () => height }
  node.addDOMWidget(NAME, NAME, outer, options).serialize = false // in the API's form, and in the file
  new ResizeObserver(() => {
    const wanted = Math.min(inner.offsetHeight, MAX_HEIGHT)
    if (wanted <= height) return
    height = wanted
    outer.style.minHeight = `${height}px`
    const [width, least] = node.computeSize()
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], least)])
    node.graph?.setDirtyCanvas(true, true)
  }).observe(inner)
  return inner
}

/** Let the text be marked and scrolled, and the canvas zoom where there is nothing to scroll. */
function letUse(element) {
  element.tabIndex = 0
  const scrolls = () => element.scrollHeight > element.clientHeight
  element.addEventListener("pointerdown", (event) => {
    element.dataset.captureWheel = scrolls() // Nodes 2.0 zooms by itself where this is not so
    if (event.button === 0) event.stopPropagation()
  })
  element.addEventListener("wheel", (event) => {
    if (!scrolls() && !LiteGraph.vueNodesMode) app.canvas.processMouseWheel(event)
  })
}

app.registerExtension({
  name: EVENT,
  setup() {
    api.addEventListener(EVENT, ({ detail }) => hear(detail))
    api.addEventListener("executed", ({ detail }) => hearCached(detail))
    for (const [event, untold] of Object.entries(UNTOLD)) api.addEventListener(event, ({ detail }) => end(untold, detail))
  },
  afterConfigureGraph: show,
})
