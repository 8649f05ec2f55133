/** Start here: the templates in an order, each with what one sees in it; a click opens it in a tab of its own. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { make } from "./elements.js"
import { english, text } from "./texts.js"

const TAB = "attention_bending.start"
const PACK = new URL(".", import.meta.url).pathname.split("/").at(-2) ?? "" // the folder's name in this installation
const TOY = " (toy)"

/** @param {HTMLElement} place */
async function render(place) {
  const lists = make("div", "ab-start")
  place.replaceChildren(make("p", "ab-start-how", text("start.how")), lists)
  const templates = Object.entries(await (await fetch(new URL("templates.json", import.meta.url))).json())
  const listed = (some) => {
    const list = make("ol")
    list.append(...some.map(entry))
    return list
  }
  const head = make("h3", "", text("start.other"))
  const withTwin = templates.filter(([, hasTwin]) => hasTwin)
  const alone = templates.filter(([, hasTwin]) => !hasTwin)
  lists.replaceChildren(listed(withTwin), head, listed(alone))
}

/** @param {[string, boolean]} template Its name, and whether it has a twin on the toy, which is opened first then. */
function entry([name, hasTwin]) {
  const main = make("button", "ab-start-toy")
  const picture = new Image()
  Object.assign(picture, { src: address(`${name}.jpg`), alt: "", loading: "lazy" })
  main.append(picture, make("b", "", name), make("span", "", text(`template.${name}`)))
  main.onclick = () => open(hasTwin ? name + TOY : name)
  const item = make("li")
  item.append(main)
  if (hasTwin) {
    main.title = text("start.open")
    item.append(Object.assign(make("button", "ab-start-real", text("start.real")), { onclick: () => open(name) }))
  }
  return item
}

/** Open a template as the gallery does. */
async function open(name) {
  const answer = await fetch(address(`${name}.json`))
  if (!answer.ok)
    return app.extensionManager.toast.add({
      severity: "error",
      summary: text("start.failed"),
      detail: name,
      life: 5000,
    })
  await app.loadGraphData(await answer.json(), true, true, name, { openSource: "template" })
  toggle() // the tab covers the graph's beginning
}

const toggle = () => /** @type {any} */ (app.extensionManager).sidebarTab.toggleSidebarTab(TAB)

const address = (file) => api.apiURL(`/workflow_templates/${encodeURIComponent(PACK)}/${encodeURIComponent(file)}`)

app.registerExtension({
  name: "AttentionBending.start",
  commands: [
    {
      id: "AttentionBending.StartHere",
      label: english.commands.AttentionBending_StartHere.label,
      icon: "pi pi-play-circle",
      function: toggle,
    },
  ],
  setup() {
    const told = { title: text("start.title"), tooltip: text("start.about") }
    app.extensionManager.registerSidebarTab({ id: TAB, icon: "pi pi-play-circle", ...told, type: "custom", render })
  },
})
