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
 * Set widgets of a node, all in one step that can be undone. While something is dragged, `keep` is false until its end.
 *
 * @param {any} node
 * @param {object} values By widget.
 */
export function setValues(node, values, keep = true) {
  for (const [name, value] of Object.entries(values)) {
    const widget = widgetOf(node, name)
    if (!widget || widget.value === value) continue
    widget.value = value
    widget.callback?.(value, app.canvas, node)
  }
  node.graph?.setDirtyCanvas(true, true)
  if (keep) app.extensionManager.workflow.activeWorkflow?.changeTracker.captureCanvasState()
  changed()
}
