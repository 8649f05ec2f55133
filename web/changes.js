/** Who looks at the open workflow is called soon after it has changed. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { root } from "./wires.js"

const SOON = 16 // ms: several changes at once are one
const NET = 2000 // ms: for changes that nobody tells of

/** @type {Map<object, Set<() => void>>} By node. */
const looks = new Map()
let waiting = 0

/** @type {WeakMap<object, Map<string, ((...given: any[]) => void)[]>>} What follows a node's own events. */
const followers = new WeakMap()

/** Do something of ours after what a node already does of itself on an event of its own, as `onRemoved`. */
export function also(node, event, call) {
  const events = followers.get(node) ?? new Map()
  followers.set(node, events)
  if (!events.has(event)) follow(node, event)
  events.set(event, [...(events.get(event) ?? []), call])
}

/** What stands in the node's place knows nothing of `call`: the page may keep an error that was made below it. */
function follow(node, event) {
  const before = node[event]
  node[event] = function (...given) {
    const answer = before?.apply(this, given)
    for (const call of followers.get(this)?.get(event) ?? []) call(...given)
    return answer
  }
}

/** Call `look` now, and again after each change, as long as the node stands in the open workflow. */
export function watch(node, look) {
  if (!looks.has(node)) {
    looks.set(node, new Set())
    also(node, "onRemoved", () => looks.delete(node))
  }
  looks.get(node)?.add(look)
  changed()
}

/** Something has changed: of widgets that the page sets itself nobody else tells. */
export function changed() {
  if (waiting) return
  waiting = setTimeout(() => {
    waiting = 0
    for (const [node, all] of looks) if (isThere(node)) for (const look of all) look()
  }, SOON)
}

/** Whether a node stands in the open workflow: those of other tabs are kept by the page, and are not removed. */
function isThere({ graph, id }) {
  const within = graph?.rootGraph ?? graph
  return within != null && within === root() && graph.getNodeById(id) !== null
}

app.registerExtension({
  name: "AttentionBending.changes",
  setup() {
    api.addEventListener("graphChanged", changed)
    document.addEventListener("input", changed, true) // while one types
    setInterval(() => document.hidden || changed(), NET)
  },
  afterConfigureGraph: changed,
})
