/** The pack's settings, on ComfyUI's own page of settings; a change is looked at as any change of the workflow. */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"
import { changed } from "./changes.js"
import { ask } from "./server.js"
import { english } from "./texts.js"

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

const keyOf = (name) => idOf(name).replace(".", "_")

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
      name: english.settings[keyOf(name)].name, // the page translates by the same key
      tooltip: english.settings[keyOf(name)].tooltip,
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
