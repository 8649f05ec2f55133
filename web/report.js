/**
 * What nodes say of the last run: plain text on the node, in both renderings, and never saved.
 *
 * A text belongs to a prompt, to the workflow that the prompt was made of, and to a node by its execution id ("19:8" is
 * node 8 inside of subgraph 19). The server tells of this page's own prompts only; what is said to a workflow in
 * another tab waits until that is opened. With a Patch Model's text come those of the bends that it was given, each on
 * its own node: they grow old with it, and once their node is no longer as it ran.
 */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { changed, watch } from "./changes.js"
import { isOurs, section } from "./panel.js"
import { text as sentence } from "./texts.js"
import { places, root, valuesAt } from "./wires.js"

export const EVENT = "attention_bending.report"
const IDLE_MODES = [2, 4] // muted, bypassed
const LEFT_OUT = "report.leftOut"
const UNTOLD = {
  execution_success: "report.noSampling",
  execution_error: "report.failedBefore",
  execution_interrupted: "report.stoppedBefore",
}

/**
 * @typedef {object} Report The event's detail.
 * @property {string} prompt_id
 * @property {string | null} workflow The workflow's id; without one, that is meant which was open as the prompt began.
 * @property {string} node The node's execution id.
 * @property {string} run Which run on this node: its later text takes the place of an earlier.
 * @property {string | null} text Null where the prompt has only begun.
 * @property {{node: string, text: string, ok: boolean}[]} [bends] What is said with it on nodes of bends.
 */

/**
 * @typedef {object} Said What one node has said last.
 * @property {string} workflow
 * @property {string} node
 * @property {string} by The Patch Model that tells of it, where it is a bend; else nothing.
 * @property {string} prompt The last prompt with this node.
 * @property {string} told The prompt of its texts.
 * @property {Map<string, {text: string, ok: boolean}>} texts By run, in the order in which they began.
 * @property {boolean} isOld Whether the texts are of an earlier prompt.
 * @property {string} note What stands above old texts.
 * @property {string} type What the node was, where it is a bend, and
 * @property {string} values what stood in its fields as the prompt began; nothing where that was not seen.
 */

/** @type {Map<string, Said>} By workflow, node and `by`. */
const all = new Map()

/** @type {Map<string, string>} The workflows of prompts under way, as far as they were told. */
const workflows = new Map()

/** What the open workflow's nodes of ours were as the last prompt began: the prompt, and by execution id. */
const began = { prompt: "", workflow: "", nodes: new Map() }

/** @type {WeakMap<object, {element: HTMLElement, said: Said}[]>} What a bend's node shows. */
const badges = new WeakMap()

function begin({ prompt_id }) {
  const ours = [...places().values()].filter(({ node }) => isOurs(node))
  const nodes = new Map(ours.map((place) => [place.id, { type: place.node.comfyClass, values: valuesAt(place) }]))
  Object.assign(began, { prompt: prompt_id, workflow: String(root().id), nodes })
}

/** Let what became of a bend be dim while its node is another than it was. */
function age(node) {
  for (const { element, said } of badges.get(node) ?? []) {
    const place = places().get(said.node)
    element.style.opacity = said.isOld || (place && said.values && said.values !== valuesAt(place)) ? "0.5" : "1"
  }
}

/** @param {Report} report */
function hear({ prompt_id, workflow: told, node, run, text, bends = [] }) {
  const workflow = told ?? workflowOf(prompt_id)
  workflows.set(prompt_id, workflow)
  const on = (node, by = "") => {
    const key = `${workflow} ${node} ${by}`
    const none = { prompt: "", told: "", texts: new Map(), isOld: false, note: "", type: "", values: "" }
    if (!all.has(key)) all.set(key, { workflow, node, by, ...none })
    return all.get(key)
  }
  const say = (said, text, ok) => {
    if (said.isOld) Object.assign(said, { texts: new Map(), isOld: false, note: "" })
    said.told = prompt_id
    said.texts.set(run, { text, ok })
    if (said.by && began.prompt === prompt_id && began.workflow === workflow)
      Object.assign(said, began.nodes.get(said.node))
  }
  const said = on(node)
  bends.forEach((bend) => on(bend.node, node))
  for (const each of all.values())
    if (each.workflow === workflow && (each === said || each.by === node) && each.prompt !== prompt_id)
      Object.assign(each, { prompt: prompt_id, isOld: true, note: "" })
  if (text !== null) say(said, text, true)
  for (const bend of bends) say(on(bend.node, node), bend.text, bend.ok)
  show()
}

/** The id of the workflow that a prompt was made of; of one that nothing was told of, the open one's. */
export const workflowOf = (prompt) => workflows.get(prompt) ?? String(root().id)

/** Of a node of the open workflow, by its execution id: the last prompt with it, and that of which its texts tell. */
export const promptsOn = (node) => all.get(`${root().id} ${node} `) ?? { prompt: "", told: "" }

