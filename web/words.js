/** Under each field of a bend that names words: the words that it can have, to click, and what is wrong with what it has. */
import { app } from "../../scripts/app.js"
import { watch } from "./changes.js"
import { chip, chips, note, part } from "./chips.js"
import { conditioningsOf, patchModelsOf, promptsOf, samplersOf } from "./graph.js"
import { isOpen, isOurs, section } from "./panel.js"
import { questionOf } from "./pieces.js"
import { ask } from "./server.js"
import { text } from "./texts.js"
import { setValues, valueOf, widgetOf } from "./values.js"
import { placesOf, valueAt } from "./wires.js"

const FIELDS = ["token", "other"]
const TYPING = 200 // ms
const HINTS = ["marked", "scene", "selector", "wrong"] // kinds of word that say something

/**
 * @typedef {object} Question What to ask for a node.
 * @property {any[]} prompts Those whose text is known.
 * @property {Record<string, string>} fields
 * @property {string[]} said What is to be said whatever the answer is.
 */

/** @type {WeakMap<any, {question: string, prompts: string[]}>} What was asked last, by node. */
const asked = new WeakMap()
/** @type {Map<any, Question>} What is to be asked next. */
const waiting = new Map()
let timer = 0

/** Ask for a node, together with others; where its prompts change, they may be being typed: then not at once. */
function askFor(node, question) {
  const now = { question: JSON.stringify(question), prompts: question.prompts.map((prompt) => JSON.stringify(prompt)) }
  const before = asked.get(node)
  if (now.question === before?.question) return
  asked.set(node, now)
  waiting.set(node, question)
  if (String(now.prompts) !== String(before?.prompts)) timer ||= setTimeout(flush, TYPING)
  else flush()
}

async function flush() {
  clearTimeout(timer)
  timer = 0
  const all = [...waiting].map(([node, question]) => ({ node, question, mine: asked.get(node) }))
  waiting.clear()
  const prompts = [...new Set(all.flatMap(({ mine }) => mine?.prompts ?? []))]
  const bends = all.map(({ question, mine }) => ({
    prompts: mine?.prompts.map((prompt) => prompts.indexOf(prompt)),
    fields: question.fields,
  }))
  const answer = await ask("words", { prompts: prompts.map((prompt) => JSON.parse(prompt)), bends })
  all.forEach(({ node, question, mine }, i) => {
    if (asked.get(node) !== mine) return
    if (answer.error) asked.delete(node) // to be asked once more
    hear(node, question, answer.bends?.[i] ?? answer)
  })
}

/** Show what is known of a node's fields. */
function hear(node, { said }, { fields = {}, notes = [], error }) {
  const names = Object.keys(fields)
  const rows = names.flatMap((name) => [
    ...(names.length > 1 ? [part("div", "ab-label", [name])] : []),
    ...fieldOf(node, name, fields[name]),
  ])
  const doubts = [...said, ...notes].map((sentence) => note(sentence, "doubt"))
  section(node, "words").replaceChildren(...rows, ...doubts, ...(error ? [note(error, "fault")] : []))
}

/** What to ask of a node, and what is to be said of it whatever the answer is. */
function questionFor(node, at, fields) {
  const prompts = promptsOf(node).map(questionOf)
  const known = prompts.filter((prompt) => typeof prompt.text === "string")
  const values = fields.map((field) => [field, valueAt(at, field)]).filter(([, value]) => typeof value === "string")
  const wired = fields
    .filter((field) => valueOf(node, field) === undefined)
    .map((field) => text("words.wired", { field }))
  const lack = known.length ? [] : [lacking(node, prompts)]
  return { prompts: known, fields: Object.fromEntries(values), said: [...wired, ...lack] }
}

/** Why a node meets no words. */
function lacking(node, prompts) {
  const patches = patchModelsOf(node)
  if (!patches.length) return text("words.unpatched")
  if (!patches.some((patch) => samplersOf(patch).length)) return text("words.unsampled")
  if (prompts.length) return text("words.untold")
  const nodes = [...new Set(conditioningsOf(node).map((made) => made.node.title))].join(", ")
  return nodes ? text("words.foreign", { nodes }) : text("words.unprompted")
}

/** A field's chips, what it has of its own and selectors in a line of their own, and what is wrong with it. */
function fieldOf(node, field, told) {
  const set = (value) => () => setValues(node, { [field]: value })
  const value = valueOf(node, field)
  const button = ({ text: word, kind, on, then, unknown }) =>
    chip({
      parts: [word],
      kind: unknown ? `${kind} unknown` : kind,
      on,
      hint: unknown ? text("words.unknown") : HINTS.includes(kind) ? text(`words.${kind}`) : "",
      click: value === undefined ? undefined : set(then),
    })
  const ofPrompt = ({ kind }) => ["marked", "word"].includes(kind)
  const words = told.chips.filter(ofPrompt)
  const others = told.chips.filter((each) => !ofPrompt(each))
  const rows = [words, others].filter(({ length }) => length).map((row) => chips(...row.map(button)))
  if (value?.trim() === "") return [...rows, note(text("words.choose"), "fault")]
  const problems = told.problems.flatMap(({ message, severity, offers }) => [
    note(message, severity === "error" ? "fault" : "doubt"),
    ...(offers.length
      ? [chips(...offers.map((offer) => chip({ parts: [offer], kind: "offer", click: set(offer) })))]
      : []),
  ])
  return [...rows, ...problems]
}

app.registerExtension({
  name: "AttentionBending.words",
  nodeCreated(node) {
    const fields = isOurs(node) ? FIELDS.filter((field) => widgetOf(node, field)) : []
    if (!fields.length) return
    section(node, "words")
    watch(node, () => {
      const [at] = placesOf(node)
      if (at && !at.isIdle && isOpen(node)) askFor(node, questionFor(node, at, fields))
    })
  },
})
