/** Bend Animate and Bend Sweep: the parameters of the bends that are wired to them, to click. */
import { app } from "../../scripts/app.js"
import { watch } from "./changes.js"
import { chip, chips, note, part } from "./chips.js"
import { bendsOf } from "./graph.js"
import { isOpen, section } from "./panel.js"
import { newest } from "./server.js"
import { text } from "./texts.js"
import { setValues, valueOf } from "./values.js"
import { placesOf, valueAt } from "./wires.js"

/** The fields that name a parameter. */
const FIELDS = { AttnBendAnimate: ["parameter"], AttnBendSweep: ["parameter_1", "parameter_2"] }
const MAY_BE_EMPTY = "parameter_2"
const MOST = 3 // values that are told of several bends

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
    const values = fields.map((field) => valueOf(node, field))
    const key = JSON.stringify([offered, values, bends.length])
    if (rows.dataset.shown === key) return
    rows.dataset.shown = key
    if (!offered.length) rows.replaceChildren(note(text("parameters.none")))
    else if (fields.length === 1) rows.replaceChildren(chipsOf(node, fields[0], offered))
    else
      rows.replaceChildren(...fields.map((field, axis) => axisOf(node, field, axis + 1, offered, rows.children[axis])))
  }
  watch(node, look)
}

function asBend(place) {
  const inputs = (place.node.widgets ?? []).map(({ name }) => [name, valueAt(place, name) ?? null])
  return { class_type: place.node.comfyClass, inputs: Object.fromEntries(inputs) }
}

/** One of several axes: it can be folded, and is at first where nothing is chosen on it. */
function axisOf(node, field, number, offered, before) {
  const axis = document.createElement("details")
  const chosen = valueOf(node, field)
  const title = chosen ? text("parameters.axis", { number, chosen }) : text("parameters.noAxis", { number })
  axis.open = before instanceof HTMLDetailsElement ? before.open : Boolean(chosen)
  axis.append(part("summary", "", [title]), chipsOf(node, field, offered))
  return axis
}

function chipsOf(node, field, offered) {
  const chosen = valueOf(node, field)
  const row = chips(...offered.map((parameter) => chipOf(node, field, parameter, chosen)))
  row.dataset.field = field
  return row
}

function chipOf(node, field, { name, now, low, high, unit, choices }, chosen) {
  const on = chosen?.trim().toLowerCase().replaceAll(" ", "_") === name
  const values = [...new Set(now.map(shown))]
  const range = low != null ? text("parameters.range", { name, low, high, unit: unit ?? "" }).trim() : ""
  const made = chip({
    parts: [name.replaceAll("_", " ")],
    on,
    hint: range || (choices?.length ? text("parameters.choices", { name, choices: choices.join(", ") }) : name),
    more: values.length > MOST ? `${values.slice(0, MOST).join(", ")} …` : values.join(", "),
    click: () => setValues(node, { [field]: on && field === MAY_BE_EMPTY ? "" : name }),
  })
  made.dataset.parameter = name
  made.toggleAttribute("disabled", chosen === undefined) // a wire gives it
  return made
}

const shown = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value))

app.registerExtension({
  name: "AttentionBending.parameters",
  nodeCreated(node) {
    const fields = FIELDS[node.comfyClass]
    if (fields) addChips(node, fields)
  },
})
