"use strict";
// Draws the page's figures from the JSON in #data, and keeps all of them on one dataset, rate and metric.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "x-thin-open", "cross-thin-open"];
const LOG_TICKS = [-3, -2, -1, 0, 1, 2, 3, 4].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const RATES = { video: "Picture", audio: "Sound", total: "Both" };
const STATUS = {
  ok: "", low_overlap: "low overlap", no_overlap: "no overlap",
  non_monotone: "not monotone", too_few_points: "too few points",
};
const state = { dataset: null, rate: null, metric: null };

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (index) => css(`--c${index % 7}`);
// Plotly reads a little HTML in labels; names are data, not markup.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const show = (value, digits = 4) => {
  const text = Number(value).toPrecision(digits);
  return (text.includes("e") ? String(Math.round(value)) : text.includes(".") ? text.replace(/\.?0+$/, "") : text)
    .replace("-", "−");
};
const percent = (value) => {
  const text = Math.abs(value) < 99.95 ? value.toFixed(1) : value.toFixed(0);
  return Number(text) === 0 ? "0 %" : `${value > 0 ? "+" : ""}${text} %`.replace("-", "−");
};
const unique = (values) => [...new Set(values)];
const board = () =>
  data.boards.find((b) => b.dataset === state.dataset && b.rate === state.rate && b.metric === state.metric);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// ---------------------------------------------------------------- one choice for all sections

function choose(change) {
  Object.assign(state, change);
  const rates = unique(data.boards.filter((b) => b.dataset === state.dataset).map((b) => b.rate));
  if (!rates.includes(state.rate)) state.rate = rates[0];
  const metrics = data.boards
    .filter((b) => b.dataset === state.dataset && b.rate === state.rate)
    .map((b) => b.metric);
  if (!metrics.includes(state.metric)) state.metric = metrics[0];

  $("rates").replaceChildren(...rates.map((rate) => {
    const checked = rate === state.rate;
    const button = element("button", {
      type: "button", role: "radio", "aria-checked": checked, tabindex: checked ? 0 : -1, "data-rate": rate,
    }, RATES[rate]);
    button.addEventListener("click", () => { choose({ rate }); $("rates").querySelector('[tabindex="0"]').focus(); });
    return button;
  }));
  options($("metric"), metrics, state.metric);
  for (const part of document.querySelectorAll(".board, .view")) {
    const same = (key) => part.dataset[key] === undefined || part.dataset[key] === state[key];
    part.hidden = !(same("dataset") && same("rate") && same("metric"));
  }
  ledgerCodecs();
  draw();
}

function options(select, values, chosen) {
  select.replaceChildren(...values.map((value) => {
    const option = element("option", { value }, value);
    option.selected = value === chosen;
    return option;
  }));
}

$("rates").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...$("rates").children];
  const at = buttons.findIndex((button) => button.dataset.rate === state.rate);
  buttons[(at + step + buttons.length) % buttons.length].click();
});

// ---------------------------------------------------------------- figures

function layout(extra) {
  const axis = {
    gridcolor: css("--rule"), linecolor: css("--quiet"), zeroline: false, ticks: "outside",
    tickcolor: css("--rule"), automargin: true,
  };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 60, r: 12, t: 12, b: 48 },
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: css("--ink") },
    hoverlabel: { bgcolor: css("--raised"), bordercolor: css("--rule"), font: { color: css("--ink") } },
    ...extra, xaxis: { ...axis, ...extra.xaxis }, yaxis: { ...axis, ...extra.yaxis },
  };
}

const CONFIG = {
  responsive: true, displaylogo: false, toImageButtonOptions: { format: "svg", filename: "talkbench" },
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};

