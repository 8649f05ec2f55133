/**
 * On Bend Timeline: the scenes as a strip along the film, whose borders can be dragged. The text is what is kept: a drag
 * writes the stretches into it.
 */
import { app } from "../../scripts/app.js"
import { watch } from "./changes.js"
import { note } from "./chips.js"
import { onDrag, pointIn, rounded, within } from "./drag.js"
import { make } from "./elements.js"
import { patchModelsOf } from "./graph.js"
import { isOpen, section } from "./panel.js"
import { isQueued } from "./pieces.js"
import { ask } from "./server.js"
import { text } from "./texts.js"
import { setValues, valueOf } from "./values.js"
import { placesOf, valueAt } from "./wires.js"

const NODE = "AttnBendTimeline"
const LEAST = 0.01 // of the film
const NEAR = 8 // pixels of the screen to a border
const SAME = 1e-6

/** @typedef {{text: string, start: number, end: number}} Scene In fractions of the film. */

function addScenes(node) {
  const strip = make("div", "ab-strip ab-scenes")
  const caption = make("div", "ab-caption")
  const notes = make("div")
  section(node, "strip").append(strip, caption, notes)
  let told = /** @type {{scenes: Scene[], of: string}} */ ({ scenes: [], of: "" })
  let dragged = /** @type {Scene[] | null} */ (null)
  let asked = ""

  const isFree = () => valueOf(node, "text") === told.of
  const show = () => {
    const scenes = dragged ?? told.scenes
    strip.replaceChildren(...barsOf(scenes), ...(isFree() ? bordersOf(scenes) : []))
    if (!dragged) caption.textContent = isFree() && scenes.length ? text("scenes.drag") : ""
  }
  const look = async () => {
    const [at] = placesOf(node)
    if (!at || at.isIdle || !isOpen(node)) return
    const [typed, whole_film = "", weights = ""] = ["text", "whole_film", "weights"].map((name) => valueAt(at, name))
    const isKnown = typeof typed === "string" && !isQueued(typed)
    const question = isKnown &&
      typed.trim() !== "" && { text: typed, whole_film, weights, isLoose: !patchModelsOf(node).length }
    const key = JSON.stringify([question, typed])
    if (key === asked) return
    asked = key
    const answer = question ? await ask("scenes", question) : { scenes: [], notes: [] }
    if (key === asked) hear(answer, question, typed)
  }
  const hear = (answer, question, typed) => {
    const problem = answer.problem || answer.error
    if (!problem) told = { scenes: answer.scenes, of: typed }
    strip.classList.toggle("old", Boolean(problem))
    const said = problem ? [note(problem, "fault")] : answer.notes.map((sentence) => note(sentence, "doubt"))
    if (typed === undefined) said.push(note(text("pieces.untold")))
    else if (isQueued(typed)) said.push(note(text("pieces.queued"), "doubt"))
    if (question.isLoose && !problem) said.push(note(text("scenes.loose"), "doubt"))
    notes.replaceChildren(...said)
    show()
  }
  watch(node, look)

  onDrag(
    strip,
    (_, { x }) => {
      const border = borderAt(told.scenes, x, NEAR / strip.getBoundingClientRect().width)
      if (border === null || !isFree()) return null
      return (to) => {
        const scenes = moved(told.scenes, border, to.x)
        dragged = scenes
        caption.textContent = scenes.map(({ start, end }) => `${percent(start)}–${percent(end)} %`).join(" · ")
        show()
      }
    },
    async () => {
      const stretches = dragged?.map(({ start, end }) => [start, end])
      const before = told.of
      const answer = await ask("stretch", { text: before, stretches })
      dragged = null
      if (answer.error) notes.replaceChildren(note(answer.error, "fault"))
      else if (valueOf(node, "text") === before) setValues(node, { text: answer.text })
      show()
    },
  )
  strip.addEventListener("pointermove", (event) => {
    if (!event.buttons) caption.textContent = readingOf(told.scenes, pointIn(strip, event).x)
  })
  strip.addEventListener("pointerleave", () => dragged || show())
}

/** A bar for each scene; where they overlap, below each other. */
function barsOf(scenes) {
  const free = /** @type {number[]} */ ([]) // by lane, from where on there is room
  const lanes = scenes.map(({ start, end }) => {
    const open = free.findIndex((from) => from <= start + SAME)
    const lane = open < 0 ? free.length : open
    free[lane] = end
    return lane
  })
  return scenes.map((scene, number) => {
    const bar = make("div", "ab-scene", scene.text)
    const height = 100 / free.length
    place(bar, scene.start, scene.end)
    Object.assign(bar.style, { top: `${height * lanes[number]}%`, height: `${height}%` })
    return bar
  })
}

const bordersOf = (scenes) => endsOf(scenes).map((at) => place(make("div", "ab-border"), at, at))

function place(element, start, end) {
  Object.assign(element.style, { left: `${100 * start}%`, width: `${100 * (end - start)}%` })
  return element
}

const endsOf = (scenes) => [...new Set(scenes.flatMap(({ start, end }) => [start, end]))]

/** The border that is nearest to a place, and near. */
function borderAt(scenes, x, near) {
  const [first] = endsOf(scenes).sort((one, other) => Math.abs(one - x) - Math.abs(other - x))
  return first !== undefined && Math.abs(first - x) <= near ? first : null
}

/** The scenes with all their ends that stand at a border somewhere else, as far as each of them keeps some time. */
function moved(scenes, border, x) {
  const isThere = (end) => Math.abs(end - border) < SAME
  const low = Math.max(0, ...scenes.filter(({ end }) => isThere(end)).map(({ start }) => start + LEAST))
  const high = Math.min(1, ...scenes.filter(({ start }) => isThere(start)).map(({ end }) => end - LEAST))
  const to = within(rounded(x), low, high)
  return scenes.map(({ start, end, ...scene }) => ({
    ...scene,
    start: isThere(start) ? to : start,
    end: isThere(end) ? to : end,
  }))
}

const percent = (fraction) => Math.round(fraction * 1000) / 10

/** What is heard at a place of the film. */
const readingOf = (scenes, x) =>
  scenes
    .map(({ text: words, start, end }, number) => ({ words, start, end, number: number + 1 }))
    .filter(({ start, end }) => start <= x && x <= end)
    .map(({ words, start, end, number }) => `@${number} · ${percent(start)}–${percent(end)} % · ${words}`)
    .join("; ")

app.registerExtension({
  name: "AttentionBending.scenes",
  nodeCreated(node) {
    if (node.comfyClass === NODE) addScenes(node)
  },
})
