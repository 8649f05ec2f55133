/** Dragging on an element of a node's panel, at any zoom, in fractions of the element; the node stays where it is. */
import { oneStepWhileHeld } from "./values.js"

/**
 * @typedef {{x: number, y: number}} Point From 0 to 1, from the top left.
 *
 * @param {HTMLElement} element
 * @param {(event: PointerEvent, at: Point) => ((at: Point, far: {x: boolean, y: boolean}) => void) | null} begin
 *   What a drag from here does, told where it is and whether the pointer has gone far enough to be meant; null for
 *   nothing.
 * @param {() => void} [end]
 */
export function onDrag(element, begin, end = () => {}) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return
    const from = pointIn(element, event)
    const drag = begin(event, from)
    if (!drag) return
    oneStepWhileHeld(event)
    const far = { x: false, y: false }
    const move = (moved) => {
      far.x ||= Math.abs(moved.clientX - event.clientX) > MEANT
      far.y ||= Math.abs(moved.clientY - event.clientY) > MEANT
      if (far.x || far.y) drag(pointIn(element, moved), far)
    }
    element.setPointerCapture(event.pointerId)
    element.addEventListener("pointermove", move)
    element.addEventListener(
      "lostpointercapture",
      () => {
        element.removeEventListener("pointermove", move)
        if (far.x || far.y) end()
      },
      { once: true },
    )
  })
}

const MEANT = 3 // pixels of the screen

/** @returns {Point} */
export function pointIn(element, { clientX, clientY }) {
  const { left, top, width, height } = element.getBoundingClientRect()
  return { x: within((clientX - left) / width), y: within((clientY - top) / height) }
}

export const within = (value, low = 0, high = 1) => Math.min(Math.max(value, low), high)

/** To hundredths, as the fields count. */
export const rounded = (value) => Math.round(value * 100) / 100
