/**
 * The words that a run recorded, on its Patch Model: one switch records those that are bent, and after the run each
 * word's map plays over the film, before and after the bends. Under the pointer stand the words that are heard there.
 */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { also, changed, watch } from "./changes.js"
import { make } from "./elements.js"
import { makeFilm } from "./film.js"
import { samplersOf } from "./graph.js"
import { lastOutput, lastPreview } from "./outputs.js"
import { section } from "./panel.js"
import { promptsOn } from "./report.js"
import { ask, newest } from "./server.js"
import { setting } from "./settings.js"
import { text } from "./texts.js"
import { setValues, valueOf } from "./values.js"
import { placesOf, root } from "./wires.js"

const PATCH = "AttnBendModel"
const VIEWERS = ["AttnBendMaps", "AttnBendMapsGrid", "AttnBendWordsHere"]
const BENT = "bent words"
const NONE = "none"
const MOST = 4 // words under the pointer

/** Whether another node shows the maps, which then need not be seen twice unless the switch asks for it. */
function isShownElsewhere({ graph, outputs }) {
  const links = outputs.find(({ name }) => name === "maps")?.links ?? []
  return links.some((link) => VIEWERS.includes(graph.getNodeById(graph.getLink(link)?.target_id)?.comfyClass))
}

/** @typedef {import("./film.js").Maps & {words: string[], views: string[]}} Maps As the route `maps` tells them. */

/** Prompts that have ended: their records lie on the shelf. */
const ended = new Set()

function viewOf(node) {
  const place = section(node, "maps")
  const box = Object.assign(document.createElement("input"), { type: "checkbox" })
  const label = make("label", "ab-switch")
  label.title = text("maps.hint")
  label.append(box, text("maps.show"))
  const bar = make("div", "ab-bar")
  const words = make("div", "ab-row ab-words")
  const sides = make("div", "ab-row ab-sides")
  const caption = make("div", "ab-caption")
  const heard = make("div", "ab-heard")
  let film = /** @type {import("./film.js").Film | null} */ (null)
  let about = /** @type {Record<string, string> | null} */ (null) // the run that is shown
  let asked = ""
  let maps = /** @type {Maps | null} */ (null)
  let chosen = { word: 0, view: "before" }
  let over = true
  let unrecorded = /** @type {string[]} */ ([]) // prompts that ran while nothing was to be recorded
  let preview = "" // the address of a picture that the page holds

  let visit = 0 // of the pointer: what was asked in an earlier one is asked again
  let isIn = false

  const hearWords = newest("words_here", ({ words: found }) => {
    const named = (found ?? []).filter(({ lift }) => lift > 0).slice(0, MOST)
    const told = named.map(({ word, lift }) => `${word} ${lift.toFixed(1)}×`).join(" · ")
    heard.textContent = isIn ? text("maps.here", { words: told || "—" }) : ""
  })
  const onPoint = (place) => {
    isIn = place !== null
    if (isIn && about) return hearWords({ ...about, ...place, view: chosen.view, visit })
    visit++
    heard.textContent = ""
  }
  const lay = async ({ picture, error }) => {
    if (!picture) return clear(error)
    const strip = await createImageBitmap(picture)
    if (film) film.lay(strip)
    else strip.close()
  }
  let askMap = newest("map", lay)
  const choose = (change) => {
    if (!maps || !about) return
    chosen = { ...chosen, ...change }
    if (!maps.views.includes(chosen.view)) chosen.view = maps.views[0]
    if (chosen.word >= maps.words.length) chosen.word = 0
    words.replaceChildren(...maps.words.map((word, number) => chip(word, number === chosen.word, { word: number })))
    sides.replaceChildren(
      ...(maps.views.length > 1 ? maps.views : []).map((view) =>
        chip(text(`maps.${view}`), view === chosen.view, { view }),
      ),
    )
    askMap({ ...about, ...chosen, colors: setting("ColorMap"), over })
  }
  const chip = (text, isOn, change) => {
    const button = make("button", "ab-button", text)
    button.ariaPressed = String(isOn)
    button.onclick = () => choose(change)
    return button
  }
  const clear = (says = "") => {
    film?.remove()
    film = about = null
    URL.revokeObjectURL(preview)
    preview = heard.textContent = ""
    caption.textContent = says
    place.replaceChildren(label, ...(says ? [caption] : []))
  }
  /** What the map is laid over, and what that is called. */
  const backdropOf = (patch, prompt) => {
    const samplers = samplersOf(patch)
    const output = lastOutput(samplers, (each) => each.prompt === prompt && !each.plays)
    if (output) return { ...output, says: text("maps.film") }
    const blob = lastPreview(samplers, prompt)
    URL.revokeObjectURL(preview)
    preview = blob ? URL.createObjectURL(blob) : ""
    return preview
      ? { urls: [preview], isFilm: false, says: text("maps.preview") }
      : { urls: [], isFilm: false, says: text("maps.plain") }
  }
  /** Show what a run has left: the one that Patch Model told of, or the newest there is where it told of none. */
  const load = async (patch, prompt, told) => {
    const run = { patch: patch.id, workflow: root().id, prompt: told }
    const key = asked
    const answer = await ask("maps", run)
    if (asked !== key) return
    if (answer.error) return clear(prompt && !unrecorded.includes(prompt) ? answer.error : text("maps.waiting"))
    if (!film) {
      film = makeFilm({ onPoint, play: text("film.play"), pause: text("film.pause") })
      askMap = newest("map", lay)
      film.element.append(heard)
      bar.replaceChildren(words, sides)
      place.replaceChildren(label, bar, film.element, caption)
    }
    about = run
    maps = /** @type {Maps} */ (answer)
    const { says, ...backdrop } = backdropOf(patch, prompt)
    over = backdrop.urls.length > 0
    caption.textContent = says
    film.load(answer, backdrop)
    choose({})
  }

  box.onchange = () => {
    const kept = node.properties.attention_bending
    if (box.checked) node.properties.attention_bending = { ...kept, record: valueOf(node, "record") }
    setValues(node, { record: box.checked ? BENT : (kept?.record ?? NONE) })
  }
  const forget = () => {
    asked = ""
    clear()
  }
  clear()
  return {
    look() {
      const record = valueOf(node, "record")
      box.checked = record === BENT
      box.disabled = record === undefined
      if (record === NONE || (record !== BENT && isShownElsewhere(node))) {
        unrecorded = placesOf(node).map(({ id }) => promptsOn(id).prompt)
        return asked && forget()
      }
      const runs = placesOf(node).map((patch) => ({ patch, ...promptsOn(patch.id) }))
      const ran = runs.findLast(({ prompt }) => ended.has(prompt)) ?? (asked ? null : runs[0])
      if (!ran) return
      const [prompt, told] = [ran.prompt, ran.told].map((each) => (ended.has(each) ? each : ""))
      const key = `${ran.patch.id} ${prompt}`
      if (key === asked) return
      asked = key
      load(ran.patch, prompt, told)
    },
    forget,
  }
}

app.registerExtension({
  name: "AttentionBending.maps",
  setup() {
    api.addEventListener("execution_success", ({ detail }) => {
      ended.add(detail.prompt_id)
      changed()
    })
  },
  nodeCreated(node) {
    if (node.comfyClass !== PATCH) return
    const view = viewOf(node)
    watch(node, view.look)
    also(node, "onRemoved", view.forget)
  },
})
