/** Bend Animate and Bend Sweep: the parameters of the bends that are wired to them, to click. */
import { app } from "../../scripts/app.js"
import { watch } from "./changes.js"
import { bendsOf } from "./graph.js"
import { isOpen, section } from "./panel.js"
import { newest } from "./server.js"
import { setValues, valueOf } from "./values.js"
import { placesOf, valueAt } from "./wires.js"

const TEXTS = {
  none: "Connect a bend: its parameters are offered here.",
  range: "{name}: {low} to {high} {unit}",
  choices: "{name}: {choices}",
  first: "first",
  second: "second",
}

/** The fields that name a parameter, and how each one's row is called; the last of two may stay empty. */
const FIELDS = {
  AttnBendAnimate: { parameter: "" },
  AttnBendSweep: { parameter_1: TEXTS.first, parameter_2: TEXTS.second },
}

/**
 * @typedef {object} Parameter
 * @property {string} name
 * @property {(string | number | boolean)[]} now In each bend that has it.
 * @property {number | null} [low]
 * @property {number | null} [high]
 * @property {string | null} [unit]
 * @property {string[]} [choices]
 */

function addChips(node, fields) {
  const rows = document.createElement("div")
  rows.className = "ab-parameters"
  section(node, "words").append(rows)
  /** @type {Parameter[]} */
  let offered = []
  const ask = newest("parameters", ({ parameters }) => {
    offered = parameters ?? []
    look()
  })
  const look = () => {
    if (!isOpen(node)) return
    const bends = placesOf(node).flatMap(bendsOf).map(asBend)
    ask({ of: node.comfyClass, bends })
    const values = Object.keys(fields).map((field) => valueOf(node, field))
    const key = JSON.stringify([offered, values, bends.length])
    if (rows.dataset.shown === key) return
    rows.dataset.shown = key
    if (offered.length) rows.replaceChildren(...Object.entries(fields).map((field) => rowOf(node, field, offered)))
    else rows.replaceChildren(Object.assign(document.createElement("div"), { className: "ab-hint", textContent: TEXTS.none }))
  }
  watch(node, look)
}

function asBend(place) {
  const inputs = (place.node.widgets ?? []).map(({ name }) => [name, valueAt(place, name) ?? null])
  return { class_type: place.node.comfyClass, inputs: Object.fromEntries(inputs) }
}

function rowOf(node, [field, title], offered) {
  const row = document.createElement("div")
  row.className = "ab-chips"
  row.dataset.field = field
  if (title) row.append(Object.assign(document.createElement("span"), { className: "ab-hint", textContent: title }))
  const chosen = valueOf(node, field)
  row.append(...offered.map((parameter) => chipOf(node, field, parameter, chosen)))
  return row
}

function chipOf(node, field, { name, now, low, high, unit, choices }, chosen) {
  const chip = document.createElement("button")
  const isChosen = chosen?.trim().toLowerCase().replaceAll(" ", "_") === name
  const value = document.createElement("span")
  const several = [...new Set(now.map(shown))]
  value.textContent = several.length > 3 ? `${several.slice(0, 3).join(", ")} …` : several.join(", ")
  chip.className = "ab-chip"
  chip.dataset.parameter = name
  chip.classList.toggle("on", isChosen)
  chip.disabled = chosen === undefined // a wire gives it
  chip.append(name.replaceAll("_", " "), value)
  if (low != null) chip.title = say("range", { name, low, high, unit: unit ?? "" }).trim()
  else if (choices?.length) chip.title = say("choices", { name, choices: choices.join(", ") })
  const canBeEmpty = field === "parameter_2"
  chip.addEventListener("click", () => setValues(node, { [field]: isChosen && canBeEmpty ? "" : name }))
  return chip
}

const shown = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value))
const say = (name, values) => TEXTS[name].replace(/\{(\w+)\}/g, (_, value) => values[value])

app.registerExtension({
  name: "AttentionBending.parameters",
  nodeCreated(node) {
    const fields = FIELDS[node.comfyClass]
    if (fields) addChips(node, fields)
  },
})
