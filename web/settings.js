/** The pack's settings, on ComfyUI's own page of settings; a change is looked at as any change of the workflow. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { changed } from "./changes.js"
import { ask } from "./server.js"

const TEXTS = {
  Previews: ["Pictures on bends", "What a bend does, before and after, on the node itself."],
  PreviewSize: ["Size of pictures on bends", "How wide they are at most."],
  ColorMap: [
    "Colours of maps on nodes",
    "cividis is told apart by colour-blind eyes too; Attention Maps has its own choice.",
  ],
  LiveMaps: ["Maps on Patch Model while the sampler runs", "Where Patch Model records."],
  Words: ["Words under token fields", "What can be chosen, and what is not in the prompt."],
  Panels: ["Open panels on new nodes", "Each node's menu opens and closes its own."],
}

const toggle = { type: "boolean", defaultValue: true }

/** By name, in the order of the page. */
const SETTINGS = {
  Previews: toggle,
  PreviewSize: { type: "combo", defaultValue: "medium", options: ["small", "medium", "large"] },
  ColorMap: {
    type: "combo",
    defaultValue: "viridis",
    options: ["viridis", "plasma", "turbo", "hot", "cividis", "gray", "red"],
  },
  LiveMaps: toggle,
  Words: toggle,
  Panels: toggle,
}

const idOf = (name) => `AttentionBending.${name}`

/** A setting's value. @param {keyof typeof SETTINGS} name */
export const setting = (name) => app.extensionManager.setting.get(idOf(name)) ?? SETTINGS[name].defaultValue

function settle() {
  document.body.classList.toggle("ab-without-words", !setting("Words"))
  tell()
  changed()
}

let told = ""

/** The server is told what concerns pictures that it makes of itself, of this page alone, as long as it is connected. */
async function tell() {
  const wishes = { client: api.clientId ?? "", live_maps: setting("LiveMaps"), color_map: setting("ColorMap") }
  if (!wishes.client || JSON.stringify(wishes) === told) return
  told = JSON.stringify(wishes)
  const answer = await ask("wishes", wishes)
  if (!answer.kept) told = "" // not connected yet
}

app.registerExtension({
  name: "AttentionBending.settings",
  settings: /** @type {any} */ (
    Object.entries(SETTINGS).map(([name, of]) => ({
      ...of,
      id: idOf(name),
      name: TEXTS[name][0],
      tooltip: TEXTS[name][1],
      category: ["Attention Bending", "Page", name],
      onChange: () => setTimeout(settle), // the page tells of a change before it has made it
    }))
  ),
  setup() {
    api.addEventListener("status", tell) // by then the server has named this page
    api.addEventListener("reconnected", () => {
      told = ""
      tell()
    })
    settle()
  },
})
