// Keeps what a cell is drawn from, for the picture beside it. Shows nothing.
export default function ({ data }) {
  const scenes = window.toposcopeScenes ??= new Map()
  scenes.delete(data.key)
  scenes.set(data.key, data)
  while (scenes.size > 4) scenes.delete(scenes.keys().next().value)
  window.dispatchEvent(new Event("toposcope-scene"))
}
