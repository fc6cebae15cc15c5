// The address is read when the button is pressed: a slider moves it without a run of the whole page.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button"), words = button.querySelector("span")
  const box = parentElement.querySelector("input")
  words.textContent = "Copy link"
  button.title = "Copies a link to this page as it is now: study, choices and the selected bar."
  const link = () => {
    const url = new URL(window.location.href)
    for (const [key, values] of data.defaults)
      if (!url.searchParams.has(key)) for (const value of values) url.searchParams.append(key, value)
    url.searchParams.set("v", data.version)
    return url.href
  }
  const byHand = text => {  // without a secure context there is no clipboard to write to
    box.value = text
    box.hidden = false
    box.select()
    return document.execCommand("copy")
  }
  button.onclick = async () => {
    const text = link()
    let done = false
    try { await navigator.clipboard.writeText(text); done = true } catch { done = byHand(text) }
    box.hidden = done
    words.textContent = done ? "Copied" : "Press Ctrl+C"
    setTimeout(() => { words.textContent = "Copy link" }, 2500)
  }
}
