/** The pictures and films that came out on the page last, by node. */
import { api } from "../../scripts/api.js"
import { app } from "../../scripts/app.js"
import { changed } from "./changes.js"
import { isOurs } from "./panel.js"
import { workflowOf } from "./report.js"
import { root, walk } from "./wires.js"

/** @typedef {import("./wires.js").Place} Place */

const FILM = /\.(mp4|webm|mkv|mov)$/i
const PLAYS = /\.(webp|gif|apng)$/i

/**
 * @typedef {object} Output What one node has put out last.
 * @property {string[]} urls Of a film, or of its pictures in their order.
 * @property {boolean} isFilm
 * @property {boolean} plays Whether it plays by itself, so that nobody can say which of its pictures is shown.
 * @property {string} prompt What it came out in last: out of a cache it comes again.
 */

/** @type {Map<string, Output>} By workflow and node, the newest last. */
const all = new Map()

/** @type {Map<string, {prompt: string, blob: Blob}>} What a sampler showed last while it ran, by workflow and node. */
const previews = new Map()

function hear({ node, display_node, output, prompt_id }) {
  const key = `${workflowOf(prompt_id)} ${display_node ?? node}`
  const files = [output?.video, output?.gifs, output?.images].find((listed) => Array.isArray(listed) && listed.length)
  if (!files?.every((file) => file?.filename)) return
  const urls = files.map(urlOf)
  const isFilm = files.some(({ filename }) => FILM.test(filename))
  const plays = files.some(({ filename }) => PLAYS.test(filename))
  all.delete(key)
  all.set(key, { urls: isFilm ? urls.slice(-1) : urls, isFilm, plays, prompt: prompt_id })
  changed()
}

/** Where the page finds a file that a node put out. */
const urlOf = ({ filename, subfolder = "", type = "output" }) =>
  api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`)

function hearPreview({ blob, displayNodeId, jobId }) {
  previews.set(`${workflowOf(jobId)} ${displayNodeId}`, { prompt: jobId, blob })
}

/**
 * What came out last of samplers, of all that `fits`: a film before pictures. What a node of ours makes of it, such as a
 * film of maps, is something else.
 *
 * @param {Place[]} samplers
 * @param {(output: Output) => boolean} fits
 */
export function lastOutput(samplers, fits = () => true) {
  const next = ({ to }) => to.map((wire) => wire.to).filter(({ node }) => !isOurs(node))
  const keys = new Set(samplers.flatMap((sampler) => [...walk(sampler, next)].map(keyOf)))
  const found = [...all].filter(([key, output]) => keys.has(key) && fits(output)).map(([, output]) => output)
  return found.findLast(({ isFilm }) => isFilm) ?? found.at(-1)
}

/** The last picture that any of these samplers showed while it ran in a prompt. @param {Place[]} samplers */
export const lastPreview = (samplers, prompt) =>
  samplers.map((sampler) => previews.get(keyOf(sampler))).find((preview) => preview?.prompt === prompt)?.blob

const keyOf = ({ id }) => `${root().id} ${id}`

app.registerExtension({
  name: "AttentionBending.outputs",
  setup() {
    api.addEventListener("executed", ({ detail }) => hear(detail))
    api.addEventListener("b_preview_with_metadata", ({ detail }) => hearPreview(detail))
  },
})
