// The barcode of a cell with its Betti curves, on one axis of distances.
const CURVES = 58, NAME = 18, AXIS = 34, EDGE = 8  // pixels: of the curves, a line of words, the axis below, either side
const LONG = 5  // a bar that is longer than noise is given so many times the room of one that is not
const NOUNS = ["component", "loop"], KINDS = ["merge", "loop"]

// The bars of a degree by place in the diagram: ends, rank by persistence, name, and whether noise has longer ones.
const barsOf = (ends, degree, noise) => {
  const bars = Array.from({ length: ends.length / 2 }, (_, place) => {
    const [birth, death] = [ends[2 * place], ends[2 * place + 1]]
    return { degree, place, birth, death, pale: noise !== null && death - birth <= noise }
  })
  ;[...bars].sort((a, b) => (b.death - b.birth) - (a.death - a.birth)).forEach((bar, k) => {
    bar.name = `H${degree} ${KINDS[degree]} ${k + 1}`
  })
  return bars
}
const ORDERS = {
  birth: (a, b) => a.birth - b.birth || a.death - b.death,
  death: (a, b) => a.death - b.death,
  persistence: (a, b) => (a.death - a.birth) - (b.death - b.birth),
}

// Rows from above: the bars of each degree in their order, the endless one last of H0; the tops of both blocks.
const rowsOf = (scene, frame) => frame.rows ??= (() => {
  const endless = { degree: 0, birth: 0, death: Infinity, name: "H0 endless", pale: false }
  const blocks = [[...frame.bars[0]].sort(ORDERS[scene.order]).concat(endless), [...frame.bars[1]].sort(ORDERS[scene.order])]
  return blocks.map((bars, degree) => {
    const weights = bars.map(bar => bar.pale || degree === 0 ? 1 : LONG), sum = weights.reduce((a, b) => a + b, 0) || 1
    let top = 0
    return bars.map((bar, k) => {
      const row = { bar, top: top / sum, thick: weights[k] / sum }
      top += weights[k]
      return row
    })
  })
})()

const alive = (bars, at) => bars.reduce((sum, bar) => sum + (bar.birth <= at && at < bar.death), 0)
const betti = (frame, at) => [1 + alive(frame.bars[0], at), alive(frame.bars[1], at)]

// Numbers alive at the distances where they change, from the left: [[distance, number], ...].
const curveOf = (bars, more) => {
  const ends = bars.flatMap(bar => [[bar.birth, 1], [bar.death, -1]]).sort((a, b) => a[0] - b[0])
  let number = more
  return [[0, more], ...ends.map(([at, by]) => [at, number += by])]
}

// Where things are on a canvas of so many pixels.
const layout = (scene, frame, across, up) => {
  const room = up - CURVES - AXIS - 2 * NAME
  const share = frame.bars[1].length ? .36 : 1
  const high = [room * share, room * (1 - share)]
  const tops = [CURVES + NAME, CURVES + 2 * NAME + high[0]]
  return {
    x: at => EDGE + (across - 2 * EDGE) * Math.min(1, at / scene.last), tops, high,
    row: row => tops[row.bar.degree] + row.top * high[row.bar.degree],
  }
}
const rowAt = (scene, frame, across, up, y) => {
  const { row } = layout(scene, frame, across, up)
  return rowsOf(scene, frame).flat().reduce((best, one) => {
    const far = Math.abs(row(one) + one.thick - y)
    return far < best[1] ? [one, far] : best
  }, [null, Infinity])[0]
}

