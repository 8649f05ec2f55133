/** A Patch Model that changes nothing says so before the run: no sampler uses it, or there is nothing to bend. */
import { app } from "../../scripts/app.js"
import { watch } from "./changes.js"
import { bendsOf, patchModelsOf, samplersOf } from "./graph.js"
import { notify } from "./notices.js"
import { isOurs } from "./panel.js"
import { text } from "./texts.js"
import { valueOf } from "./values.js"
import { incoming, placesOf } from "./wires.js"

const PATCH = "AttnBendModel"

const hasNoWork = (patch) => !bendsOf(patch).length && !incoming(patch, "CONCEPT_PROBES").length

/** @returns {import("./notices.js").Notice | null} */
function noticeOf(node) {
  const patches = patchModelsOf(node).filter(({ isIdle }) => !isIdle)
  if (!patches.length || placesOf(node).every(({ isIdle }) => isIdle)) return null
  const isPatch = node.comfyClass === PATCH
  if (isPatch && valueOf(node, "record") === "none" && patches.every(hasNoWork))
    return { text: text("unused.idle"), tone: "calm" }
  if (patches.some((patch) => samplersOf(patch).length)) return null
  return { text: isPatch ? text("unused.unused") : text("unused.unusedBend"), tone: "amber" }
}

app.registerExtension({
  name: "AttentionBending.unused",
  nodeCreated(node) {
    const bends = node.outputs?.some(({ type }) => type === "BENDING")
    if (isOurs(node) && (bends || node.comfyClass === PATCH)) watch(node, () => notify(node, "unused", noticeOf(node)))
  },
})
