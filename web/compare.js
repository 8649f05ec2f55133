/** Compare: the two films of the last run, on the node. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { also } from "./changes.js"
import { section } from "./panel.js"
import { makePlayer } from "./player.js"
import { pathTo, workflowOf } from "./report.js"
import { root } from "./wires.js"

const NODE = "AttnBendCompare"
const OUTPUT = "attention_bending_compare"

/** @type {Map<string, {workflow: string, id: string, file: object}>} By workflow and node, which the page may not show now. */
const files = new Map()

/** @type {WeakMap<object, {player: import("./player.js").Player, file: object | null}>} By node. */
const shown = new WeakMap()

function hear({ prompt_id, node, display_node, output }) {
  const file = output?.[OUTPUT]?.[0]
  if (!file) return
  const workflow = workflowOf(prompt_id)
  const id = display_node ?? node
  files.set(`${workflow} ${id}`, { workflow, id, file })
  show()
}

function show() {
  for (const { workflow, id, file } of files.values()) {
    const node = workflow === root().id ? pathTo(root(), id).at(-1) : null
    const its = shown.get(node)
    if (!its || its.file === file) continue
    its.file = file
    const address = api.apiURL(`/view?${new URLSearchParams({ ...file, rand: String(Math.random()) })}`)
    its.player.show(address, !file.filename.endsWith(".png"), [nameOf(node, 0), nameOf(node, 1)])
  }
}

/** What an input is called on its node, where its user may have named it. */
const nameOf = (node, slot) => node.inputs[slot].label ?? node.inputs[slot].name

app.registerExtension({
  name: "AttentionBending.compare",
  setup() {
    api.addEventListener("executed", ({ detail }) => hear(detail))
  },
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const player = makePlayer((isBeside) => {
      node.properties.attention_bending = {
        .../** @type {any} */ (node.properties.attention_bending),
        beside: isBeside,
      }
    })
    shown.set(node, { player, file: null })
    section(node, "compare").append(...player.elements)
    also(node, "onConfigure", (saved) => player.setBeside(saved.properties?.attention_bending?.beside ?? false))
    also(node, "onRemoved", () => player.remove())
  },
  afterConfigureGraph: show,
})
