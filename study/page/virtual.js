/** Rows of which only those in sight are there. */
const AROUND = 80 // pixels above and below what is in sight that are drawn too

/**
 * @template {{height: number}} Row
 * @param {HTMLElement} scroller What scrolls.
 * @param {HTMLElement} sheet What in it holds the rows, as high as all of them.
 * @param {(row: Row, index: number) => HTMLElement} draw
 */
export function makeRows(scroller, sheet, draw) {
  /** @type {Row[]} */
  let rows = []
  let tops = [0]
  /** @type {Map<number, HTMLElement>} */
  const live = new Map()

  /** The row that holds a height of the sheet, found by halving. */
  const rowAt = (y) => {
    let low = 0
    let high = rows.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (tops[middle] <= y) low = middle
      else high = middle - 1
    }
    return low
  }
  const update = () => {
    const from = scroller.scrollTop - sheet.offsetTop
    const first = rowAt(from - AROUND)
    const last = rows.length ? rowAt(from + scroller.clientHeight + AROUND) : -1
    for (const [index, element] of live)
      if (index < first || index > last) {
        element.remove()
        live.delete(index)
      }
    for (let index = first; index <= last; index++) {
      if (live.has(index)) continue
      const element = draw(rows[index], index)
      element.style.transform = `translateY(${tops[index]}px)`
      live.set(index, element)
      sheet.append(element)
    }
  }
  const redraw = () => {
    live.clear()
    sheet.replaceChildren()
    update()
  }
  scroller.addEventListener("scroll", update, { passive: true })

  return {
    /** Show other rows. @param {Row[]} others */
    set(others) {
      rows = others
      tops = [0]
      for (const row of rows) tops.push(tops[tops.length - 1] + row.height)
      sheet.style.height = `${tops[rows.length]}px`
      redraw()
    },
    redraw,
    /** Scroll no further than it takes to have a row in sight. */
    reveal(index) {
      const top = tops[index] + sheet.offsetTop
      const most = top + rows[index].height - scroller.clientHeight
      if (scroller.scrollTop > top) scroller.scrollTop = top
      else if (scroller.scrollTop < most) scroller.scrollTop = most
      update()
    },
    /** The elements of the rows that are there. */
    get live() {
      return live
    },
  }
}
