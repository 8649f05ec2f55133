/** What stands behind a node: the last run, the size of its latent, the model's file. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { changed } from "./changes.js"
import { patchModelsOf, samplersOf } from "./graph.js"
import { incoming, root, valueAt, walk } from "./wires.js"

/** @typedef {import("./wires.js").Place} Place */

let runs = 0

/**
 * What the routes ask of what is behind a node: the same as long as neither wires, nor the loader, nor the last run are
 * others.
 *
 * @returns {{workflow: string, patches: string[], loader: object, run: number}}
 */
export function behind(node) {
  const patches = patchModelsOf(node)
  const loader = patches.map(loaderOf).find(Boolean) ?? {}
  return { workflow: root().id, patches: patches.map(({ id }) => id), loader, run: runs }
}

/** The samplers whose films a node bends. */
export const samplersBehind = (node) => patchModelsOf(node).flatMap(samplersOf)

/** The loader of a Patch Model's model, with its values. */
function loaderOf(patch) {
  const loader = [...walk(patch, (place) => incoming(place, "MODEL").slice(0, 1))].at(-1)
  if (loader === patch) return null
  const inputs = (loader.node.widgets ?? []).map(({ name }) => [name, valueAt(loader, name)])
  return { class_type: loader.node.comfyClass, inputs: Object.fromEntries(inputs) }
}

/**
 * The size in pixels that samplers' latents were made with.
 *
 * @param {Place[]} samplers
 * @returns {{width: number, height: number} | undefined}
 */
export function sizeOf(samplers) {
  const places = samplers.flatMap((sampler) => [...walk(sampler, (place) => incoming(place, "LATENT"))])
  const sizes = places.map((place) => ({ width: valueAt(place, "width"), height: valueAt(place, "height") }))
  return sizes.find(({ width, height }) => width > 0 && height > 0)
}

app.registerExtension({
  name: "AttentionBending.behind",
  setup() {
    api.addEventListener("execution_success", () => {
      runs++
      changed()
    })
  },
})
