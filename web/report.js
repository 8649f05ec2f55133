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
import { text } from "./texts.js"

const EVENT = "attention_bending.report"
const IDLE_MODES = [2, 4] // muted, bypassed
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
  const workflow = told ?? workflowOf(prompt_id)
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

/** The id of the workflow that a prompt was made of; of one that nothing was told of, the open one's. */
export const workflowOf = (prompt) => workflows.get(prompt) ?? root().id

/** A node that ComfyUI has in its cache says nothing, but its output comes once more, and a text with it. */
function hearCached({ prompt_id, node, display_node, output }) {
  const workflow = workflows.get(prompt_id)
  const id = display_node ?? node
  if (workflow === undefined || all.get(`${workflow} ${id}`)?.prompt === prompt_id) return
  output?.text?.forEach((text, run) => hear({ prompt_id, workflow, node: id, run: String(run), text }))
}

/** A prompt has ended: a node of ours that failed says so, and of those that were not told of, that is said. */
function end(untold, { prompt_id, node_id, exception_message }) {
  const workflow = workflows.get(prompt_id) ?? null
  if (exception_message && all.has(`${workflow} ${node_id}`))
    hear({
      prompt_id,
      workflow,
      node: node_id,
      run: "failed",
      text: text("report.failed", { message: exception_message.trim() }),
    })
  for (const said of all.values()) if (said.isOld && said.prompt === prompt_id) said.note = text(untold)
  for (const [said, path] of opened())
    if (path.some(({ mode }) => IDLE_MODES.includes(mode)))
      Object.assign(said, { isOld: true, note: text("report.leftOut") })
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
    if (passages.length) section(node, "report").replaceChildren(...passages)
  }
}

/** One node's passages; with its id where it stands in several places, as those of a subgraph may. */
function passagesOf({ node, texts, isOld, note }, _, { length }) {
  const heading = [
    length > 1 ? text("report.node", { id: node }) : "",
    note && texts.size ? text("report.before", { note }) : note,
  ]
  const runs = new Map()
  ;[...texts.values()].forEach((text, run) => runs.set(text, [...(runs.get(text) ?? []), run + 1]))
  const told = [...runs].map(([said, of]) => {
    const count = texts.size
    const which =
      of.length === count ? text("report.allRuns", { count }) : text("report.run", { which: of.join(", "), count })
    return count > 1 ? `${which}\n${said}` : said
  })
  return [...heading.filter(Boolean).map((line) => passage(line)), ...told.map((said) => passage(said, isOld))]
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
    for (const [event, untold] of Object.entries(UNTOLD))
      api.addEventListener(event, ({ detail }) => end(untold, detail))
  },
  afterConfigureGraph: show,
})
