// The map of a cell: its prompts, what is joined at a distance, and what makes the selected bar.
const DOT = 3.4  // pixels from the middle of a prompt to its edge
const SIGNS = { circle: "\u25cf", square: "\u25a0", diamond: "\u25c6", cross: "\u271a" }

// How many of rising values are at most so much. Lengths come in single precision, and so does what they are held against.
const upTo = (values, most) => {
  let [low, high] = [0, values.length]
  const limit = Math.fround(most)
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle] <= limit) low = middle + 1
    else high = middle
  }
  return low
}

// Where each prompt is on a canvas of so many pixels, between two steps; null where nothing says where they lie.
const spotsOf = (scene, [before, after, part], across, up) => {
  const a = scene.frames[before].points, b = scene.frames[after].points ?? a
  if (!a) return null
  const [wide, high] = scene.reach
  const zoom = .94 * scene.unit * Math.min(across / wide, up / high) / 2
  const spots = new Float32Array(a.length)
  for (let i = 0; i < a.length; i++) {
    const value = (a[i] + (b[i] - a[i]) * part) * zoom
    spots[i] = i % 2 ? up / 2 - value : across / 2 + value
  }
  return spots
}

// What is joined: the cell's own complex where it stands still, else the shortest pairs that the archive has of the step.
const joined = (scene, frame, own, at) => {
  const { edges, lengths } = own ?? frame
  const pairs = edges ? upTo(lengths, at) : 0
  const filled = own ? upTo(own.diameters, at) : 0
  return { edges, pairs, triangles: own?.triangles, filled, all: edges && pairs === lengths.length }
}

// A layer of its own for simplices that come one after the other: as the distance grows, only the new ones are drawn. The
// layer is opaque, and laid on the map as a whole, so that what overlaps is not darker.
const grown = (layers, name, stamp, across, up, number, add) => {
  let layer = layers[name]
  if (layer?.stamp !== stamp || layer.number > number) {
    const canvas = layer?.canvas ?? document.createElement("canvas")
    layer = layers[name] = { canvas, stamp, number: 0, context: fit(canvas, across, up) }
  }
  if (layer.number < number) {
    layer.context.beginPath()
    add(layer.context, layer.number, number)
    layer.number = number
  }
  return layer.canvas
}

const paintMap = (context, scene, spots, complex, held, marked, hovered, ink, layers, stamp, across, up) => {
  const to = (c, point, first) => c[first ? "moveTo" : "lineTo"](spots[2 * point], spots[2 * point + 1])
  const path = (points, closed, c = context) => {
    points.forEach((point, number) => to(c, point, number === 0))
    if (closed) c.closePath()
  }
  const style = (stroke, width, alpha = 1) => Object.assign(context, { strokeStyle: stroke, lineWidth: width, globalAlpha: alpha })
  const rings = (points, radius, colour, width) => {
    context.beginPath()
    for (const point of points) {
      context.moveTo(spots[2 * point] + radius, spots[2 * point + 1])
      context.arc(spots[2 * point], spots[2 * point + 1], radius, 0, 6.2832)
    }
    style(colour, width)
    context.stroke()
  }
  context.lineJoin = "round"
  const filled = grown(layers, "triangles", stamp, across, up, complex.filled, (c, from, end) => {
    for (let i = 3 * from; i < 3 * end; i += 3) path(complex.triangles.subarray(i, i + 3), true, c)
    c.fillStyle = ink.tone
    c.fill()
  })
  const lines = grown(layers, "edges", stamp, across, up, complex.pairs, (c, from, end) => {
    for (let i = 2 * from; i < 2 * end; i += 2) { to(c, complex.edges[i], true); to(c, complex.edges[i + 1]) }
    Object.assign(c, { strokeStyle: ink.words, lineWidth: .8 })
    c.stroke()
  })
  for (const [layer, strength] of [[filled, .1], [lines, .22]]) {
    context.globalAlpha = strength
    context.drawImage(layer, 0, 0, across, up)
  }
  if (held.cut) {
    context.beginPath()
    held.cut.forEach(edge => path(edge))
    style(ink.words, 1.4, .8)
    context.setLineDash([2, 3])
    context.stroke()
    context.setLineDash([])
  }
  if (held.triangle) {
    context.beginPath()
    path(held.triangle, true)
    Object.assign(context, { fillStyle: ink.held, globalAlpha: .3 })
    context.fill()
  }
  const inside = held.first && new Set([...held.first, ...held.second])
  scene.marks.forEach(([colour, shape], kind) => {
    for (const faded of inside ? [true, false] : [false]) {
      context.beginPath()
      for (let i = 0; i < spots.length / 2; i++)
        if (scene.kinds[i] === kind && (!inside || inside.has(i) !== faded))
          (SHAPES[shape] ?? SHAPES.circle)(context, spots[2 * i], spots[2 * i + 1], DOT)
      Object.assign(context, { fillStyle: colour, globalAlpha: faded ? .22 : .92 })
      context.fill()
    }
  })
  if (held.cycle) {
    context.beginPath()
    path(held.cycle, true)
    style(ink.held, 2.2)
    context.stroke()
  }
  if (held.edge) {
    context.beginPath()
    path(held.edge)
    style(ink.held, 4.5)
    context.stroke()
  }
  rings(held.first ?? [], DOT + 2.5, ink.held, 1.4)
  rings(new Set([...held.cycle ?? [], ...held.edge ?? [], ...held.triangle ?? []]), DOT + 4, ink.held, 2.2)
  rings(marked, DOT + 6, ink.mark, 2)
  if (hovered >= 0) rings([hovered], DOT + 6, ink.words, 1.5)
  context.globalAlpha = 1
  context.font = "600 12px " + ink.font
  context.textAlign = "center"
  const names = held.cycle ? held.cycle.map((point, k) => [point, k + 1]) : (held.edge ?? []).map((point, k) => [point, held.names?.[k] ?? ""])
  for (const [point, name] of names) {
    style(ink.ground, 4)
    context.strokeText(name, spots[2 * point], spots[2 * point + 1] - DOT - 8)
    context.fillStyle = ink.words
    context.fillText(name, spots[2 * point], spots[2 * point + 1] - DOT - 8)
  }
}

// The prompt nearest to a place, no farther than a finger is wide; -1 for none.
const nearest = (spots, x, y, most = 18) => {
  let best = -1, least = most * most
  for (let i = 0; i < (spots?.length ?? 0) / 2; i++) {
    const far = (spots[2 * i] - x) ** 2 + (spots[2 * i + 1] - y) ** 2
    if (far < least) [best, least] = [i, far]
  }
  return best
}
