// A cell that moves: its map, its barcode, its Betti curves. The scene was sent once (cell_scene.js); the distance and
// the steps ask the server nothing while they move, and tell it where they rest. `data` is what a click changes: key of
// the scene, at, bar, marked (numbers of prompts), held (what the map shows of the bar), said (words and prompts).
const SWEEP = 6, WALK = 6  // seconds from one end to the other: of the distance, of the steps
const GLIDE = .2  // seconds from one step to another that was chosen elsewhere on the page
const REST = 200  // milliseconds after which a hand is taken to rest
const STILL = 450  // milliseconds a picture stands where motion is not wanted

const unpacked = scene => {
  const read = (kind, words) => words && new kind(bytes(words))
  const frames = scene.frames.map((one, number) => {
    const noise = number === scene.here ? scene.noise : null
    const bars = one.h0 === undefined ? null
      : [one.h0, one.h1].map((words, degree) => barsOf(read(Float64Array, words), degree, noise ? noise[degree] : null))
    return {
      step: one.step, noise, bars, curves: bars?.map((each, degree) => curveOf(each, degree ? 0 : 1)),
      points: read(Int16Array, one.points), edges: read(Uint16Array, one.edges), lengths: read(Float32Array, one.lengths),
    }
  })
  const own = scene.own && Object.fromEntries(Object.entries(scene.own).map(([name, words]) =>
    [name, read(["lengths", "diameters"].includes(name) ? Float32Array : Uint16Array, words)]))
  return { ...scene, frames, own, steps: frames.map(one => one.step) }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement, find = name => root.querySelector(name)
  root.cellStop?.()
  const whole = find(".cell"), map = find(".map"), barcode = find(".bars"), tip = find(".tip"), said = find(".said")
  const grow = find(".grow"), walk = find(".walk"), at = find(".at"), walker = find(".step"), chooser = find(".bar")
  const known = window.toposcopeScenes?.get(data.key)
  if (!known) {  // it is on its way
    const wait = () => window.toposcopeScenes?.has(data.key) && redo()
    const redo = () => { window.removeEventListener("toposcope-scene", wait); root.cellAgain?.() }
    root.cellAgain = () => start(root, data, setStateValue)
    window.addEventListener("toposcope-scene", wait)
    root.cellStop = () => window.removeEventListener("toposcope-scene", wait)
    return root.cellStop
  }
  return start(root, data, setStateValue)

  function start(root, data, setStateValue) {
    root.cellStop?.()
    const scene = unpacked(window.toposcopeScenes.get(data.key))
    const own = scene.frames[scene.here], top = Math.log1p(scene.steps[scene.steps.length - 1]) || 1
    const state = root.cellState ??= { told: {}, sent: {}, marked: [] }
    const came = state.step
    // What the server says counts where it is news; its echo of what was sent from here does not take a hand back.
    for (const [name, value] of Object.entries({ at: data.at, bar: data.bar, marked: data.marked, step: own.step, key: data.key })) {
      const words = JSON.stringify(value)
      if (state.told[name] === words) continue
      state.told[name] = words
      if (JSON.stringify(state.sent[name]) !== words || state[name] === undefined) state[name] = value
      if (name === "key") state.hovered = state.pointed = null
    }
    const timers = {}
    let frame = 0, playing = "", begun = 0, spots = null, pending = 0, walked = null

    const settled = () => state.step === own.step
    const moment = () => between(scene.steps, state.step)
    const shownFrame = () => {
      const [before] = moment()
      return scene.frames[before].bars ? scene.frames[before] : own
    }
    const tell = (name, value, now = false) => {
      clearTimeout(timers[name])
      timers[name] = setTimeout(() => {
        if (JSON.stringify(value) === state.told[name]) return
        state.sent[name] = value
        setStateValue(name, value)
      }, now ? 0 : REST)
    }
    const numberOf = prompt => scene.prompts.indexOf(prompt)
    const held = () => settled() && state.bar === data.bar ? data.held : {}
    const simplex = bar => {  // what begins and ends a bar, until the server has said more
      if (!scene.own || !bar || bar.place === undefined || !settled()) return {}
      const { merges, births, deaths } = scene.own, k = bar.place
      return bar.degree ? { edge: [...births.subarray(2 * k, 2 * k + 2)], triangle: [...deaths.subarray(3 * k, 3 * k + 3)] }
        : { edge: [...merges.subarray(2 * k, 2 * k + 2)] }
    }
    const barNamed = name => shownFrame().bars.flat().find(one => one.name === name)
    const touched = () => {
      const points = new Set(state.marked.map(numberOf)), found = new Set()
      if (points.size && settled()) own.bars?.flat().forEach(bar => {
        const { edge = [], triangle = [] } = simplex(bar)
        if ([...edge, ...triangle].some(one => points.has(one))) found.add(bar.degree + " " + bar.place)
      })
      return found
    }

    // --- drawing -----------------------------------------------------------------------------------
    const ink = () => {
      const style = getComputedStyle(whole), value = name => style.getPropertyValue(name).trim()
      const words = value("--st-text-color") || style.color
      return { words, ground: value("--st-background-color") || "#fff", border: value("--st-border-color") || "#ccc",
        primary: value("--st-primary-color") || words, font: value("--st-font") || "sans-serif",
        held: value("--held"), mark: value("--mark"), tone: value("--tone") }
    }
    const layers = {}
    let theme = null
    const draw = () => { if (!pending) pending = requestAnimationFrame(() => { pending = 0; paint() }) }
    const paint = () => {
      if (!map.clientWidth || !barcode.clientWidth) return  // not on the page at this moment
      root.cellFrames = (root.cellFrames ?? 0) + 1
      const colours = theme ??= ink(), when = moment(), here = shownFrame(), rest = settled()
      const [across, up] = [map.clientWidth, map.clientHeight]
      spots = spotsOf(scene, when, across, up)
      const complex = joined(scene, scene.frames[when[0]], rest ? scene.own : null, state.at)
      const context = fit(map, across, up)
      if (spots) {
        const shape = held().edge || held().first ? held() : simplex(barNamed(state.bar))
        const points = state.marked.map(numberOf).filter(one => one >= 0)
        const stamp = [data.key, rest, ...when, across, up, window.devicePixelRatio, colours.words].join()
        paintMap(context, scene, spots, complex, shape, points, state.pointed ?? -1, colours, layers, stamp, across, up)
      }
      if (box) { context.setLineDash([4, 3]); context.strokeStyle = colours.mark; context.strokeRect(...box); context.setLineDash([]) }
      const [wide, high] = [barcode.clientWidth, barcode.clientHeight]
      paintBars(fit(barcode, wide, high), scene, here, layout(scene, here, wide, high), state.at, state.bar, state.hovered,
        touched(), colours, wide, high)
      words(here, complex, rest)
    }
    const words = (here, complex, rest) => {
      const count = (number, noun) => number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s")
      const [pieces, loops] = betti(here, state.at)
      let line = `At ${shown(state.at)}: ${count(pieces, "component")}, ${count(loops, "loop")}`
      if (complex.edges) line += complex.all && rest ? `, the ${count(complex.pairs, "shortest pair")} joined` : `, ${count(complex.pairs, "pair")} joined`
      put(".counts", line)
      put(".far", shown(state.at))
      put(".when", "step " + Math.round(state.step).toLocaleString("en"))
      put(".grow", playing === "grow" ? "Pause" : "\u25b6 Distance")
      put(".walk", playing === "walk" ? "Pause" : "\u25b6 Steps")
      at.value = state.at
      at.setAttribute("aria-valuetext", line)
      walker.value = Math.round(1000 * Math.log1p(state.step) / top)
      walker.setAttribute("aria-valuetext", "step " + Math.round(state.step))
      said.classList.toggle("old", !rest || state.bar !== data.bar)
      find(".noise").classList.toggle("old", !rest)
      if (chooser.value !== state.bar) chooser.value = state.bar
      const bar = barNamed(state.bar)
      find(".born").disabled = find(".died").disabled = !bar
    }
    const put = (name, text) => { const one = find(name); if (one.textContent !== text) one.textContent = text }

    // --- what stands -------------------------------------------------------------------------------
    const build = () => {
      whole.classList.toggle("large", data.large)
      whole.dataset.ring = data.ring
      whole.classList.toggle("dark", dark(getComputedStyle(whole).getPropertyValue("--st-background-color")))
      map.setAttribute("aria-label", scene.alt + " " + data.about)
      barcode.setAttribute("aria-label", "Barcode. " + data.sentence)
      const nothing = find(".nothing")
      nothing.hidden = Boolean(own.points)
      nothing.textContent = data.nothing
      put(".noise", data.noise)
      Object.assign(at, { max: scene.last, step: scene.tick / 4 })
      find(".walking").hidden = scene.steps.length < 2
      find(".walking").style.display = scene.steps.length < 2 ? "none" : ""
      find(".legend").replaceChildren(...(scene.marks.length < 2 ? [] : scene.marks).map(([colour, shape, name]) => {
        const one = document.createElement("span"), sign = document.createElement("i")
        sign.textContent = SIGNS[shape] ?? SIGNS.circle
        sign.style.color = colour
        one.append(sign, name || "no category")
        return one
      }))
      const names = own.bars.flatMap(bars => bars.map(bar => bar.name)), number = name => Number(name.split(" ")[2])
      const options = [...names.filter(one => one[1] === "1").sort((a, b) => number(a) - number(b)),
        ...names.filter(one => one[1] === "0").sort((a, b) => number(a) - number(b)), "H0 endless"]
      if (chooser.dataset.names !== options.join()) {
        chooser.dataset.names = options.join()
        chooser.replaceChildren(...options.map(one => new Option(one)))
      }
      tellPrompts(said, data.said, scene)
    }

    // --- motion ------------------------------------------------------------------------------------
    const stop = () => {
      cancelAnimationFrame(frame)
      clearTimeout(frame)
      const was = playing
      playing = ""
      if (was === "grow") tell("at", state.at)
      if (was === "walk") arrive()
      draw()
    }
    const arrive = () => {  // the steps rest at a checkpoint, and the server is told which
      state.step = scene.steps.reduce((a, b) => Math.abs(Math.log1p(b) - Math.log1p(state.step)) < Math.abs(Math.log1p(a) - Math.log1p(state.step)) ? b : a)
      tell("step", state.step)
    }
    const tick = time => {
      if (!root.isConnected) return stop()
      const part = (time - begun) / 1000, jump = still()
      begun = time
      if (playing === "grow") {
        state.at = Math.min(scene.last, state.at + (jump ? scene.last / 12 : scene.last * part / SWEEP))
        if (state.at >= scene.last) return stop()
      } else if (jump) {
        const next = scene.steps.find(one => one > state.step)
        if (next === undefined) return stop()
        state.step = next
      } else {
        state.step = Math.min(Math.expm1(top), Math.expm1(Math.log1p(state.step) + top * part / WALK))
        if (Math.log1p(state.step) >= top - 1e-9) { state.step = scene.steps[scene.steps.length - 1]; return stop() }
      }
      paint()
      frame = jump ? setTimeout(() => tick(performance.now()), STILL) : requestAnimationFrame(tick)
    }
    const play = what => () => {
      const again = playing === what
      if (playing) stop()
      if (again) return
      if (what === "grow" && state.at >= scene.last * .995) state.at = 0
      if (what === "walk" && state.step >= scene.steps[scene.steps.length - 1]) state.step = scene.steps[0]
      playing = what
      begun = performance.now()
      frame = requestAnimationFrame(tick)
    }
    grow.onclick = play("grow")
    walk.onclick = play("walk")
    at.oninput = () => { if (playing) stop(); state.at = Number(at.value); draw(); tell("at", state.at) }
    walker.oninput = () => { if (playing) stop(); state.step = Math.expm1(walker.value / 1000 * top); draw() }
    walker.onchange = () => { arrive(); draw() }

    // --- choosing ----------------------------------------------------------------------------------
    const select = name => {
      state.bar = name
      const bar = barNamed(name)
      if (bar && !(bar.birth <= state.at && state.at < bar.death)) {  // to where it is alive
        state.at = (bar.birth + bar.death) / 2
        tell("at", state.at, true)
      }
      tell("bar", name, true)
      draw()
    }
    chooser.onchange = () => select(chooser.value)
    const to = end => () => { state.at = barNamed(state.bar)?.[end] ?? state.at; draw(); tell("at", state.at) }
    find(".born").onclick = to("birth")
    find(".died").onclick = to("death")
    const mark = prompts => { state.marked = prompts; tell("marked", prompts, true); draw() }
    const toggle = point => {
      const prompt = scene.prompts[point]
      mark(state.marked.includes(prompt) ? state.marked.filter(one => one !== prompt) : [...state.marked, prompt].sort((a, b) => a - b))
    }
    const spot = (event, canvas) => {  // present mode enlarges the page: pixels of the screen are not those of the canvas
      const box = canvas.getBoundingClientRect()
      return [(event.clientX - box.left) * canvas.clientWidth / box.width, (event.clientY - box.top) * canvas.clientHeight / box.height]
    }
    const hint = (canvas, x, y, text) => {
      tip.hidden = !text
      if (!text) return
      tip.textContent = text
      const room = whole.getBoundingClientRect(), box = canvas.getBoundingClientRect(), zoom = box.width / canvas.clientWidth || 1
      const left = (box.left - room.left) / zoom + x, above = (box.top - room.top) / zoom + y
      tip.style.left = Math.max(0, Math.min(left + 12, whole.clientWidth - tip.offsetWidth)) + "px"
      tip.style.top = Math.max(0, above - tip.offsetHeight - 10) + "px"
    }
    const point = place => {
      state.pointed = place < 0 ? null : place
      hint(map, spots?.[2 * place] ?? 0, spots?.[2 * place + 1] ?? 0, place < 0 ? "" : scene.texts[place])
      draw()
    }
    let box = null, from = null
    map.onpointermove = event => {
      const [x, y] = spot(event, map)
      if (from) { box = [Math.min(x, from[0]), Math.min(y, from[1]), Math.abs(x - from[0]), Math.abs(y - from[1])]; return draw() }
      const place = nearest(spots, x, y)
      if ((place < 0 ? null : place) !== state.pointed) point(place)
    }
    map.onpointerdown = event => { if (event.pointerType === "mouse" && spots) { from = spot(event, map); map.setPointerCapture(event.pointerId) } }
    map.onpointerup = event => {
      const [left, above, wide, high] = box ?? [0, 0, 0, 0]
      from = box = null
      if (wide + high > 12) {
        const inside = scene.prompts.filter((_, i) => spots[2 * i] >= left && spots[2 * i] <= left + wide
          && spots[2 * i + 1] >= above && spots[2 * i + 1] <= above + high)
        return mark(inside)
      }
      const place = nearest(spots, ...spot(event, map))
      if (place >= 0) toggle(place)
      else if (state.marked.length) mark([])
    }
    map.onpointerleave = () => point(-1)
    map.onkeydown = event => {  // from prompt to prompt, and Enter marks one
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], n = scene.prompts.length
      if (by && spots) point((((state.pointed ?? (by > 0 ? -1 : n)) + by) % n + n) % n)
      else if ((event.key === "Enter" || event.key === " ") && state.pointed !== null) toggle(state.pointed)
      else if (event.key === "Escape" && state.marked.length) mark([])
      else return
      event.preventDefault()
      event.stopPropagation()
    }
    map.onblur = () => point(-1)
    const barUnder = event => {
      const [, y] = spot(event, barcode)
      return rowAt(scene, shownFrame(), barcode.clientWidth, barcode.clientHeight, y)?.bar ?? null
    }
    barcode.onpointermove = event => {
      const bar = barUnder(event), [x, y] = spot(event, barcode)
      if (bar === state.hovered) return
      state.hovered = bar
      hint(barcode, x, y, bar && bar.name + (bar.place === undefined ? "" : `: ${shown(bar.birth)} to ${shown(bar.death)}`)
        + (bar.pale ? ", not longer than noise" : ""))
      draw()
    }
    barcode.onpointerleave = () => { state.hovered = null; hint(barcode, 0, 0, ""); draw() }
    barcode.onclick = event => { const bar = barUnder(event); if (bar) select(bar.name) }

    const watch = new ResizeObserver(draw)
    watch.observe(map)
    watch.observe(barcode)
    const themed = new MutationObserver(() => { theme = null; build(); draw() })
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "style"] })
    root.cellStop = () => {
      cancelAnimationFrame(frame)
      clearTimeout(frame)
      cancelAnimationFrame(pending)
      watch.disconnect()
      themed.disconnect()
    }
    build()
    if (came !== undefined && came !== state.step && !still() && scene.steps.length > 1) {  // the server moved the step: it is seen
      const [start, end, since] = [Math.log1p(came), Math.log1p(state.step), performance.now()]
      const glide = now => {
        const part = Math.min(1, (now - since) / 1000 / GLIDE)
        state.step = part < 1 ? Math.expm1(start + (end - start) * part) : own.step
        paint()
        if (part < 1) frame = requestAnimationFrame(glide)
      }
      state.step = came
      frame = requestAnimationFrame(glide)
    }
    paint()
    return root.cellStop
  }
}

// Whether a colour is dark.
const dark = colour => {
  const canvas = document.createElement("canvas").getContext("2d")
  canvas.fillStyle = colour.trim() || "#fff"
  canvas.fillRect(0, 0, 1, 1)
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data
  return red * .3 + green * .6 + blue * .1 < 110
}

// The words on the selected bar and its prompts. All of it is text, whatever a prompt says.
const tellPrompts = (place, parts, scene) => {
  const made = (tag, text, name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name })
  const signs = Object.fromEntries(scene.marks.map(([colour, shape, name]) => [name, [SIGNS[shape] ?? SIGNS.circle, colour]]))
  place.replaceChildren(...parts.flatMap(({ words, prompts }, number) => {
    const list = made("ol", "")
    for (const [mark, text, category] of prompts) {
      const one = made("li", ""), left = made("b", mark + " "), right = made("span", text + " ")
      if (scene.marks.length > 1 && signs[category]) {
        const sign = made("i", signs[category][0])
        sign.style.color = signs[category][1]
        left.append(sign)
      }
      if (category) right.append(made("small", category))
      one.append(left, right)
      list.append(one)
    }
    return [made("p", words, number ? "" : "first"), ...(prompts.length ? [list] : [])]
  }))
}