/** A node that ComfyUI has in its cache says nothing, but its output comes once more, and a text with it. */
function hearCached({ prompt_id, node, display_node, output }) {
  const workflow = workflows.get(prompt_id)
  const id = display_node ?? node
  if (workflow === undefined || all.get(`${workflow} ${id} `)?.prompt === prompt_id) return
  output?.text?.forEach((text, run) => hear({ prompt_id, workflow, node: id, run: String(run), text }))
}

/** A prompt has ended: a node of ours that failed says so, and of those that were not told of, that is said. */
function end(untold, { prompt_id, node_id, exception_message }) {
  const workflow = workflows.get(prompt_id) ?? null
  if (exception_message && all.has(`${workflow} ${node_id} `))
    hear({
      prompt_id,
      workflow,
      node: node_id,
      run: "failed",
      text: sentence("report.failed", { message: exception_message.trim() }),
    })
  for (const said of all.values())
    if (said.isOld && said.prompt === prompt_id)
      said.note = sentence(untold === UNTOLD.execution_success && isLeftOut(said) ? LEFT_OUT : untold)
  for (const [said, path] of opened())
    if (path.some(({ mode }) => IDLE_MODES.includes(mode)))
      Object.assign(said, { isOld: true, note: sentence(LEFT_OUT) })
  setTimeout(() => workflows.delete(prompt_id)) // once all have heard of it
  show()
}

/** Whether a bend was not told of though its Patch Model was: it is no longer wired to that. */
const isLeftOut = ({ by, workflow }) => by !== "" && all.get(`${workflow} ${by} `)?.isOld === false

/** What nodes of the open workflow have said, each with the path of nodes that leads to it. */
function opened() {
  return [...all.values()]
    .filter(({ workflow }) => workflow === root().id)
    .map((said) => [said, pathTo(root(), said.node)])
    .filter(([{ type }, path]) => isOurs(path.at(-1)) && (!type || type === path.at(-1).comfyClass))
}

/** The nodes that an execution id names, from the outermost subgraph inwards. */
export function pathTo(graph, id) {
  const [first, ...inner] = id.split(":")
  const node = graph?.getNodeById(first)
  return [node, ...(inner.length ? pathTo(node?.subgraph, inner.join(":")) : [])]
}

function show() {
  const shown = new Map()
  for (const [said, path] of opened()) shown.set(path.at(-1), [...(shown.get(path.at(-1)) ?? []), said])
  for (const [node, several] of shown) {
    const drawn = several.flatMap(passagesOf)
    if (drawn.length) section(node, "report").replaceChildren(...drawn.map(({ element }) => element))
    badges.set(
      node,
      drawn.filter(({ element, said }) => said.by && element.className),
    )
    age(node)
  }
  changed()
}

/**
 * What is drawn of something said; with the id of whoever says it where several do, as of a bend that two Patch Models
 * have, or in a subgraph that is used twice.
 */
function passagesOf(said, _, several) {
  const { node, by, texts, isOld, note } = said
  const above = note && texts.size ? sentence("report.before", { note }) : note
  const isOne = several.filter((other) => (other.by === "") === (by === "")).length === 1
  const heading = [isOne ? "" : sentence("report.node", { id: by || node }), by ? "" : above]
  const runs = new Map()
  ;[...texts.values()].forEach(({ text, ok }, run) => {
    const same = runs.get(text) ?? { ok, of: [] }
    runs.set(text, same)
    same.of.push(run + 1)
  })
  const told = [...runs].map(([text, { ok, of }]) => {
    const count = texts.size
    const which =
      of.length === count
        ? sentence("report.allRuns", { count })
        : sentence("report.run", { which: of.join(", "), count })
    const element = passage(count > 1 ? `${which}\n${text}` : text, isOld)
    if (by) Object.assign(element, { className: ok ? "ab-badge" : "ab-badge ab-amber", title: note })
    return element
  })
  return [...heading.filter(Boolean).map((text) => passage(text)), ...told].map((element) => ({ element, said }))
}

function passage(text, isOld = false) {
  const element = document.createElement("div")
  element.textContent = text
  element.style.opacity = isOld ? "0.5" : "1"
  return element
}

app.registerExtension({
  name: EVENT,
  setup() {
    api.addEventListener(EVENT, ({ detail }) => hear(detail))
    api.addEventListener("executed", ({ detail }) => hearCached(detail))
    api.addEventListener("execution_start", ({ detail }) => begin(detail))
    for (const [event, untold] of Object.entries(UNTOLD))
      api.addEventListener(event, ({ detail }) => end(untold, detail))
  },
  nodeCreated: (node) => void (isOurs(node) && watch(node, () => age(node))),
  afterConfigureGraph: show,
})
