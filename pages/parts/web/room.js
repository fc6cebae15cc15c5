// In steps, so that a scroll bar or a pixel more draws nothing anew.
const STEP = 20

export default function (component) {
  const { data, setTriggerValue } = component
  const measure = () => {
    const place = document.querySelector("[data-testid=stMainBlockContainer]")
    if (!place) return
    const style = getComputedStyle(place)
    const inner = place.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)
    const width = Math.min(data.most, Math.floor(inner / STEP) * STEP)
    if (width > 0 && width !== data.known) setTriggerValue("width", width)
  }
  measure()
  let waiting
  const later = () => { clearTimeout(waiting); waiting = setTimeout(measure, 400) }
  window.addEventListener("resize", later)
  return () => window.removeEventListener("resize", later)
}
