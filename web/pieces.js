/** On Bend Prompt: the pieces that the text encoder makes of the prompt, while it is typed. A click marks a word. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { changed, watch } from "./changes.js"
import { chip, chips, note } from "./chips.js"
import { loaderOf, patchModelsOf } from "./graph.js"
import { isOpen, section } from "./panel.js"
import { workflowOf } from "./report.js"
import { ask, newest } from "./server.js"
import { text } from "./texts.js"
import { setValues, valueOf } from "./values.js"
import { placesOf, root, valueAt } from "./wires.js"

const NODES = ["AttnBendPrompt", "AttnBendTokens"]
const SCENES = "AttnBendTimeline"
const MOST = 200 // prompts of runs are kept
const TOY = "AttnBendToyWan"

/** Whether the page settles something in a text as Run is pressed. */
export const isQueued = (typed) => /[{}]|\/\/|\/\*/.test(typed)

/** @type {Map<string, any>} What runs have told, by workflow, node and text; "" stands for the last. */
const ran = new Map()

const keyOf = (node, typed, workflow = root().id) => [workflow, node, typed].join(" ")

/**
 * A prompt as the routes are asked of it: its text, undefined where no one can know it yet, who loads its encoder, whose
 * its weights are, and of scenes what the whole film hears.
 */
export function questionOf(place) {
  const typed = valueAt(place, "text") ?? ran.get(keyOf(place.id, ""))?.typed
  const question = { text: typed, loader: loaderOf(place), weights: valueAt(place, "weights") }
  return place.node.comfyClass === SCENES ? { ...question, whole_film: valueAt(place, "whole_film") ?? "" } : question
}

/** Let a node show the pieces of its text. */
function show(node) {
  const place = section(node, "words")
  let content = /** @type {HTMLElement[]} */ ([])
  const asking = newest("pieces", (answer, question) => {
    if (answer.problem || answer.error) {
      for (const each of content) each.classList.add("old")
      place.replaceChildren(...content, note(answer.problem || answer.error, "fault"))
      return
    }
    if (!question.isKnown) return place.replaceChildren(note(text("pieces.untold")))
    const known = answer.why ? ran.get(keyOf(question.id, question.text)) : undefined
    content = promptOf(node, known ?? answer, question, known !== undefined)
    place.replaceChildren(...content)
  })
  watch(node, () => {
    const [at] = placesOf(node)
    if (!at || at.isIdle || !isOpen(node)) return
    const { text: typed, loader, weights } = questionOf(at)
    asking({
      text: typed ?? "",
      loader,
      weights,
      isLoose: weights === "attention" && !patchModelsOf(node).length,
      id: at.id,
      ran: ran.get(keyOf(at.id, typed))?.prompt,
      isKnown: typed !== undefined,
    })
  })
}

/** A prompt's chips, and what is to be said of it. */
function promptOf(node, told, question, hasRun) {
  const isOwn = valueOf(node, "text") === question.text && !(hasRun && node.comfyClass !== NODES[0])
  const words = told.chips.map(({ text: word, typed, pieces, marked, unknown, weight }) =>
    chip({
      parts: pieces.length ? pieces : [word],
      more: typed ? weight : "",
      kind: typed ? [marked && "marked", unknown && "unknown"].filter(Boolean).join(" ") : "between",
      on: marked,
      hint: typed ? hintOf(pieces, isOwn, marked, unknown, weight, question.loader) : "",
      click: typed && isOwn ? () => mark(node, question.text, typed) : undefined,
    }),
  )
  return [chips(...words), ...notesOf(told, question, hasRun)].filter(Boolean)
}

function hintOf(pieces, isOwn, marked, unknown, weight, loader) {
  const click = marked ? text(weight ? "pieces.unmarkWeighed" : "pieces.unmark", { weight }) : text("pieces.mark")
  const strange = unknown && text(loader?.class_type === TOY ? "pieces.toyUnknown" : "pieces.unknown")
  return [pieces.join(" · "), strange, isOwn && click].filter(Boolean).join("\n")
}

function notesOf({ chips: words, kinds, cut, notes, why }, { text: typed, loader, isLoose }, hasRun) {
  const counts = { pieces: kinds.PROMPT ?? 0, padding: kinds.PADDING ?? 0, all: kinds.ALL }
  return [
    kinds.ALL &&
      note(
        [text(counts.padding ? "pieces.count" : "pieces.full", counts), hasRun && text("pieces.ran")]
          .filter(Boolean)
          .join(", "),
      ),
    cut && note(text("pieces.cut", { cut }), "doubt"),
    ...notes.map((said) => note(said, "doubt")),
    isLoose && words.some(({ weight }) => weight) && note(text("pieces.loose"), "doubt"),
    isQueued(typed) && note(text("pieces.queued"), "doubt"),
    why && !hasRun && note(loader ? why : text("pieces.unconnected")),
  ]
}

/** Mark a word, or take its mark out. What was asked of another text than there now is comes to nothing. */
async function mark(node, typed, [start, end]) {
  const answer = await ask("mark", { text: typed, start, end })
  if (valueOf(node, "text") !== typed) return
  if (answer.error) section(node, "words").append(note(answer.error, "fault"))
  else setValues(node, { text: answer.text })
}

app.registerExtension({
  name: "AttentionBending.pieces",
  setup() {
    api.addEventListener("executed", ({ detail: { prompt_id, node, display_node, output } }) => {
      for (const told of /** @type {any} */ (output)?.pieces ?? []) {
        for (const typed of [told.typed, ""])
          ran.set(keyOf(display_node ?? node, typed, workflowOf(prompt_id)), { ...told, prompt: prompt_id })
        while (ran.size > MOST) ran.delete(ran.keys().next().value ?? "")
        changed()
      }
    })
  },
  nodeCreated(node) {
    if (NODES.includes(node.comfyClass ?? "")) show(node)
  },
})
