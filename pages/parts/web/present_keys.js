const KEYS = {
  ArrowRight: "next", n: "next", ArrowLeft: "previous", p: "previous",
  PageDown: "slide-next", PageUp: "slide-previous", ArrowDown: "slide-next", ArrowUp: "slide-previous", Escape: "leave",
}
const FIELDS = "input, textarea, select, [contenteditable=true], [role=slider], [role=listbox], [role=combobox], "
  + "[role=dialog], [role=menu], [role=radiogroup], [data-testid=stDataFrame]"

const CELL = 665  // pixels in which the map, the bars and some prompts have room

const meaning = (event, on) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return null
  const path = event.composedPath()  // from inside a component's shadow, too
  if (path.some(one => one instanceof Element && one.matches(FIELDS))) return null
  if (!on) return event.key === "f" ? "enter" : null
  const word = KEYS[event.key] ?? null
  const turns = event.shiftKey && (word === "next" || word === "previous") && event.key.startsWith("Arrow")
  return turns ? "slide-" + word : word
}

// Charts on a canvas have as many pixels as the screen is said to have: said to have more, they stay sharp enlarged.
const native = Object.getOwnPropertyDescriptor(window, "devicePixelRatio")
const sharpen = zoom => Object.defineProperty(window, "devicePixelRatio", zoom === 1 ? native
  : { configurable: true, get: () => native.get.call(window) * zoom })

// Through the links of the navigation: a page that the server turns to would lose its address. An embedded page
// has none, and is visited anew.
const turn = (by, pages) => {
  const name = window.location.pathname.split("/").pop(), next = pages[Math.max(0, pages.indexOf(name)) + by]
  if (next === undefined) return
  const address = new URL("./" + next, window.location.href)
  const links = [...document.querySelectorAll("a[data-testid=stTopNavLink]")]
  const link = links.find(one => one.pathname === address.pathname)
  if (link) return link.click()
  const query = new URLSearchParams(window.location.search)
  for (const key of ["embed", "embed_options", "present", "study"])
    for (const value of query.getAll(key)) address.searchParams.append(key, value)
  window.location.assign(address)
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  parentElement.presentStop?.()
  // As large as the width and, where there is one slide, the height of the screen allow.
  const main = document.querySelector("[data-testid=stMainBlockContainer]")
  const root = document.documentElement.style
  let zoom = parseFloat(root.getPropertyValue("--present-zoom")) || 1
  root.setProperty("--present-zoom", zoom)  // that of the styles is for the time before
  const enlarge = () => {
    // The maps and the cell are as wide as they may be; a chart has its own width.
    const chart = main?.querySelector("[data-testid=stVegaLiteChart] :is(canvas, svg.marks)")
    const fluid = !chart || main.querySelector(".st-key-o_maps")
    const wide = fluid ? data.width : chart.getBoundingClientRect().width / zoom + 60
    const high = (main?.firstElementChild?.scrollHeight ?? 0) + 40
    // The cell takes the height there is: only the least it needs counts, or it would become smaller and smaller.
    const least = main?.querySelector(".st-key-cell") ? CELL : high
    const fits = Math.min(window.innerWidth / wide, window.innerHeight / least)
    const wanted = data.on ? Math.min(3, Math.max(.5, fits)) : 1
    if (Math.abs(wanted - zoom) < .01) return
    zoom = wanted
    root.setProperty("--present-zoom", zoom)
    sharpen(zoom)
  }
  enlarge()
  const watch = new ResizeObserver(enlarge)
  if (main) watch.observe(main)
  // A chart has its place before it is drawn: when it comes, nothing changes its size.
  const drawn = new MutationObserver(() => requestAnimationFrame(enlarge))
  if (main && data.on) drawn.observe(main, { childList: true, subtree: true })
  const listen = event => {
    const word = meaning(event, data.on)
    if (!word) return
    event.preventDefault()
    event.stopPropagation()
    const ends = word === "slide-next" ? data.last : word === "slide-previous" && data.first
    if (ends && !data.views) turn(word === "slide-next" ? 1 : -1, data.pages)
    else setTriggerValue("go", word)
  }
  window.addEventListener("keydown", listen, true)
  window.addEventListener("resize", enlarge)
  parentElement.presentStop = () => {
    window.removeEventListener("keydown", listen, true)
    window.removeEventListener("resize", enlarge)
    watch.disconnect()
    drawn.disconnect()
  }
  return parentElement.presentStop
}
