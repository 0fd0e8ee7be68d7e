"use strict";
// The index: one choice of dataset, rate, metric, anchor and systems for all of its tables and figures. The choice
// stands in the address, so that a link shows what its sender saw; a board's numbers are loaded when it is chosen.

talkbench.page("index", (root, data, api) => {
  const $ = (id) => root.querySelector(`#index-${id}`);
  if (!data.boards.length) return {};
  indexTables.setup(data);
  const RATES = { video: "Video", audio: "Audio", total: "Both" };
  const FAMILY_WORDS = { floor: "baseline", none: "no weights" };  // other families and weights are their own words
  const CODINGS = { "": "All", joint: "Joint", separate: "Separate" };
  const SWITCHES = ["log", "bands", "clips", "hull"];
  const MOST_DRAWN = 12;   // curves that one figure shows by default
  const MOST_PAIRS = 60;   // rows and columns of the table of pairs
  const known = talkbench.common.systems;

  // metric: null for the one that stands for the rate; hidden: families and weights that are filtered out;
  // drawn: null for the first MOST_DRAWN.
  const state = {
    dataset: data.boards[0].dataset, rate: null, metric: null, anchors: {}, coding: "", search: "",
    hidden: { family: new Set(), weights: new Set() }, drawn: null, all: false, paper: false,
    log: true, bands: true, clips: false, hull: false,
  };
  const usual = { ...state };
  const headers = () => data.boards.filter((b) => b.dataset === state.dataset && b.rate === state.rate);
  const header = () => headers().find((b) => b.label === state.metric) ?? headers()[0];
  const anchorOf = (board) => {
    const wanted = state.anchors[state.rate];
    return board.systems.includes(wanted) ? wanted : header().anchor;
  };

  // ------------------------------------------------------------------------------------ filters

  const words = () => state.search.toLowerCase().split(/\s+/).filter((word) => word);
  function passes(name) {
    const facts = known[name];
    const lower = name.toLowerCase();
    return words().every((word) => lower.includes(word)) &&
      (!state.coding || (state.coding === "joint") === (facts.kind === "joint")) &&
      !facts.families.some((family) => state.hidden.family.has(family)) &&
      !facts.weights.some((kind) => state.hidden.weights.has(kind));
  }

  function toggles(box, title, values, hidden) {
    box.hidden = values.length < 2 && !hidden.size;
    box.replaceChildren(element("span", { class: "quiet" }, title), ...values.map((value) => {
      const button = element("button", { type: "button", "aria-pressed": !hidden.has(value), "data-value": value }, FAMILY_WORDS[value] ?? value);
      button.addEventListener("click", () => {
        if (!hidden.delete(value)) hidden.add(value);
        button.setAttribute("aria-pressed", !hidden.has(value));
        update();
      });
      return button;
    }));
  }

  function showFilters(systems) {
    const of = (key) => unique(systems.flatMap((name) => known[name][key])).sort();
    toggles($("families"), "families", of("families"), state.hidden.family);
    toggles($("weights"), "weights", of("weights"), state.hidden.weights);
    const joint = systems.filter((name) => known[name].kind === "joint").length;
    $("coding").hidden = !state.coding && (joint === 0 || joint === systems.length);
    segments($("coding"), Object.entries(CODINGS), state.coding, (coding) => choose({ coding }));
    if ($("search").value !== state.search) $("search").value = state.search;
    const away = systems.filter((name) => !passes(name)).length;
    $("filter").textContent = away ? `Filter: ${systems.length - away} of ${systems.length}` : "Filter";
    $("hidden").hidden = !away;
    const clear = element("button", { type: "button", class: "plain" }, "show all");
    clear.addEventListener("click", () => {
      for (const values of Object.values(state.hidden)) values.clear();
      choose({ coding: "", search: "" });
    });
    $("hidden").replaceChildren(`${away} of ${systems.length} systems ${away === 1 ? "is" : "are"} hidden by the filters; ` +
      "ranks and the cards above count all of them. ", clear);
  }

  // ------------------------------------------------------------------------------------ choices

  function settle() {
    const rates = unique(data.boards.filter((b) => b.dataset === state.dataset).map((b) => b.rate));
    if (!rates.includes(state.rate)) state.rate = rates[0];
    const labels = headers().map((b) => b.label);
    if (!labels.includes(state.metric)) state.metric = null;  // that which stands for the rate
    if (!indexCurves.paperView(header())) state.paper = false;
    segments($("rate"), rates.map((rate) => [rate, RATES[rate]]), state.rate, (rate) => choose({ rate }));
    options($("metric"), labels, header().label);
    for (const key of SWITCHES) $(key).checked = state[key];
    papers();
  }

  function choose(change) {
    Object.assign(state, change);
    update();
  }

  // Buttons for the papers' views, on any rate that has the metric; pressed again they give the metric back.
  function papers() {
    const boards = data.boards.filter((board) => board.dataset === state.dataset && indexCurves.paperView(board));
    const shown = unique(boards.map((board) => board.label)).map((label) => {
      const here = boards.filter((board) => board.label === label);
      return here.find((board) => board.rate === state.rate) ?? here[0];
    });
    $("papers").hidden = !shown.length;
    $("papers").replaceChildren(element("span", { class: "quiet" }, "Figure 3 of AVCC"), ...shown.map((board) => {
      const on = state.paper && board === header();
      const twice = shown.filter((other) => indexCurves.paperView(other).word === indexCurves.paperView(board).word).length > 1;
      const name = indexCurves.paperView(board).word + (twice ? ` (${board.label.replace("lpips_", "")})` : "");
      const button = element("button", { type: "button", "aria-pressed": on, "data-paper": board.label }, name);
      button.addEventListener("click", () => choose(on ? { paper: false } : { rate: board.rate, metric: board.label, paper: true }));
      return button;
    }));
  }

  // ------------------------------------------------------------------------------------ drawing

  // The template's tables of the other rates are no longer needed; those of the first are filled from now on.
  const [view, board] = [".view", ".board"].map((kind) => {
    const [first, ...others] = root.querySelectorAll(kind);
    for (const other of others) other.remove();
    return first;
  });
  const allMetrics = element("button", { type: "button", class: "plain" });
  allMetrics.addEventListener("click", () => choose({ all: !state.all }));

  // The headline metrics in their order, or all of them: each modality together, headline metrics first.
  function columnsOf(boards) {
    const headline = boards.filter((b) => b.headline !== null).sort((a, b) => a.headline - b.headline);
    if (!state.all) return headline;
    const modalities = unique([...headline, ...boards].map((b) => b.modality));
    return modalities.flatMap((modality) =>
      unique([...headline, ...boards]).filter((b) => b.modality === modality));
  }

  // Buttons are recreated with every choice; keyboard focus stays on the same one.
  function keepingFocus(work) {
    const at = document.activeElement;
    const home = root.contains(at) ? at.closest("[id]") : null;
    const key = (button) => button.dataset.value ?? button.dataset.system ?? button.dataset.paper ?? button.textContent;
    const was = home && home !== at ? key(at) : null;
    work();
    if (was === null || document.activeElement === at) return;
    const same = at.isConnected ? at : [...home.querySelectorAll("button")].find((button) => key(button) === was);
    (home.matches('[role="radiogroup"]') ? home.querySelector('[tabindex="0"]') : same ?? $("filter")).focus();
  }

  // What was drawn has moved the section that the address names.
  function toSection() {
    const section = document.getElementById(decodeURIComponent(location.hash.slice(1)).split(":").at(-1));
    if (section && section !== root && root.contains(section)) section.scrollIntoView();
  }

  let shown = null;  // what was drawn last, for a new theme
  let turn = 0;
  async function update() {
    keepingFocus(settle);
    indexAddress.write(state, { ...usual, rate: data.boards.find((b) => b.dataset === state.dataset).rate });
    const mine = ++turn;
    root.setAttribute("aria-busy", "true");
    const chosen = header();
    const columns = columnsOf(headers());
    const load = (kind, of) => api.part(`${kind}/${of.key}`);
    try {
      const [own, curves, clips, ...boards] = await Promise.all([
        load("board", chosen), load("curves", chosen), state.clips ? load("clips", chosen) : null,
        ...columns.map((column) => load("board", column)),
      ]);
      if (mine !== turn) return;
      const first = shown === null;
      shown = { chosen, own, curves, clips, columns, boards };
      keepingFocus(draw);
      if (first) toSection();
    } catch (problem) {
      $("curve-caption").textContent = `This view cannot be shown: ${problem.message}.`;
      throw problem;
    }
    root.setAttribute("aria-busy", "false");
  }

  function draw() {
    if (!shown) return;
    const { chosen, own, columns, boards } = shown;
    const anchor = anchorOf(own);
    const systems = unique([...indexTables.order(boards[0], anchor), ...[own, ...boards].flatMap((one) => one.systems)]);
    options($("anchor"), [...own.systems].sort().map((name) => [name, name === chosen.anchor ? `${name} (default)` : name]), anchor);
    showFilters(systems);
    const where = () => (data.manyDatasets ? [" ", element("span", { class: "direction" }, state.dataset)] : []);
    const passing = systems.filter(passes);
    drawByMetric(columns, boards, passing, anchor, where);
    const ranked = indexTables.order(own, anchor).filter(passes);
    drawDetail(chosen, own, ranked, anchor, where);
    drawCurves(chosen, own, ranked, anchor);
    drawPairs(chosen, own, ranked);
  }

  const put = (box, selector, ...children) => box.querySelector(selector).replaceChildren(...children);

  function drawByMetric(columns, boards, systems, anchor, where) {
    put(view, "h3", `${data.rates[state.rate]}: BD-rate against ${anchor}`, ...where(), " ", allMetrics);
    const total = headers().length;
    allMetrics.hidden = total <= columns.length && !state.all;
    allMetrics.textContent = state.all ? "headline metrics only" : `all ${total} metrics`;
    indexTables.byMetric(view.querySelector("table"), columns, boards, systems, anchor);
    put(view, ".caption", `${data.rates[state.rate]}: rate needed at equal quality against ${anchor} (BD-rate over the ${state.rate} rate), ` +
      "with its 95 % interval. Blue needs less, orange more. “tie”: the interval contains 0 % (no significant difference from the anchor); “low”: less than half of the quality range is common. ",
    element("b", {}, "Bold"), ": no other system is significantly better by this metric. Curves of means over the clips that both systems cover at every used point." +
      (state.rate === "total" ? " A video-only or audio-only metric says nothing about the other modality." : ""));
  }

  function drawDetail(chosen, own, systems, anchor, where) {
    const marks = chosen.marks.flatMap((mark) => [" ", element("span", { class: "mark" }, mark)]);
    put(board, "h3", `${data.rates[state.rate]}: ${chosen.label}`, ...marks, `${chosen.unit ? ` (${chosen.unit})` : ""} `,
      element("span", { class: "direction" }, chosen.higher ? "↑ higher is better" : "↓ lower is better"), ...where());
    indexTables.detail(board.querySelector("table"), chosen, own, systems, anchor, data.matched);
    board.querySelector(".notice")?.remove();
    if (own.sizes) {
      const { low, high, notes } = own.sizes;
      board.querySelector(".scroll").before(element("p", { class: "notice" }, element("b", {},
        `${chosen.metric} is one value for all clips, over N = ${low}${high === low ? "" : ` to ${high}`} frames on each side.`), ...notes.map((note) => ` ${note}`)));
    }
    put(board, ".caption", "BD-rate against ", element("b", {}, anchor), ` at equal ${chosen.label}, over the ${chosen.rate} rate: ` +
      "curves of clip means over the clips that both systems cover at every used point, PCHIP over log rate. ",
    ...(chosen.tested ? ["Intervals: paired 95 % bootstrap over clips. Rank: 1 + the number of significantly better systems (95 % interval of the " +
      "BD-rate below 0), independent of the anchor; “=”: not distinguishable from another system (tie). "]
      : ["No interval over clips: ", element("b", {}, "the order is not tested"), ". "]),
    "Values “at” a rate (kbit/s) and the rate at equal quality are interpolated on each system's own mean curve; “below” and “above”: outside its measured range. " +
    (chosen.rate === "total" ? "A system's curve is the Pareto front of its grid of settings: the lowest total rate for each quality. " +
      "A video-only or audio-only metric says nothing about the other modality." : ""));
  }

  function drawCurves(chosen, own, systems, anchor) {
    const first = new Set(systems.slice(0, MOST_DRAWN));
    if (systems.includes(anchor) && !first.has(anchor)) {
      first.delete([...first].at(-1));
      first.add(anchor);
    }
    const drawn = state.drawn ? new Set(systems.filter((name) => state.drawn.has(name))) : first;
    const toggle = (name) => {
      const next = new Set(drawn);
      if (!next.delete(name)) next.add(name);
      choose({ drawn: next });
    };
    indexCurves.legend($("legend"), systems, drawn, toggle, $("curve-plot"));
    const set = (word, names) => {
      const button = element("button", { type: "button", class: "plain" }, word);
      button.addEventListener("click", () => choose({ drawn: names }));
      return button;
    };
    const cut = !state.drawn && systems.length > drawn.size;
    $("drawn").replaceChildren(element("b", {}, `${drawn.size} of ${systems.length} drawn`), cut ? ": the best-ranked, and the anchor. " : " ",
      set("all", new Set(systems)), " ", set("none", new Set()), ...(state.drawn ? [" ", set("default", null)] : []));
    const asked = { log: state.log, bands: state.bands, hull: state.hull, clips: state.clips ? shown.clips : null, paper: state.paper };
    const curves = systems.filter((name) => drawn.has(name)).map((name) => shown.curves.find((curve) => curve.system === name));
    const left = indexCurves.draw($("curve-plot"), chosen, curves, own, asked);
    $("curve-caption").textContent = indexCurves.caption(chosen, curves, own, asked, left);
    if ($("points").open) indexCurves.points($("points-table"), chosen, curves);
    $("points-caption").textContent = `The drawn curves' points: ${chosen.label} and the ${chosen.rate} rate, each the mean over the number of clips of ${chosen.dataset} in the last column.`;
  }

  function drawPairs(chosen, own, systems) {
    const some = systems.slice(0, MOST_PAIRS);
    indexTables.pairs($("matrix-table"), own, some);
    $("matrix-caption").textContent =
      (some.length < systems.length ? `The ${some.length} best-ranked of ${systems.length}: filter to see others. ` : "") +
      `BD-rate of the row's system against the column's, at equal ${chosen.label}, over the ${chosen.rate} rate, ` +
      `${chosen.dataset}: curves of means over the clips that both cover. Blue: the row needs less rate. ` +
      "“tie”: the 95 % interval contains 0 %; “?”: no interval; “low”: less than half of the quality range is common. " +
      "Hover over a cell for its interval, overlap and clips; a copy of the table has the intervals.";
  }

  // ------------------------------------------------------------------------------------ wiring

  for (const key of SWITCHES) $(key).addEventListener("change", (event) => choose({ [key]: event.target.checked }));
  $("metric").addEventListener("change", (event) => choose({ metric: event.target.value, paper: false }));
  $("anchor").addEventListener("change", (event) => {
    state.anchors[state.rate] = event.target.value;
    if (event.target.value === header().anchor) delete state.anchors[state.rate];
    update();
  });
  $("dataset")?.addEventListener("change", (event) => choose({ dataset: event.target.value }));
  $("search").addEventListener("input", (event) => choose({ search: event.target.value.trim() }));
  $("filter").addEventListener("click", () => {
    $("filters").hidden = !$("filters").hidden;
    $("filter").setAttribute("aria-expanded", !$("filters").hidden);
  });
  $("link").addEventListener("click", () => copyText(location.href, $("link")));
  $("points").addEventListener("toggle", () => { if ($("points").open) draw(); });
  indexAddress.read(state);
  if (!data.boards.some((b) => b.dataset === state.dataset)) state.dataset = usual.dataset;
  if (!(state.coding in CODINGS)) state.coding = "";
  if ($("dataset")) options($("dataset"), unique(data.boards.map((row) => row.dataset)), state.dataset);
  update();
  return { redraw: draw };
});
