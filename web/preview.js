/** What a bend does, on its node, before a film is made: of a test card, or of the word's own map in the last run. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { also, changed, watch } from "./changes.js"
import { patchModelsOf } from "./graph.js"
import { isOpen, isOurs, section } from "./panel.js"
import { ask } from "./server.js"
import { setting } from "./settings.js"
import { text } from "./texts.js"
import { incoming, outgoing, placesOf, root, valueAt } from "./wires.js"

const AIMS = ["AttnBendWhere", "AttnBendWhen", "AttnBendAnimate"]
const JOINS = ["AttnBendStack", "AttnBendSweep"]
const DEEPEST = 50
const WIDTHS = { small: 192, medium: 288, large: 384 }
const TOO_SMALL = 0.25 // zoom at which nothing is seen of a picture
const TOLD = "Attention-Bending-Told"

/**
 * @typedef {object} Shown
 * @property {HTMLImageElement} image
 * @property {HTMLElement} caption
 * @property {string} asked The question that was answered last, or is being asked.
 * @property {boolean} isSeen Whether it is on the screen.
 * @property {boolean} hadRecord Whether a run's maps were once there.
 */

/** @type {Map<any, Shown>} */
const all = new Map()

/** @type {Map<any, object>} Questions that wait, the newest of each node. */
const waiting = new Map()

let isAsking = false
let runs = 0 // how many have ended: what they recorded is another

const onScreen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries)
    for (const shown of all.values()) if (shown.image === target) shown.isSeen = isIntersecting
  changed()
})

/** Whether a node is a bend, and not what aims several. */
const isBend = (node) => isOurs(node) && node.widgets?.some(({ name }) => name === "strength")

function look(node) {
  if (!setting("Previews")) return remove(node)
  const shown = all.get(node) ?? make(node)
  shown.caption.parentElement?.style.setProperty("max-width", `${WIDTHS[setting("PreviewSize")]}px`)
  const isFar = document.hidden || node.flags?.collapsed || app.canvas.ds.scale < TOO_SMALL
  if (!shown.isSeen || !isOpen(node) || isFar) return
  const question = questionOf(node)
  const asked = JSON.stringify([question, runs])
  if (!question || asked === shown.asked) return
  shown.asked = asked
  waiting.set(node, question)
  answer()
}

/** One question at a time for the whole page; what waits is the newest of each node. */
async function answer() {
  if (isAsking) return
  isAsking = true
  for (const [node, question] of waiting) {
    waiting.delete(node)
    const heard = await ask("preview", question)
    const shown = all.get(node)
    if (shown) show(shown, heard)
  }
  isAsking = false
}

function show(shown, { picture, told, error }) {
  shown.caption.classList.toggle("ab-problem", Boolean(error))
  shown.image.classList.toggle("ab-old", Boolean(error))
  if (error) return write(shown.caption, error)
  const { of, kept, words, stood_in } = JSON.parse(told.get(TOLD))
  const first =
    of === "record"
      ? text("preview.record", { words: words.join(", ") })
      : text(shown.hadRecord && !kept ? "preview.gone" : "preview.card")
  const others = stood_in.map((name) => text(name === "mask" ? "preview.mask" : "preview.wired", { name }))
  write(shown.caption, [first, ...others].join("; "))
  shown.hadRecord ||= kept
  URL.revokeObjectURL(shown.image.src)
  shown.image.src = URL.createObjectURL(picture)
}

function write(caption, sentence) {
  caption.textContent = sentence
  caption.title = sentence
}

/** @returns {Shown} */
function make(node) {
  const figure = document.createElement("figure")
  const image = document.createElement("img")
  const caption = document.createElement("figcaption")
  image.width = 288 // until one is there: what most are
  image.height = 81
  image.alt = ""
  image.draggable = false
  figure.append(image, caption)
  section(node, "picture").replaceChildren(figure)
  const shown = { image, caption, asked: "", isSeen: false, hadRecord: false }
  all.set(node, shown)
  onScreen.observe(image)
  return shown
}

function remove(node) {
  const shown = all.get(node)
  if (!shown) return
  onScreen.unobserve(shown.image)
  URL.revokeObjectURL(shown.image.src)
  shown.image.parentElement?.remove()
  all.delete(node)
  waiting.delete(node)
}

/** What is asked of a node's picture; null where the page does not know all of it. */
function questionOf(node) {
  const [place] = placesOf(node).filter(({ isIdle }) => !isIdle)
  const alone = isBend(node)
  const asked = place && (alone ? played(place) : chained(place))
  if (!asked || (!alone && !asked.bending.length)) return null
  const width = WIDTHS[setting("PreviewSize")]
  const workflow = root().id
  return {
    node: asked,
    alone,
    patch: patchModelsOf(node)[0]?.id ?? "",
    workflow,
    width,
    color_map: setting("ColorMap"),
  }
}

/** A node with its values, and the nodes whose bendings come in. */
function asNode(place, bending) {
  const { node, id } = place
  const values = (node.widgets ?? []).map(({ name }) => [name, valueAt(place, name)])
  const inputs = Object.fromEntries(
    values.filter(([, value]) => ["string", "number", "boolean"].includes(typeof value)),
  )
  const wired = (node.inputs ?? [])
    .filter(({ link, type, name }) => link != null && type !== "BENDING" && !(name in inputs))
    .map(({ name }) => name)
  return { class_type: node.comfyClass, id, inputs, wired, bending }
}

/** One bend, with what aims and plays it on its way to Patch Model. */
function played(place) {
  let asked = asNode(place, [])
  for (let [next] = outgoing(place, "BENDING"), hops = 0; next && hops < DEEPEST; hops++) {
    if (AIMS.includes(next.node.comfyClass)) asked = asNode(next, [asked])
    ;[next] = outgoing(next, "BENDING")
  }
  return asked
}

/** All that comes to a node, and the node; null where a bending is made otherwise than of widgets. */
function chained(place, depth = 0) {
  const { comfyClass } = place.node
  const isJoin = JOINS.includes(comfyClass)
  if (depth > DEEPEST || !(isJoin || AIMS.includes(comfyClass) || isBend(place.node))) return null
  const before = incoming(place, "BENDING").map((from) => chained(from, depth + 1))
  if (before.includes(null)) return null
  return isJoin ? { ...asNode(place, before), class_type: JOINS[0], inputs: {}, wired: [] } : asNode(place, before)
}

app.registerExtension({
  name: "AttentionBending.preview",
  nodeCreated(node) {
    if (!isBend(node) && !AIMS.includes(String(node.comfyClass))) return
    if (setting("Previews")) make(node) // before the node is told whether a file has room for a panel
    also(node, "onRemoved", () => remove(node))
    watch(node, () => look(node))
  },
  setup() {
    for (const end of ["success", "error", "interrupted"])
      api.addEventListener(`execution_${end}`, () => {
        runs++
        changed()
      })
    document.addEventListener("visibilitychange", changed)
  },
})
