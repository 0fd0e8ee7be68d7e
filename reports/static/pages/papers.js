"use strict";
// The papers' tables for another system, pair, metric or rate; what stands first was made with the page.

talkbench.page("papers", (root, data, api) => {
  const $ = (id) => root.querySelector(`#papers-${id}`);
  if (!data.boards) return {};
  const { cell, absent, number, missing, line, head, CLIPS, arrow, metricHead, clipsCell, fill, at, ends, commonRate } = papersCells;
  const { read, mean, clipsOf } = papersVariants;
  const RATES = { video: "Video", audio: "Audio", total: "Both" };
  const MODES = [["points", "equal points"], ["rates", "equal rates"]];
  const STATUS = ["", "low overlap", "no overlap", "not monotone", "fewer than 3 points"];
  const NONE = { labels: [], absent: [] };
  const many = data.datasets.length > 1;
  const name = (index) => data.systems[index];
  const state = { dataset: 0 };
  const dataset = () => data.datasets[state.dataset];
  const boards = (rate, where = dataset()) => data.boards.filter((b) => b.dataset === where && b.rate === rate);
  const byLabel = (rate, where) => Object.fromEntries(boards(rate, where).map((b) => [`=${b.label}`, b]));
  const onRate = (rate, where) => {
    const found = new Set(data.boards.filter((b) => b.rate === rate && (!where || b.dataset === where)).flatMap((b) => b.systems));
    return [...found].sort((a, b) => a - b);
  };
  const ratesOf = (where) => data.rates.filter((rate) => data.boards.some((b) => b.rate === rate && (!where || b.dataset === where)));

  // Each drawing waits for its data; what a later choice has overtaken is not drawn.
  const turns = {};
  async function draw(id, make) {
    const turn = (turns[id] = (turns[id] ?? 0) + 1);
    try {
      const made = await make();
      if (turn === turns[id]) fill($(`${id}-table`), ...made);
    } catch (problem) {
      if (turn !== turns[id]) return;
      const columns = $(`${id}-table`).tHead.rows[0].cells.length;
      const reason = element("td", { class: "text why", colspan: columns }, `— ${problem.message}`);
      $(`${id}-table`).tBodies[0].replaceChildren(element("tr", { class: "missing" }, reason));
    }
  }

  // Boards with the curves of their systems, in order of the labels; unknown labels are left out.
  async function withCurves(rate, labels, where = dataset()) {
    const there = byLabel(rate, where);
    const shown = labels.map((label) => there[`=${label}`]).filter(Boolean);
    const curves = await Promise.all(shown.map((board) => api.part(board.key)));
    return shown.map((board, i) => ({ ...board, curve: (system) => curves[i].find((c) => c.system === system) }));
  }

  function picker(box, rate, where, chosen, change) {
    const labels = unique(data.boards.filter((b) => b.rate === rate && (!where || b.dataset === where)).map((b) => b.label));
    box.replaceChildren(...labels.map((label) => {
      const tick = element("input", { type: "checkbox", value: label });
      tick.checked = chosen.includes(label);
      tick.addEventListener("change", () => {
        const ticked = [...box.querySelectorAll("input")].filter((one) => one.checked).map((one) => one.value);
        // New ones go to the end, so that the columns that are there keep their places.
        change([...chosenNow().filter((one) => ticked.includes(one)), ...ticked.filter((one) => !chosenNow().includes(one))]);
      });
      return element("label", {}, tick, ` ${label}`);
    }));
    let now = chosen;
    const chosenNow = () => now;
    return (next) => { now = next; };
  }

  function metricPicker(id, rate, where, part, redraw) {
    const keep = picker($(`${id}-metrics`), rate, where, part.labels, (labels) => { part.labels = labels; keep(labels); redraw(); });
  }

  const gaps = (part) => part.absent.map(([metric, reason]) => missing(metric, reason));

  // ------------------------------------------------------------------------------------ BD-rates

  function startBd() {
    const part = (state.bd = {});
    function choose(rate) {
      Object.assign(part, { rate, test: data.first.bd[rate], ...data.choices.bd[rate] });
      segments($("bd-rate"), ratesOf().map((r) => [r, RATES[r]]), rate, (r) => { choose(r); drawBd(); });
      options($("bd-test"), onRate(rate).map((i) => [String(i), name(i)]), String(part.test));
      metricPicker("bd", rate, null, part, drawBd);
    }
    choose(data.rates[0]);
    $("bd-test").addEventListener("change", (event) => { part.test = Number(event.target.value); drawBd(); });
  }

  const bdRow = (found, board, to) =>
    found.find((one) => one.board === board.key)?.rows.find((one) => one[0] === to);

  function bdCell(board, found) {
    if (!found) return absent("not scored");
    const [, value, low, high, overlap, status, clips] = found;
    if (value === null) return absent(STATUS[status]);
    const sure = low !== null ? interval(low, high)
      : board.pooled ? "no interval: one value for all clips" : clips === 1 ? "no interval: one clip" : "no interval";
    const notes = [sure];
    if (overlap !== null) notes.push(`overlap ${overlap.toFixed(0)} %`);
    if (clips < board.expected) notes.push(`${clips} of ${board.expected} clips`);
    return cell(percent(value), { notes, flag: STATUS[status], look: tint(value) });
  }

  function tint(value) {
    const distance = Math.log10(Math.max(1 + value / 100, 1e-3));
    const step = Math.min(Math.floor(Math.abs(distance) / 0.06 + 0.5), 5);
    return step ? `${distance < 0 ? "less" : "more"}-${step}` : "";
  }

  const drawBd = () => draw("bd", async () => {
    const { rate, test, labels } = state.bd;
    const found = await api.part(`bd-${rate}-${test}`);
    const anchors = onRate(rate).filter((index) => index !== test);
    let lines = data.datasets.flatMap((where) => {
      const there = byLabel(rate, where);
      return labels.map((label) => {
        const board = there[`=${label}`];
        const rows = board && found.find((one) => one.board === board.key)?.rows;
        const full = many ? `${where}: ${label}` : label;
        if (!rows) return missing(full, `${name(test)} has no curve of it here`);
        const notes = board.pooled && board.unit ? [board.unit] : [];
        const metric = cell(`${full} ${arrow(board)}`, { kind: "metric", notes, marks: board.marks });
        return line([metric, ...anchors.map((to) => bdCell(board, rows.find((r) => r[0] === to)))]);
      });
    });
    lines.push(...gaps(state.bd));
    if (!anchors.length) lines = [missing(name(test), "the only system with a curve: no comparison possible", "system")];
    const heads = [head(many ? "dataset, at equal" : "at equal", "text"), ...anchors.map((to) => head(name(to), "system"))];
    return [heads, lines, { test: name(test), rate }];
  });

  // ------------------------------------------------------------------------------------ ablation

  function startAblation() {
    const part = (state.ablation = {});
    function choose(rate) {
      const systems = onRate(rate, dataset());
      const first = data.first.ablation[state.dataset].variants[rate]
        ?? { first: name(systems[0]) ?? "", second: name(systems[0]) ?? "", mode: "rates" };
      Object.assign(part, { rate, ...first, ...NONE, ...data.choices.ablation[state.dataset][rate] });
      segments($("ablation-rate"), ratesOf(dataset()).map((r) => [r, RATES[r]]), rate, (r) => { choose(r); drawAblation(); });
      for (const side of ["first", "second"]) options($(`ablation-${side}`), systems.map(name), part[side]);
      metricPicker("ablation", rate, dataset(), part, drawAblation);
      mode(part.mode);
    }
    function mode(wanted) {
      part.mode = wanted;
      segments($("ablation-mode"), MODES, wanted, (m) => { mode(m); drawAblation(); });
    }
    for (const side of ["first", "second"]) {
      $(`ablation-${side}`).addEventListener("change", (event) => { part[side] = event.target.value; drawAblation(); });
    }
    part.restart = () => choose(data.first.ablation[state.dataset].rate ?? ratesOf(dataset())[0]);
    part.restart();
  }

  const drawAblation = () => draw("ablation", async () => {
    const part = state.ablation;
    const shown = await withCurves(part.rate, part.labels);
    let lines = papersVariants.rows(shown, part);
    if (lines.length && part.first !== part.second) {
      const [first, second] = [part.first, part.second].map((system) => data.systems.indexOf(system));
      const found = await api.part(`bd-${part.rate}-${second}`);
      const cells = shown.map((board) => bdCell(board, bdRow(found, board, first)));
      lines.push(line([
        cell("BD-rate, second to first", { kind: "text" }), cell("", { kind: "text" }), cell(""), ...cells, cell(""),
      ], "whole"));
    }
    if (!lines.length) {
      const reason = !part.first ? "there are no two systems with curves to compare"
        : part.mode === "points" ? "no point of one has the name of a point of the other: compare at equal rates"
          : `${part.first} has no curve of these metrics to take rates from`;
      lines = [missing("points", reason, "text")];
    }
    const heads = [head("variant", "text"), head("point", "text"), head("kbit/s"), ...shown.map(metricHead), CLIPS];
    return [heads, [...lines, ...gaps(part)],
      { first: part.first, second: part.second, dataset: dataset(), rate: part.rate, how: data.how[part.mode] }];
  });

  // ------------------------------------------------------------------------------------ complexity

  const costBoards = () => data.boards.filter((b) => b.dataset === dataset() && b.rate !== "total");

  function startCost() {
    const part = (state.cost = {});
    part.restart = () => {
      const there = costBoards();
      part.board = data.first.cost[state.dataset] ?? there[0]?.key;
      part.kbps = null;
      options($("cost-metric"), there.map((b) => [b.key, `${b.label} over ${b.rate} rate`]), part.board);
    };
    part.restart();
    $("cost-metric").addEventListener("change", (event) => { Object.assign(part, { board: event.target.value, kbps: null }); drawCost(); });
    $("cost-kbps").addEventListener("change", (event) => { part.kbps = positive(event.target.value); drawCost(); });
  }

  const positive = (text) => (Number(text) > 0 && Number.isFinite(Number(text)) ? Number(text) : null);

  function costLine(board, curves, codec, kbps) {
    const rated = (row) => row[`kbps_${board.rate}`];
    if (codec.problem) return missing(codec.codec, codec.problem, "system");
    const mine = data.points.filter((row) => row.dataset === dataset() && row.codec === codec.codec && rated(row) > 0);
    if (!mine.length || kbps === null) return missing(codec.codec, "no clip was encoded and decoded", "system");
    const away = (row) => Math.abs(Math.log(rated(row) / kbps));
    const row = mine.reduce((a, b) => (away(b) < away(a) || (away(b) === away(a) && rated(b) < rated(a)) ? b : a));
    const curve = curves.find((one) => one.system === codec.codec);
    const found = mean(curve?.means.find((one) => one[0] === row.point));
    const kind = board.rate === "video" ? "fps" : "realtime";
    return line([
      cell(codec.codec, { kind: "system" }), cell(row.point, { kind: "text" }), number(rated(row), 3),
      found ? number(found.value) : absent("not scored"),
      ...["encode", "decode"].map((stage) => number(row[`${stage}_${kind}`], 3, "not timed")),
      cell(row.device || "— not recorded", { kind: "text" }), codec.parameters, row.memory,
      clipsCell([found ? found.clips : row.clips], board.expected),
    ]);
  }

  const drawCost = () => draw("cost", async () => {
    const part = state.cost;
    const board = data.boards.find((one) => one.key === part.board);
    if (!board) throw new Error("no codec alone has a scored point on this dataset");
    const curves = await api.part(board.key);
    const kbps = part.kbps ?? commonRate(onRate(board.rate, dataset()).map((i) => curves.filter((c) => c.system === name(i)))).kbps;
    $("cost-kbps").value = kbps === null ? "" : Number(kbps.toPrecision(4));
    const codecs = data.codecs.filter((codec) => codec.modalities.includes(board.rate));
    const lines = codecs.map((codec) => costLine(board, curves, codec, kbps));
    const unit = board.rate === "video" ? "frames/s" : "× realtime";
    const heads = [
      head("codec", "text"), head("point", "text"), head("kbit/s"), metricHead(board), head(`encode, ${unit} ↑`),
      head(`decode, ${unit} ↑`), head("device", "text"), head("parameters"), head("working memory ↓"), CLIPS,
    ];
    return [heads, lines.length ? lines : [missing("codec", "no codec of this rate is in the plan", "text")], {
      kbps: kbps === null ? "—" : show(kbps), rate: board.rate, dataset: dataset(), metric: board.label, hardware: data.hardware,
    }];
  });

  // ------------------------------------------------------------------------------------ lip sync

  function startSync() {
    const part = (state.sync = {});
    function choose(rate) {
      Object.assign(part, { rate, kbps: null, ...NONE, ...data.choices.sync[state.dataset][rate] });
      segments($("sync-rate"), ratesOf(dataset()).map((r) => [r, RATES[r]]), rate, (r) => { choose(r); drawSync(); });
      metricPicker("sync", rate, dataset(), part, drawSync);
    }
    part.restart = () => choose(data.first.sync[state.dataset] ?? ratesOf(dataset())[0]);
    part.restart();
    $("sync-kbps").addEventListener("change", (event) => { part.kbps = positive(event.target.value); drawSync(); });
  }

  function uncoded(shown) {
    if (shown.every((board) => board.reference === null)) {
      return missing("Ground truth", "the uncoded clips have no score of these metrics", "text");
    }
    const scored = shown.filter((board) => board.reference !== null).map((board) => board.referenceClips);
    return line([
      cell("Ground truth", { kind: "text", notes: ["uncoded"] }),
      ...shown.map((board) => (board.reference === null ? absent("") : number(board.reference))),
      cell("", { kind: "text" }), clipsCell(scored, shown[0].expected),
    ], "reference");
  }

  function range(curves) {
    const known = curves.filter((curve) => curve?.knots.length).map(ends);
    if (!known.length) return absent("no clip has every point");
    const [low, high] = [Math.max(...known.map((e) => e[0])), Math.min(...known.map((e) => e[1]))];
    return low > high ? absent("no common range") : cell(`${show(low, 3)}–${show(high, 3)}`);
  }

  const drawSync = () => draw("sync", async () => {
    const part = state.sync;
    const shown = await withCurves(part.rate, part.labels);
    const systems = onRate(part.rate, dataset()).map(name);
    const curvesOf = (system) => shown.map((board) => board.curve(system));
    const common = commonRate(systems.map((system) => curvesOf(system).filter(Boolean)));
    const kbps = part.kbps ?? common.kbps;
    $("sync-kbps").value = kbps === null ? "" : Number(kbps.toPrecision(4));
    $("sync-covered").textContent = kbps === null || !shown.length ? ""
      : `${common.covered(kbps)} of ${systems.length} systems were measured around it`;
    const lines = shown.length ? [uncoded(shown)] : [];
    for (const system of kbps === null ? [] : systems) {
      const curves = curvesOf(system);
      if (!curves.some(Boolean)) continue;
      lines.push(line([
        cell(system, { kind: "system" }), ...curves.map((curve) => read(curve && at(curve, kbps))), range(curves), clipsOf(shown, curves),
      ]));
    }
    if (!lines.some((one) => !one.kind)) lines.push(missing("lip sync", "no system has a curve to interpolate at a rate", "text"));
    const heads = [head("system", "text"), ...shown.map(metricHead),
      head("measured, kbit/s", "number", { hint: "the rates of the curve's first and last point" }), CLIPS];
    return [heads, [...lines, ...gaps(part)], { kbps: kbps === null ? "—" : show(kbps), rate: part.rate, dataset: dataset() }];
  });

  // ------------------------------------------------------------------------------------ all together

  const drawn = {};
  for (const [id, start, redraw] of [
    ["bd", startBd, drawBd], ["ablation", startAblation, drawAblation], ["cost", startCost, drawCost], ["sync", startSync, drawSync],
  ]) {
    if (!$(`${id}-table`)) continue;
    start();
    drawn[id] = redraw;
  }

  if ($("dataset")) {
    options($("dataset"), data.datasets.map((one, i) => [String(i), one]), "0");
    $("dataset").addEventListener("change", (event) => {
      state.dataset = Number(event.target.value);
      for (const part of root.querySelectorAll("[data-choice]")) part.hidden = part.dataset.dataset !== dataset();
      for (const id of ["ablation", "cost", "sync"]) {
        if (drawn[id]) { state[id].restart(); drawn[id](); }
      }
    });
  }
  // An open list of metrics closes when something else is clicked, or at Escape.
  const closeOthers = (target) => {
    for (const open of root.querySelectorAll("details.metrics[open]")) if (!open.contains(target)) open.open = false;
  };
  document.addEventListener("click", (event) => closeOthers(event.target));
  root.addEventListener("keydown", (event) => { if (event.key === "Escape") closeOthers(null); });
  return {};
});