function drawCurves() {
  const shown = board();
  if (!shown || !$("curve-plot")) return;
  const metric = data.metrics[shown.metric];
  const log = $("log").checked;
  const name = shown.metric + (metric.unit ? ` (${metric.unit})` : "");
  const traces = [];
  for (const curve of shown.curves) {
    const look = data.systems[curve.system];
    const hover = curve.kbps.map((kbps, i) =>
      `<b>${plain(curve.system)}</b> ${plain(curve.point[i])}<br>${plain(shown.metric)} ${show(curve.value[i])}` +
      `${metric.unit ? " " + plain(metric.unit) : ""}<br>${show(kbps)} kbit/s<br>` +
      `mean of ${curve.clips[i]} clip${curve.clips[i] === 1 ? "" : "s"}`);
    const common = { type: "scatter", legendgroup: curve.system, name: plain(curve.system), hoverinfo: "text" };
    const line = { color: colour(look.colour), dash: DASHES[look.dash], width: 2 };
    const marker = { color: colour(look.colour), symbol: SYMBOLS[look.symbol], size: 8 };
    if (look.symbol >= 5) marker.line = { color: colour(look.colour), width: 2 };
    const pick = (values, keep) => values.filter((_, i) => keep(i));
    // A ladder is drawn as measured; of a grid only the front is a curve, and the other settings stay faint.
    const onLine = (i) => !curve.grid || curve.front.includes(i);
    traces.push({
      ...common, mode: "lines+markers", line, marker,
      x: pick(curve.kbps, onLine), y: pick(curve.value, onLine), hovertext: pick(hover, onLine),
    });
    const off = (i) => !onLine(i);
    if (curve.kbps.some((_, i) => off(i))) {
      traces.push({
        ...common, mode: "markers", showlegend: false, opacity: 0.3, marker: { ...marker, size: 5 },
        x: pick(curve.kbps, off), y: pick(curve.value, off), hovertext: pick(hover, off),
      });
    }
  }
  const narrow = window.innerWidth < 740;
  Plotly.react("curve-plot", traces, layout({
    xaxis: {
      type: log ? "log" : "linear", title: { text: `${shown.rate} rate in kbit/s${log ? ", logarithmic" : ""}` },
      ...(log ? { tickvals: LOG_TICKS, ticktext: LOG_TICKS.map((v) => show(v, 1)) } : { rangemode: "tozero" }),
    },
    yaxis: { title: { text: `${plain(name)}  ${metric.higher ? "↑ higher" : "↓ lower"} is better` } },
    ...(shown.reference === null ? {} : {
      shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: shown.reference, y1: shown.reference,
        line: { color: css("--quiet"), width: 1, dash: "dot" } }],
      annotations: [{ xref: "paper", x: 0, xanchor: "left", y: shown.reference, yanchor: "bottom", showarrow: false,
        text: "uncoded", font: { color: css("--quiet"), size: 11 } }],
    }),
    hovermode: "closest",
    legend: narrow ? { orientation: "h", yref: "container", yanchor: "bottom", y: 0 } : { itemsizing: "trace" },
  }), CONFIG);
  const grid = shown.curves.some((curve) => curve.grid);
  $("curve-caption").textContent =
    `${shown.metric} (${metric.higher ? "higher" : "lower"} is better) over the ${shown.rate} rate, ${shown.dataset}. ` +
    "Each point is the mean over the clips that have a score there; hover says how many. " +
    (grid ? "Strong points joined by a line are the Pareto front of a grid of settings, faint ones its other settings. " : "") +
    (shown.reference === null ? "" : `Dotted: the clips themselves, uncoded (${show(shown.reference)}). `) +
    "Straight lines only join points; BD-rates interpolate with PCHIP. Click a name to hide it.";
}

function drawMatrix() {
  const shown = board();
  const table = $("matrix-table");
  if (!shown || !table) return;
  const names = shown.curves.map((curve) => curve.system);
  const head = element("tr", {}, element("th", { class: "text", scope: "col" }, "test ╲ anchor"),
    ...names.map((name) => element("th", { class: "number", scope: "col" }, name)));
  const rows = shown.matrix.map((cells, i) => element("tr", {}, element("th", { class: "text", scope: "row" }, names[i]),
    ...cells.map((cell) => {
      if (cell === null) return element("td", { class: "number self" }, "·");
      const [value, overlap, status] = cell;
      const small = STATUS[status] ? [" ", element("small", {}, STATUS[status])] : [];
      if (value === null) {
        return element("td", { class: "number" }, element("span", { class: "none" }, "—", ...small));
      }
      const ratio = Math.log10(Math.max(1 + value / 100, 1e-3));
      const step = Math.min(Math.floor(Math.abs(ratio) / 0.06 + 0.5), 5);
      const tint = step ? ` ${ratio < 0 ? "less" : "more"}-${step}` : "";
      return element("td", { class: `number${tint}`, title: `overlap ${Math.round(overlap)} % of the joint quality range` },
        percent(value), ...small);
    })));
  table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  $("matrix-caption").textContent =
    `BD-rate of the row's system against the column's, at equal ${shown.metric}, over the ${shown.rate} rate, ` +
    `${shown.dataset}: curves of means over the clips that both cover. Blue: the row needs less rate. ` +
    "No intervals here; the leaderboard has them against its anchor.";
}

