/** What a bend meets: Patch Models, samplers, prompts. */
import { incoming, outgoing, placesOf, valueAt, walk } from "./wires.js"

const PATCH = "AttnBendModel"
const WHERE = "AttnBendWhere"
const PROMPTS = ["AttnBendPrompt", "AttnBendTokens", "AttnBendTimeline"]

/** @typedef {import("./wires.js").Place} Place */

/** @returns {Place[]} The Patch Models that a node's bending comes to; for a Patch Model, that itself. */
export const patchModelsOf = (node) => [
  ...new Set(
    placesOf(node)
      .flatMap(meets)
      .map(({ patch }) => patch),
  ),
]

/** The nodes whose bending comes to a Patch Model, in the order in which they act. */
export const bendsOf = (patch) =>
  [...walk(patch, (place) => incoming(place, "BENDING").reverse())].filter((place) => place !== patch).reverse()

/** The nodes that sample with a Patch Model's model. */
export const samplersOf = (patch) => [...new Set(guidesOf(patch).flatMap(samplersWith))]

/**
 * The conditionings that a node's bends meet, in their pass: where each was made, by whichever node.
 *
 * @returns {(Place & {pass: "positive" | "negative"})[]}
 */
export function conditioningsOf(node) {
  const found = new Map()
  for (const start of placesOf(node))
    for (const { patch, aim } of meets(start)) {
      const bent = start === patch ? "both" : (aim ?? "positive")
      for (const wire of guidesOf(patch).flatMap(({ from }) => from)) {
        const pass = wire.type === "CONDITIONING" && passOf(wire.to.node.inputs[wire.input].name)
        if (!pass || ![pass, "both"].includes(bent)) continue
        for (const made of makersOf(wire)) found.set(`${made.id} ${pass}`, { ...made, pass })
      }
    }
  return [...found.values()]
}

/** Those of them whose words are known: made by Bend Prompt, Attach Words or Bend Timeline. */
export const promptsOf = (node) => conditioningsOf(node).filter(({ node }) => PROMPTS.includes(node.comfyClass))

/**
 * The node that loads the text encoder of a prompt, with its values; null where none is connected.
 *
 * @returns {{class_type: string, inputs: Record<string, unknown>} | null}
 */
export function loaderOf(prompt) {
  const loader = [...walk(prompt, (place) => incoming(place, "CLIP").slice(0, 1))].at(-1)
  if (loader === prompt) return null
  const inputs = (loader.node.widgets ?? []).map(({ name }) => [name, valueAt(loader, name)])
  return { class_type: loader.node.comfyClass, inputs: Object.fromEntries(inputs) }
}

/** The Patch Models that a place's bending comes to, and the pass at which it is aimed on its way: null where none is said. */
function meets(start) {
  const states = walk(
    { place: start, aim: aimed(null, start) },
    ({ place, aim }) => outgoing(place, "BENDING").map((to) => ({ place: to, aim: aimed(aim, to) })),
    ({ place, aim }) => `${place.id} ${aim}`,
  )
  return [...states]
    .filter(({ place }) => place.node.comfyClass === PATCH)
    .map(({ place, aim }) => ({ patch: place, aim }))
}

/** A pass as Bend Where narrows it; "none" where nothing is in common, which a run refuses. */
function aimed(aim, place) {
  if (place.node.comfyClass !== WHERE) return aim
  const own = valueAt(place, "pass")
  if (aim === null || aim === "both") return own
  return own === "both" || own === aim ? aim : "none"
}

const gives = (place, type) => place.node.outputs?.some((output) => output.type === type)

/** What takes a Patch Model's model together with its conditionings: samplers, and guiders for them. */
function guidesOf(patch) {
  const models = [...walk(patch, (place) => outgoing(place, "MODEL"))].filter((place) => place !== patch)
  return models.filter(
    (place) =>
      gives(place, "GUIDER") ||
      (incoming(place, "CONDITIONING").length && (gives(place, "LATENT") || !gives(place, "MODEL"))),
  )
}

const samplersWith = (guide) => (gives(guide, "GUIDER") ? outgoing(guide, "GUIDER") : [guide])

/** The pass of a guide's input; null for what is neither, such as the second of a Dual CFG Guider. */
function passOf(input) {
  if (input.includes("neg")) return "negative"
  return /cond2|empty|middle/.test(input) ? null : "positive"
}

/** Where a conditioning was made: back through what joins or changes it, by the input that is named as the output. */
function makersOf(wire) {
  const before = ({ from, output }) => {
    const all = PROMPTS.includes(from.node.comfyClass) ? [] : from.from.filter(({ type }) => type === "CONDITIONING")
    const { name } = from.node.outputs[output]
    const same = all.filter(({ input }) => from.node.inputs[input].name === name)
    return same.length ? same : all
  }
  return [...walk(wire, before)].filter((each) => !before(each).length).map(({ from }) => from)
}
