/**
 * What nodes say of the last run: plain text on the node, in both renderings, and never saved.
 *
 * A text belongs to a prompt, to the workflow that the prompt was made of, and to a node by its execution id ("19:8" is
 * node 8 inside of subgraph 19). The server tells of this page's own prompts only; what is said to a workflow in
 * another tab waits until that is opened.
 */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { isOurs, section } from "./panel.js"

const EVENT = "attention_bending.report"
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
    .filter(([, path]) => isOurs(path.at(-1)))
}

/** The workflow that a prompt under way was made of; undefined where none of its nodes has told. */
export const workflowOf = (prompt) => workflows.get(prompt)

/** The open workflow, whichever of its subgraphs is shown. */
export const root = () => app.rootGraph ?? app.graph

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
    const passages = several.flatMap(passagesOf)
    if (passages.length) section(node, "report").replaceChildren(...passages)
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

app.registerExtension({
  name: EVENT,
  setup() {
    api.addEventListener(EVENT, ({ detail }) => hear(detail))
    api.addEventListener("executed", ({ detail }) => hearCached(detail))
    for (const [event, untold] of Object.entries(UNTOLD)) api.addEventListener(event, ({ detail }) => end(untold, detail))
  },
  afterConfigureGraph: show,
})
