"use strict";
// Draws the charts of the report, moves their step, and keeps their colours with the page and with paper.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paper = matchMedia("print");
  const slider = document.getElementById("step");
  const views = new Map(); // key of a chart -> its Vega view
  const drawing = new Map(); // key of a chart -> the drawing of it that was asked for last
  let step = data.steps[data.steps.length - 1];
  let printing = false;

  const background = () => (dark.matches && !paper.matches && !printing ? "#0f1319" : "#ffffff");

  // Vega marks the rows it is given as its own: every call makes new ones.
  function rows(place) {
    const { n, columns } = data.tables[place];
    const table = Array.from({ length: n }, () => ({}));
    for (const [name, column] of Object.entries(columns)) {
      const at = Array.isArray(column)
        ? (i) => column[i]
        : "all" in column
          ? () => column.all
          : (i) => column.of[column.at[i]];
      for (let i = 0; i < n; i++) table[i][name] = at(i);
    }
    return table;
  }

  function patched(spec, patch) {
    const copy = structuredClone(spec);
    for (const [path, value] of patch) {
      const last = path[path.length - 1];
      path.slice(0, -1).reduce((part, key) => part[key], copy)[last] = structuredClone(value);
    }
    return copy;
  }

  // The chart of a series at the selected step, or at the last one before it.
  function cellOf(key) {
    const { cells } = data.charts[key];
    const picker = document.getElementById(`${key}-series`);
    const own = cells[picker ? picker.value : Object.keys(cells)[0]];
    const steps = Object.keys(own).map(Number);
    const before = steps.filter((one) => one <= step);
    return own[before.length ? Math.max(...before) : Math.min(...steps)];
  }

  function tablesOf(key) {
    const chart = data.charts[key];
    if (chart.cells) return cellOf(key).tables;
    return chart.moves ? { ...chart.tables, ...chart.moves[step] } : chart.tables;
  }

  async function draw(key) {
    const turn = (drawing.get(key) || 0) + 1;
    drawing.set(key, turn);
    const chart = data.charts[key];
    const spec = chart.cells ? patched(chart.spec, cellOf(key).patch) : structuredClone(chart.spec);
    const drawnAt = step;
    spec.background = background();
    spec.datasets = {};
    for (const [name, place] of Object.entries(tablesOf(key))) spec.datasets[name] = rows(place);
    // Drawn aside and put in place when it is whole, so that nothing flickers.
    const place = document.getElementById(`${key}-chart`);
    const aside = document.createElement("div");
    aside.className = "aside-drawing";
    place.append(aside);
    const drawn = await vegaEmbed(aside, spec, {
      ast: true, // expressions are interpreted: the page forbids code made from text
      renderer: "svg",
      config: data.config,
      actions: false, // the page has its own
    });
    if (drawing.get(key) !== turn) {
      drawn.finalize();
      aside.remove();
      return;
    }
    for (const old of [...place.children]) if (old !== aside) old.remove();
    aside.classList.remove("aside-drawing");
    views.get(key)?.finalize();
    views.set(key, drawn.view);
    if (chart.moves) {
      drawn.view.addSignalListener("step", (_, picked) => picked.step && select(picked.step[0]));
      if (drawnAt !== step) move(key);
    }
    repaint(drawn.view);
  }

  function move(key) {
    const view = views.get(key);
    if (!view) return;
    for (const [name, place] of Object.entries(data.charts[key].moves[step])) view.data(name, rows(place));
    view.runAsync();
  }

  function say(key) {
    const { question, answer } = cellOf(key);
    document.getElementById(`${key}-question`).textContent = question;
    document.getElementById(`${key}-answer`).textContent = answer;
  }

  function select(chosen) {
    if (!data.steps.includes(chosen)) return;
    step = chosen;
    if (slider) {
      slider.value = data.steps.indexOf(step);
      name();
    }
    for (const [key, chart] of Object.entries(data.charts)) {
      if (chart.moves) move(key);
      if (chart.cells) {
        say(key);
        draw(key);
      }
    }
  }

  function name() {
    const words = step.toLocaleString("en");
    slider.setAttribute("aria-valuetext", step === 0 ? "step 0, the base model" : `step ${words}`);
    document.getElementById("step-words").textContent = step === 0 ? "0 (base)" : words;
  }

  function repaint(view) {
    if (view.signal("background") !== background()) view.signal("background", background()).run();
  }

  function repaintAll() {
    for (const view of views.values()) repaint(view);
  }

  async function save(key, type) {
    const link = document.createElement("a");
    link.href = await views.get(key).toImageURL(type, 2);
    link.download = `${key}.${type}`;
    link.click();
  }

  // On paper everything is open and light; afterwards it is as it was.
  const opened = [];
  addEventListener("beforeprint", () => {
    printing = true;
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      opened.push(part);
    }
    repaintAll();
  });
  addEventListener("afterprint", () => {
    printing = false;
    for (const part of opened.splice(0)) part.open = false;
    repaintAll();
  });
  dark.addEventListener("change", repaintAll);
  paper.addEventListener("change", repaintAll);

  if (slider) {
    document.getElementById("steps").hidden = false;
    slider.value = data.steps.length - 1; // some browsers keep the value of the last visit
    slider.addEventListener("input", () => select(data.steps[Number(slider.value)]));
    for (const [id, by] of [["earlier", -1], ["later", 1]]) {
      document.getElementById(id).addEventListener("click", () => select(data.steps[data.steps.indexOf(step) + by]));
    }
    document.getElementById("steps").addEventListener("submit", (event) => event.preventDefault());
    name();
  }
  for (const [key, chart] of Object.entries(data.charts)) {
    if (chart.cells) {
      const picker = document.getElementById(`${key}-series`);
      if (picker) {
        picker.selectedIndex = 0;
        picker.addEventListener("change", () => {
          say(key);
          draw(key);
        });
      }
      say(key);
    }
  }
  for (const button of document.querySelectorAll("button[data-save]")) {
    button.addEventListener("click", () => save(button.dataset.chart, button.dataset.save));
  }
  Promise.all(Object.keys(data.charts).map(draw)).then(() => {
    document.documentElement.dataset.drawn = "all";
  });
})();
