/** Elements of the page. */

/** A new element with a class and a text. */
export const make = (tag, className = "", textContent = "") =>
  Object.assign(document.createElement(tag), { className, textContent })