function ledgerCodecs() {
  if (!$("ledger-codec")) return;
  const codecs = unique(data.ledger.filter((row) => row.dataset === state.dataset).map((row) => row.codec));
  const before = $("ledger-codec").value;
  // The first look is at the codec with the most to tell.
  const parts = (codec) => Math.max(...data.ledger.filter((r) => r.codec === codec).map((r) => Object.keys(r.parts).length));
  const richest = codecs.reduce((best, codec) => (parts(codec) > parts(best) ? codec : best), codecs[0]);
  options($("ledger-codec"), codecs, codecs.includes(before) ? before : richest);
}

function drawLedger() {
  if (!$("ledger-plot")) return;
  const codec = $("ledger-codec").value;
  const rows = data.ledger.filter((row) => row.dataset === state.dataset && row.codec === codec);
  const share = $("share").checked;
  const names = unique(rows.flatMap((row) => Object.keys(row.parts)));
  const totals = rows.map((row) => Object.values(row.parts).reduce((sum, value) => sum + value, 0));
  const traces = names.map((name, index) => ({
    type: "bar", name: plain(name), marker: { color: colour(index), pattern: { shape: ["", "/", "x", "."][Math.floor(index / 7) % 4] } },
    x: rows.map((row) => plain(row.point)),
    y: rows.map((row, i) => share ? (totals[i] ? 100 * row.parts[name] / totals[i] : null) : row.parts[name]),
    hoverinfo: "text",
    hovertext: rows.map((row, i) => `<b>${plain(name)}</b> at ${plain(row.point)}<br>${show(row.parts[name])} kbit/s` +
      (totals[i] ? `, ${show(100 * row.parts[name] / totals[i], 3)} % of ${show(totals[i])}` : "") +
      `<br>mean of ${row.clips} clip${row.clips === 1 ? "" : "s"}`),
  }));
  Plotly.react("ledger-plot", traces, layout({
    barmode: "stack", bargap: 0.35, showlegend: true, legend: { traceorder: "normal", orientation: "h", y: 1.12 },
    xaxis: { type: "category", title: { text: `${plain(codec)}: points, lowest rate first` } },
    yaxis: { title: { text: share ? "% of the stream" : "kbit/s" }, rangemode: "tozero" },
  }), CONFIG);
  $("ledger-caption").textContent =
    `What ${codec} sends, by part of its bitstream: mean over the encoded clips of ${state.dataset} at each point. ` +
    "All of it is billed; framing is not part of it.";
}

function draw() {
  drawCurves();
  drawMatrix();
  drawLedger();
}

// ---------------------------------------------------------------- sorting

function sortBy(header) {
  const table = header.closest("table");
  const at = [...header.parentElement.children].indexOf(header);
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = (row) => row.children[at].dataset.sort ?? row.children[at].textContent;
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === "");  // what is missing stays last both ways
    const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    return down ? -order : order;
  };
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(compare));
}

for (const button of document.querySelectorAll(".sort")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

// ---------------------------------------------------------------- theme

const dark = matchMedia("(prefers-color-scheme: dark)");
$("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  draw();
});
dark.addEventListener("change", draw);

// ---------------------------------------------------------------- start

for (const id of ["log", "share", "ledger-codec"]) $(id)?.addEventListener("change", draw);
$("metric").addEventListener("change", (event) => choose({ metric: event.target.value }));
$("dataset")?.addEventListener("change", (event) => choose({ dataset: event.target.value }));
const datasets = unique([...data.boards, ...data.ledger].map((row) => row.dataset));
if ($("dataset")) options($("dataset"), datasets, datasets[0]);
if (data.boards.length) {
  choose({ dataset: data.boards[0].dataset });
} else {
  document.querySelector(".controls").hidden = true;
  state.dataset = datasets[0];
  ledgerCodecs();
  drawLedger();
}