const paintBars = (context, scene, frame, look, at, selected, hovered, touched, ink, across, up) => {
  const { x, tops, high, row } = look
  const line = (x0, y0, x1, y1) => { context.beginPath(); context.moveTo(x0, y0); context.lineTo(x1, y1); context.stroke() }
  const words = (text, left, top, align = "left") => {
    Object.assign(context, { fillStyle: ink.words, globalAlpha: .75, textAlign: align, font: "12px " + ink.font })
    context.fillText(text, left, top)
  }
  Object.assign(context, { strokeStyle: ink.border, lineWidth: 1, globalAlpha: 1 })
  const ticks = ticksTo(scene.last)
  for (const tick of ticks) line(x(tick), 0, x(tick), up - AXIS)
  frame.bars.forEach((bars, degree) => {  // the curves, each to its own height
    const curve = frame.curves[degree], most = Math.max(1, ...curve.map(one => one[1]))
    context.beginPath()
    curve.forEach(([far, number], k) => {
      if (k) context.lineTo(x(far), CURVES - 4 - (CURVES - 18) * curve[k - 1][1] / most)
      context.lineTo(x(far), CURVES - 4 - (CURVES - 18) * number / most)
    })
    context.lineTo(x(scene.last), CURVES - 4 - (CURVES - 18) * curve[curve.length - 1][1] / most)
    Object.assign(context, { strokeStyle: degree ? ink.words : ink.tone, lineWidth: degree ? 1.8 : 1.3, globalAlpha: .9 })
    context.stroke()
  })
  rowsOf(scene, frame).forEach((rows, degree) => {
    for (const one of rows) {
      const { bar } = one, lives = bar.birth <= at && at < bar.death, top = row(one)
      const thick = Math.max(.8, one.thick * high[degree] * .76)
      const right = x(Math.min(bar.death, scene.last))
      if (bar.pale || !frame.noise || degree === 0) {
        Object.assign(context, { fillStyle: degree ? ink.words : ink.tone, globalAlpha: bar.pale ? (lives ? .5 : .28) : lives ? 1 : .4 })
        context.fillRect(x(bar.birth), top, Math.max(1, right - x(bar.birth)), thick)
      } else {  // what noise reaches is a pale band; what goes beyond it is full
        const reached = x(bar.birth + frame.noise[degree])
        Object.assign(context, { fillStyle: ink.words, globalAlpha: lives ? .5 : .28 })
        context.fillRect(x(bar.birth), top, reached - x(bar.birth), thick)
        context.globalAlpha = lives ? 1 : .55
        context.fillRect(reached, top, right - reached, thick)
      }
    }
    const number = rows.length
    words(`H${degree}: ${number.toLocaleString("en")} ${NOUNS[degree]}${number === 1 ? "" : "s"}`, EDGE, tops[degree] - 5)
  })
  words("alive at each distance", EDGE, 11)
  for (const [colour, found] of [[ink.mark, one => touched.has(one.bar.degree + " " + one.bar.place)],
    [ink.words, one => one.bar === hovered], [ink.held, one => one.bar.name === selected]]) {
    for (const one of rowsOf(scene, frame).flat().filter(found)) {
      const middle = row(one) + one.thick * high[one.bar.degree] * .38
      Object.assign(context, { strokeStyle: colour, globalAlpha: .55, lineWidth: 1 })
      if (colour !== ink.mark) line(EDGE, middle, across - EDGE, middle)
      Object.assign(context, { globalAlpha: 1, lineWidth: Math.max(colour === ink.held ? 4.5 : 2.5, one.thick * high[one.bar.degree] * .76) })
      line(x(one.bar.birth), middle, Math.max(x(one.bar.birth) + 2, x(Math.min(one.bar.death, scene.last))), middle)
    }
  }
  Object.assign(context, { strokeStyle: ink.primary, globalAlpha: 1, lineWidth: 1.6 })
  line(x(at), 0, x(at), up - AXIS)
  for (const tick of ticks) words(shown(tick, true), x(tick), up - AXIS + 14, tick === 0 ? "left" : "center")
  words(scene.distance, across - EDGE, up - 5, "right")
}

// Round numbers along an axis, four to eight of them.
const ticksTo = last => {
  const power = 10 ** Math.floor(Math.log10(last / 4))
  const step = [1, 2, 5, 10].map(one => one * power).find(one => last / one <= 7.5)
  return Array.from({ length: Math.floor(last / step * .96) + 1 }, (_, k) => k * step)
}

// A number in three significant digits, as everywhere on the page; on an axis without zeros at its end.
const shown = (value, bare = false) => {
  if (!value) return "0"
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3))))))
  if (digits > 6) return value.toExponential(2)
  return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: bare ? 0 : digits })
}
