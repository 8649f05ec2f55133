/**
 * What the page says, in its language: the sentences of `locales/<language>/main.json`, under "attentionBending".
 *
 * ComfyUI's own translations run through a message compiler; these are read as they are.
 */
import { app } from "../../scripts/app.js"
import { api } from "../../scripts/api.js"

/** @type {Record<string, any>} */
const languages = await api.getCustomNodesI18n()

/** The pack's English, with the names of settings and commands, which the page translates itself. */
export const english = languages.en

/**
 * A sentence by its name, with values in place of their names in braces.
 *
 * @param {string} name
 * @param {Record<string, unknown>} values
 * @returns {string}
 */
export function text(name, values = {}) {
  const language = String(app.extensionManager.setting.get("Comfy.Locale"))
  const sentence = languages[language]?.attentionBending?.[name] ?? english.attentionBending[name]
  if (sentence === undefined) throw new Error(`attention bending has no text "${name}"`)
  return sentence.replace(/\{(\w+)\}/g, (whole, value) => (value in values ? String(values[value]) : whole))
}
