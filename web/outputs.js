/** The pictures and films that came out on the page last, by node. */
import { api } from "../../scripts/api.js"
import { app } from "../../scripts/app.js"
import { changed } from "./changes.js"
import { workflowOf } from "./report.js"
import { root } from "./wires.js"

/** The names of films. */
export const FILM = /\.(mp4|webm|mkv|mov)$/i
const PLAYS = /\.(webp|gif|apng)$/i // by itself, so that nobody can say which of its pictures is shown

/**
 * @typedef {object} Output What one node has put out last.
 * @property {string[]} urls Of a film, or of its pictures in their order.
 * @property {boolean} isFilm
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
  const urls = files.filter(({ filename }) => !PLAYS.test(filename)).map(urlOf)
  const isFilm = files.some(({ filename }) => FILM.test(filename))
  if (!urls.length) return
  all.delete(key)
  all.set(key, { urls: isFilm ? urls.slice(-1) : urls, isFilm, prompt: prompt_id })
  changed()
}

/** Where the page finds a file that a node put out. */
export const urlOf = ({ filename, subfolder = "", type = "output" }) =>
  api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`)

function hearPreview({ blob, displayNodeId, jobId }) {
  previews.set(`${workflowOf(jobId)} ${displayNodeId}`, { prompt: jobId, blob })
}

/**
 * What came out last, in a prompt, at any of these nodes of the open workflow: a film before pictures.
 *
 * @param {string[]} ids Execution ids.
 * @param {string} prompt
 */
export function lastOutput(ids, prompt) {
  const keys = new Set(ids.map((id) => `${root().id} ${id}`))
  const found = [...all]
    .filter(([key, output]) => keys.has(key) && output.prompt === prompt)
    .map(([, output]) => output)
  return found.findLast(({ isFilm }) => isFilm) ?? found.at(-1)
}

/** The last picture that any of these nodes showed while it ran in a prompt. */
export const lastPreview = (ids, prompt) =>
  ids.map((id) => previews.get(`${root().id} ${id}`)).find((preview) => preview?.prompt === prompt)?.blob

app.registerExtension({
  name: "AttentionBending.outputs",
  setup() {
    api.addEventListener("executed", ({ detail }) => hear(detail))
    api.addEventListener("b_preview_with_metadata", ({ detail }) => hearPreview(detail))
  },
})
