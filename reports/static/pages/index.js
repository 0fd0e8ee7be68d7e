"use strict";
// The index: one choice of dataset, rate and metric for leaderboard, curves and pairs.

talkbench.page("index", (root, data) => {
  const $ = (id) => root.querySelector(`#${id}`);
  const RATES = { video: "Picture", audio: "Sound", total: "Both" };
  const STATUS = {
    ok: "", low_overlap: "low overlap", no_overlap: "no overlap",
    non_monotone: "not monotone", too_few_points: "too few points",
  };
  const state = { dataset: null, rate: null, metric: null };
  const board = () =>
    data.boards.find((b) => b.dataset === state.dataset && b.rate === state.rate && b.metric === state.metric);

  function choose(change) {
    Object.assign(state, change);
    const rates = unique(data.boards.filter((b) => b.dataset === state.dataset).map((b) => b.rate));
    if (!rates.includes(state.rate)) state.rate = rates[0];
    const metrics = data.boards
      .filter((b) => b.dataset === state.dataset && b.rate === state.rate)
      .map((b) => b.metric);
    if (!metrics.includes(state.metric)) state.metric = metrics[0];
    segments($("rates"), rates.map((rate) => [rate, RATES[rate]]), state.rate, (rate) => choose({ rate }));
    options($("metric"), metrics, state.metric);
    for (const part of root.querySelectorAll(".board, .view")) {
      const same = (key) => part.dataset[key] === undefined || part.dataset[key] === state[key];
      part.hidden = !(same("dataset") && same("rate") && same("metric"));
    }
    draw();
  }

  function drawCurves() {
    const shown = board();
    if (!shown || !$("curve-plot")) return;
    const metric = talkbench.common.metrics[shown.metric];
    const log = $("log").checked;
    const traces = [];
    for (const curve of shown.curves) {
      const hover = curve.kbps.map((kbps, i) =>
        `<b>${plain(curve.system)}</b> ${plain(curve.point[i])}<br>${plain(shown.metric)} ${show(curve.value[i])}` +
        `${metric.unit ? " " + plain(metric.unit) : ""}<br>${show(kbps)} kbit/s<br>` +
        `mean of ${clipsWord(curve.clips[i])}`);
      const common = { type: "scatter", legendgroup: curve.system, name: plain(curve.system), hoverinfo: "text" };
      const { line, marker } = systemLook(curve.system);
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
    Plotly.react("curve-plot", traces, layout({
      xaxis: rateAxis(`${shown.rate} rate in kbit/s${log ? ", logarithmic" : ""}`, log),
      yaxis: { title: { text: `${metricTitle(shown.metric)}  ${betterWord(shown.metric)}` } },
      ...(shown.reference === null ? {} : {
        shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: shown.reference, y1: shown.reference,
          line: { color: css("--quiet"), width: 1, dash: "dot" } }],
        annotations: [{ xref: "paper", x: 0, xanchor: "left", y: shown.reference, yanchor: "bottom", showarrow: false,
          text: "uncoded", font: { color: css("--quiet"), size: 11 } }],
      }),
      hovermode: "closest",
      legend: narrowScreen() ? { orientation: "h", yref: "container", yanchor: "bottom", y: 0 } : { itemsizing: "trace" },
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

  function draw() {
    drawCurves();
    drawMatrix();
  }

  $("log")?.addEventListener("change", draw);
  $("metric").addEventListener("change", (event) => choose({ metric: event.target.value }));
  $("dataset")?.addEventListener("change", (event) => choose({ dataset: event.target.value }));
  const datasets = unique(data.boards.map((row) => row.dataset));
  if ($("dataset")) options($("dataset"), datasets, datasets[0]);
  if (data.boards.length) choose({ dataset: datasets[0] });
  else root.querySelector(".toolbar").hidden = true;
  return { redraw: draw };
});
