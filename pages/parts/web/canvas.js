// What is drawn on a canvas by several components; it stands in front of each.
const SHAPES = {
  circle: (c, x, y, r) => { c.moveTo(x + r, y); c.arc(x, y, r, 0, 6.2832) },
  square: (c, x, y, r) => c.rect(x - r * .9, y - r * .9, r * 1.8, r * 1.8),
  diamond: (c, x, y, r) => {
    c.moveTo(x, y - r * 1.2); c.lineTo(x + r * 1.2, y); c.lineTo(x, y + r * 1.2); c.lineTo(x - r * 1.2, y); c.closePath()
  },
  cross: (c, x, y, r) => { c.rect(x - r * 1.2, y - r * .4, r * 2.4, r * .8); c.rect(x - r * .4, y - r * 1.2, r * .8, r * 2.4) },
}
const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches
const bytes = words => Uint8Array.from(atob(words), letter => letter.charCodeAt(0)).buffer

// The steps before and after a step, and how far it is between them (along the logarithm, as the axis is).
const between = (steps, step) => {
  let after = steps.findIndex(one => one >= step)
  if (after < 0) after = steps.length - 1
  const before = Math.max(0, steps[after] === step ? after : after - 1)
  const [a, b] = [Math.log1p(steps[before]), Math.log1p(steps[after])]
  return [before, after, b > a ? (Math.log1p(step) - a) / (b - a) : 0]
}

// As many pixels as the screen has, and nothing on them.
const fit = (canvas, across, up) => {
  const dense = window.devicePixelRatio || 1
  const [wide, high] = [Math.round(across * dense), Math.round(up * dense)]
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide
    canvas.height = high
  }
  const context = canvas.getContext("2d")
  context.setTransform(dense, 0, 0, dense, 0, 0)
  context.clearRect(0, 0, across, up)
  return context
}
