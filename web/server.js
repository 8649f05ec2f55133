/** Questions to the pack's own routes. */
import { api } from "../../scripts/api.js"

/**
 * The answer of a route to a question; `{error}` where it has none, in words.
 *
 * @param {string} route
 * @param {object} question
 */
export async function ask(route, question) {
  try {
    const answer = await api.fetchApi(`/attention_bending/${route}`, { method: "POST", body: JSON.stringify(question) })
    if (answer.headers.get("content-type")?.startsWith("image/"))
      return { picture: await answer.blob(), told: answer.headers }
    return await answer.json()
  } catch (error) {
    return { error: String(error) } // the server is gone: the page itself tells of it
  }
}

/** What asks only the newest question: an answer to an older one is thrown away, and nothing is asked meanwhile twice. */
export function newest(route, hear) {
  let asked = ""
  let turn = 0
  return async (question) => {
    const text = JSON.stringify(question)
    if (text === asked) return
    asked = text
    const mine = ++turn
    const answer = await ask(route, question)
    if (mine === turn) hear(answer, question)
  }
}
