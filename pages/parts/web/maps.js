// Maps of one study, side by side. Everything is sent once: the slider, Play and the switch ask the server nothing.
const SECONDS = 4  // from the first step to the last
const HEIGHT = .68  // of a map, of its width
// Of a panel: where its prompts are at each step, which pairs are joined, and the words above it.
const unpacked = panel => ({
  ...panel,
  points: panel.points.map(words => new Int16Array(bytes(words))),
  edges: panel.edges.map(words => new Uint16Array(bytes(words))),
})

const percent = change => {
  const whole = Math.round(Math.abs(change) * 100)
  return (whole && change > 0 ? "+" : whole ? "\u2212" : "") + whole + " %"
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement, find = name => root.querySelector(name)
  root.mapsStop?.()
  const play = find(".play"), at = find(".at"), scaled = find(".scaled"), said = find(".step"), grid = find(".maps")
  const panels = data.panels.map(unpacked)
  const known = [...new Set(panels.flatMap(one => one.steps))].sort((a, b) => a - b)
  const last = known[known.length - 1] || 0, top = Math.log1p(last) || 1
  const state = root.mapsState?.key === data.key ? root.mapsState : { key: data.key, place: 1, scaled: false }
  root.mapsState = state
  let frame = 0, begun = 0

  grid.style.setProperty("--columns", panels.length)
  grid.replaceChildren(...panels.map(panel => {
    const map = document.createElement("button")
    map.className = "map"
    map.type = "button"
    map.innerHTML = '<span class="head"><span class="dot"></span><span class="name"></span><span class="change"></span></span>'
      + '<canvas></canvas><span class="pairs"></span>'
    map.querySelector(".name").textContent = panel.name
    map.querySelector(".dot").style.background = panel.colour
    map.querySelector(".dot").hidden = !panel.colour
    map.onclick = () => setTriggerValue("open", { series: panel.series, step: panel.steps[between(panel.steps, now())[0]] })
    return map
  }))
  const maps = [...grid.children]

  const now = () => {  // the step, which between two is not whole
    const step = Math.expm1(state.place * top)
    const near = known.reduce((a, b) => Math.abs(b - step) < Math.abs(a - step) ? b : a, 0)
    return Math.abs(Math.log1p(near) - state.place * top) < 1e-9 || state.place >= 1 ? (state.place >= 1 ? last : near) : step
  }
  const draw = () => {
    const step = now(), ink = getComputedStyle(root.host ?? root)
    const words = ink.getPropertyValue("--st-text-color") || "#333"
    const whole = known.filter(one => one <= step + 1e-9).pop() ?? 0
    said.textContent = "step " + whole.toLocaleString("en")
    at.value = Math.round(state.place * 1000)
    at.setAttribute("aria-valuetext", said.textContent)
    play.textContent = begun ? "Pause" : "Play"
    scaled.checked = state.scaled
    panels.forEach((panel, number) => paint(panel, maps[number], step, words))
  }
  const paint = (panel, map, step, words) => {
    const canvas = map.querySelector("canvas")
    const across = canvas.clientWidth || 200, up = Math.round(across * HEIGHT)
    canvas.style.height = up + "px"
    const context = fit(canvas, across, up)
    const [before, after, part] = between(panel.steps, step)
    const a = panel.points[before], b = panel.points[after]
    const median = panel.medians[before] * (1 - part) + panel.medians[after] * part
    const [wide, high] = data.reach[state.scaled ? 1 : 0]
    const zoom = .95 * data.unit * Math.min(across / wide, up / high) / 2 / (state.scaled ? median : 1)
    const spots = new Float32Array(a.length)
    for (let i = 0; i < a.length; i++) {
      const value = (a[i] + (b[i] - a[i]) * part) * zoom
      spots[i] = i % 2 ? up / 2 - value : across / 2 + value
    }
    const edges = panel.edges[before], counts = (state.scaled ? panel.relative : panel.raw)[before] ?? 0
    context.beginPath()
    for (let i = 0; i < 2 * counts; i += 2) {
      context.moveTo(spots[2 * edges[i]], spots[2 * edges[i] + 1])
      context.lineTo(spots[2 * edges[i + 1]], spots[2 * edges[i + 1] + 1])
    }
    context.strokeStyle = words
    context.globalAlpha = .16
    context.lineWidth = .7
    context.stroke()
    context.globalAlpha = .9
    data.marks.forEach(([colour, shape], kind) => {
      context.beginPath()
      for (let i = 0; i < spots.length / 2; i++)
        if (data.kinds[i] === kind) (SHAPES[shape] ?? SHAPES.circle)(context, spots[2 * i], spots[2 * i + 1], 2.1)
      context.fillStyle = colour
      context.fill()
    })
    context.globalAlpha = 1
    const change = state.scaled ? 0 : median / panel.medians[0] - 1
    map.querySelector(".change").textContent = panel.base ? "" : state.scaled ? "" : percent(change)
    const joined = panel.edges[before].length
      ? counts.toLocaleString("en") + " pairs joined" : "median distance " + median.toPrecision(3)
    map.querySelector(".pairs").textContent = [joined, panel.run].filter(Boolean).join(", ")
    map.setAttribute("aria-label", panel.name + ": median distance between prompts " + median.toPrecision(3)
      + (panel.base ? "" : ", " + percent(median / panel.medians[0] - 1) + " against its first step") + ". Opens its barcode.")
  }
  const stop = () => { cancelAnimationFrame(frame); clearTimeout(frame); begun = 0; draw() }
  const move = time => {
    if (!root.isConnected) return stop()
    if (still()) {
      const next = known.find(one => Math.log1p(one) / top > state.place + 1e-9)
      if (next === undefined) return stop()
      state.place = Math.log1p(next) / top
      draw()
      frame = setTimeout(move, 500)
      return
    }
    state.place = Math.min(1, state.place + (time - begun) / 1000 / SECONDS)
    begun = time
    if (state.place >= 1) return stop()
    draw()
    frame = requestAnimationFrame(move)
  }
  play.onclick = () => {
    if (begun) return stop()
    if (state.place >= 1) state.place = 0
    begun = performance.now()
    draw()
    frame = still() ? setTimeout(move, 500) : requestAnimationFrame(move)
  }
  at.oninput = () => { state.place = at.value / 1000; if (begun) stop(); else draw() }
  scaled.onchange = () => { state.scaled = scaled.checked; draw() }
  const watch = new ResizeObserver(draw)
  watch.observe(grid)
  const dark = new MutationObserver(draw)  // the theme was changed
  dark.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "style"] })
  root.mapsStop = () => { cancelAnimationFrame(frame); clearTimeout(frame); watch.disconnect(); dark.disconnect() }
  draw()
  return root.mapsStop
}
