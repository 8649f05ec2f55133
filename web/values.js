/** A node's own widgets: read and set as its user would. */
import { app } from "../../scripts/app.js"
import { changed } from "./changes.js"

export const widgetOf = (node, name) => node.widgets?.find((widget) => widget.name === name)

/** A widget's value; undefined where there is none, or where a wire gives it. */
export function valueOf(node, name) {
  const isWired = node.inputs?.some((input) => input.widget?.name === name && input.link != null)
  return isWired ? undefined : widgetOf(node, name)?.value
}

/**
 * Set widgets of a node, all in one step that can be undone.
 *
 * @param {any} node
 * @param {object} values By widget.
 */
export function setValues(node, values) {
  for (const [name, value] of Object.entries(values)) {
    const widget = widgetOf(node, name)
    if (!widget || widget.value === value) continue
    widget.value = value
    widget.callback?.(value, app.canvas, node)
  }
  node.graph?.setDirtyCanvas(true, true)
  tracker()?.captureCanvasState()
  changed()
}

/**
 * Until the pointer is let go all that is set is one step that can be undone, whatever else the page keeps meanwhile.
 *
 * @param {PointerEvent} pressed
 */
export function oneStepWhileHeld({ pointerId }) {
  const history = tracker()
  history?.beforeChange()
  const end = (event) => {
    if (event.pointerId !== pointerId) return
    for (const name of LET_GO) window.removeEventListener(name, end, true)
    history?.afterChange()
  }
  for (const name of LET_GO) window.addEventListener(name, end, true)
}

const LET_GO = ["pointerup", "pointercancel"]
const tracker = () => app.extensionManager.workflow.activeWorkflow?.changeTracker
