/** Start here: the templates in an order, each with what one sees in it; a click opens it in a tab of its own. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"

const TAB = "attention_bending.start"
const PACK = new URL(".", import.meta.url).pathname.split("/").at(-2) ?? "" // the folder's name in this installation
const TOY = " (toy)"
const TEXTS = {
  title: "Start here",
  about: "Attention Bending: start here",
  command: "Attention Bending: Start here",
  how: "Each of these is a whole graph. The toy Wan comes with the pack and makes a film in seconds: open one from the top, and press Run.",
  open: "Open it on the toy Wan",
  real: "on a real Wan",
  failed: "This template could not be opened.",
}

/** @typedef {{name: string, says: string}} Template */

/** @param {HTMLElement} place */
async function render(place) {
  const list = element("ol", "ab-start")
  place.replaceChildren(element("p", "ab-start-how", TEXTS.how), list)
  const templates = /** @type {Template[]} */ (await (await fetch(new URL("templates.json", import.meta.url))).json())
  list.replaceChildren(...templates.map(entry))
}

/** @param {Template} template */
function entry({ name, says }) {
  const toy = element("button", "ab-start-toy")
  const picture = new Image()
  Object.assign(picture, { src: address(`${name}.jpg`), alt: "", loading: "lazy" })
  toy.append(picture, element("b", "", name), element("span", "", says))
  Object.assign(toy, { title: TEXTS.open, onclick: () => open(name + TOY) })
  const real = Object.assign(element("button", "ab-start-real", TEXTS.real), { onclick: () => open(name) })
  const item = element("li")
  item.append(toy, real)
  return item
}

/** Open a template as the gallery does. */
async function open(name) {
  const answer = await fetch(address(`${name}.json`))
  if (!answer.ok)
    return app.extensionManager.toast.add({ severity: "error", summary: TEXTS.failed, detail: name, life: 5000 })
  await app.loadGraphData(await answer.json(), true, true, name, { openSource: "template" })
  toggle() // the tab covers the graph's beginning
}

const toggle = () => /** @type {any} */ (app.extensionManager).sidebarTab.toggleSidebarTab(TAB)

const address = (file) => api.apiURL(`/workflow_templates/${encodeURIComponent(PACK)}/${encodeURIComponent(file)}`)

const element = (tag, className = "", textContent = "") =>
  Object.assign(document.createElement(tag), { className, textContent })

app.registerExtension({
  name: "AttentionBending.start",
  commands: [
    {
      id: "AttentionBending.StartHere",
      label: TEXTS.command,
      icon: "pi pi-play-circle",
      function: toggle,
    },
  ],
  setup() {
    const told = { title: TEXTS.title, tooltip: TEXTS.about }
    app.extensionManager.registerSidebarTab({ id: TAB, icon: "pi pi-play-circle", ...told, type: "custom", render })
  },
})
