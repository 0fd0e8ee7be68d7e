"use strict";
// Where the bits go: systems at one rate, one bar each; a codec's points, one bar each; and speed over rate.
// A part's colour says what it is for, on both figures; parts of one kind differ by pattern.

talkbench.page("bits", (root, data) => {
  const $ = (id) => root.querySelector(`#bits-${id}`);
  if (!data.ledger.length) return {};

  const MANY = 40;              // bars that a first look shows
  const FAR = 1.5;              // a setting whose rate is so many times off the requested one is marked
  const TARGETS = [0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000, 2000, 5000];
  const PATTERNS = ["", "/", "x", ".", "\\", "+"];
  const KINDS = data.kinds.map(([key, words], index) => ({ key, words, index }));
  const kindWords = (key) => KINDS.find((kind) => kind.key === key).words;
  const kindColour = (key) => colour(KINDS.findIndex((kind) => kind.key === key));
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const rateOf = (row) => sum(row.parts.map(([, , kbps]) => kbps));
  const datasets = unique(data.ledger.map((row) => row.dataset));
  const dataset = () => $("dataset")?.value ?? datasets[0];
  const off = (kbps, target) => Math.abs(Math.log((kbps || 1e-9) / target));
  const nearest = (rows, target, rate = rateOf) =>
    rows.reduce((best, row) => (best === null || off(rate(row), target) < off(rate(best), target) ? row : best), null);
  const pointsOf = (codec) => data.ledger.filter((row) => row.dataset === dataset() && row.codec === codec);

  // ---------------------------------------------------------------------------- systems at one rate

  const SCOPES = { total: ["video and audio", ["pair", "joint"]], video: ["video", ["video", "joint"]],
    audio: ["audio", ["audio", "joint"]] };
  const systemsOf = (scope) => Object.entries(talkbench.common.systems).filter(([, system]) =>
    SCOPES[scope][1].includes(system.kind) &&
    [system.video, system.audio].every((codec) => !codec || pointsOf(codec).length));

  // The setting of a system that the figure shows: { system, setting, parts, clips }.
  function budget([name, system], target, sound) {
    if (system.kind !== "pair") {
      const row = nearest(pointsOf(system.video ?? system.audio), target);
      return { system: name, setting: row.point, parts: row.parts, clips: row.clips };
    }
    const audio = nearest(pointsOf(system.audio), sound);
    const video = nearest(pointsOf(system.video), target, (row) => rateOf(row) + rateOf(audio));
    return { system: name, setting: `${video.point} | ${audio.point}`, parts: [...video.parts, ...audio.parts],
      clips: Math.min(video.clips, audio.clips) };
  }

  // Rates on offer: those within the measured range, and the one in the middle.
  function fillTargets(select, rates) {
    const [low, high] = [Math.min(...rates), Math.max(...rates)];
    const inside = TARGETS.filter((target) => target >= low / 1.2 && target <= high * 1.2);
    const offered = inside.length ? inside : [Number(((low + high) / 2 || 1).toPrecision(2))];
    const before = Number(select.value);
    const middle = Math.sqrt(Math.max(low, 1e-3) * high);
    const chosen = offered.includes(before) && select.value ? before
      : offered.reduce((best, target) => (off(target, middle) < off(best, middle) ? target : best));
    options(select, offered.map((target) => [String(target), `${target} kbit/s`]), String(chosen));
  }

  function fillScope() {
    const before = $("scope").value;
    const offered = Object.keys(SCOPES).filter((scope) => systemsOf(scope).length);
    options($("scope"), offered.map((scope) => [scope, SCOPES[scope][0]]), offered.includes(before) ? before : offered[0]);
    fillRates();
  }

  function fillRates() {
    const scope = $("scope").value;
    const systems = systemsOf(scope).map(([, system]) => system);
    const pairs = systems.filter((system) => system.kind === "pair");
    const sounds = unique(pairs.map((system) => system.audio)).flatMap(pointsOf).map(rateOf);
    $("sound-label").hidden = !sounds.length;
    if (sounds.length) fillTargets($("sound"), sounds);
    const rates = systems.flatMap((system) => system.kind === "pair"
      ? pointsOf(system.video).flatMap((row) => [rateOf(row) + Math.min(...sounds), rateOf(row) + Math.max(...sounds)])
      : pointsOf(system.video ?? system.audio).map(rateOf));
    fillTargets($("target"), rates);
  }

  const byKind = (parts, key) => sum(parts.filter((part) => part[1] === key).map((part) => part[2]));

  function drawBudgets() {
    const scope = $("scope").value;
    const [target, sound] = [Number($("target").value), Number($("sound").value)];
    const share = $("budget-share").checked;
    const all = systemsOf(scope).map((entry) => budget(entry, target, sound));
    for (const bar of all) bar.kbps = rateOf(bar);
    const near = [...all].sort((a, b) => off(a.kbps, target) - off(b.kbps, target)).slice(0, MANY);
    const bars = all.filter((bar) => near.includes(bar)).sort((a, b) => a.system.localeCompare(b.system));
    const used = KINDS.filter((kind) => bars.some((bar) => bar.parts.some((part) => part[1] === kind.key)));
    const far = (bar) => off(bar.kbps, target) > Math.log(FAR);
    const label = (bar) => `${plain(bar.system)}${far(bar) ? " ⚠" : ""}`;
    const traces = used.map(({ key, words }) => ({
      type: "bar", orientation: "h", name: words, marker: { color: kindColour(key) },
      y: bars.map(label),
      x: bars.map((bar) => (share ? (bar.kbps ? 100 * byKind(bar.parts, key) / bar.kbps : 0) : byKind(bar.parts, key))),
      hoverinfo: "text", textposition: "none",
      hovertext: bars.map((bar) => `<b>${plain(bar.system)}</b> at ${plain(bar.setting)}<br>` +
        bar.parts.filter((part) => part[1] === key)
          .map(([name, , kbps]) => `${plain(name)}: ${show(kbps)} kbit/s, ${show(100 * kbps / (bar.kbps || 1), 3)} %`).join("<br>") +
        `<br>of ${show(bar.kbps)} kbit/s${far(bar) ? `, not near ${target}` : ""}`),
    }));
    const box = $("budget-plot");
    box.style.height = `${Math.max(9, 6.5 + 1.55 * bars.length)}rem`;
    Plotly.react(box, traces, layout({
      barmode: "stack", bargap: 0.3, showlegend: true, margin: { l: 60, r: 16, t: 8, b: 48 },
      legend: { traceorder: "normal", orientation: "h", y: 1, yanchor: "bottom", x: 0 },
      xaxis: { title: { text: share ? "% of the stream" : "kbit/s" }, rangemode: "tozero", ...(share ? { range: [0, 100] } : {}) },
      yaxis: { type: "category", autorange: "reversed", ticks: "" },
      shapes: share ? [] : [{ type: "line", x0: target, x1: target, y0: 0, y1: 1, yref: "paper",
        line: { color: css("--quiet"), width: 1, dash: "dot" } }],
    }), CONFIG);
    const dotted = share ? "" : " (dotted)";
    $("budget-caption").textContent =
      `Mean kbit/s by purpose of the bits, over the clips of ${dataset()} that each codec encoded. ` +
      (scope === "total" && !$("sound-label").hidden
        ? `A pair's audio is at its point nearest to ${sound} kbit/s, its video at the point that brings the sum nearest to ${target} kbit/s${dotted}; a joint codec is at its setting nearest to that. `
        : `Each system is at its point nearest to ${target} kbit/s${dotted}. `) +
      (scope === "total" ? "" : "A joint codec counts in full here, its other modality included. ") +
      (bars.some(far) ? `⚠: closest point differs by more than ${FAR}×. ` : "") +
      (bars.length < all.length ? `The ${bars.length} of ${all.length} systems whose rate is nearest are shown. ` : "") +
      "Keyframes and headers are included; framing and container are not.";
    fillTable($("budget-table"), ["system", "setting", ...used.map((kind) => `${kind.words} (kbit/s)`), "total (kbit/s)", "clips"],
      bars.map((bar) => [bar.system, bar.setting, ...used.map((kind) => byKind(bar.parts, kind.key)), bar.kbps, bar.clips]));
  }

  // Texts and numbers as they are; the first columns are texts.
  function fillTable(table, heads, rows) {
    const text = (at) => (rows.length ? typeof rows[0][at] === "string" : at === 0);
    table.tHead.replaceChildren(element("tr", {}, ...heads.map((head, at) =>
      element("th", { scope: "col", class: text(at) ? "text" : "number" }, head))));
    table.tBodies[0].replaceChildren(...rows.map((row) => element("tr", {}, ...row.map((value, at) => (at === 0
      ? element("th", { scope: "row", class: "text" }, value)
      : element("td", { class: text(at) ? "text" : "number" }, typeof value === "number" ? show(value) : value))))));
  }

  // ---------------------------------------------------------------------------- a codec's points

  function fillCodecs() {
    const codecs = unique(data.ledger.filter((row) => row.dataset === dataset()).map((row) => row.codec));
    const before = $("codec").value;
    // The first look is at the codec with the most to tell.
    const parts = (codec) => Math.max(...pointsOf(codec).map((row) => row.parts.length));
    const richest = codecs.reduce((best, codec) => (parts(codec) > parts(best) ? codec : best), codecs[0]);
    options($("codec"), codecs, codecs.includes(before) ? before : richest);
  }

  function drawLedger() {
    const codec = $("codec").value;
    const rows = pointsOf(codec);
    const share = $("share").checked;
    const found = new Map(rows.flatMap((row) => row.parts.map(([name, kind]) => [name, kind])));
    const place = (kind) => KINDS.findIndex((known) => known.key === kind);
    const names = [...found.keys()].sort((a, b) => place(found.get(a)) - place(found.get(b)) || a.localeCompare(b));
    const alike = (name) => names.filter((other) => found.get(other) === found.get(name)).indexOf(name);
    const rate = (row, name) => row.parts.find((part) => part[0] === name)?.[2] ?? 0;
    const totals = rows.map(rateOf);
    const traces = names.map((name) => ({
      type: "bar", name: plain(name),
      marker: { color: kindColour(found.get(name)), pattern: { shape: PATTERNS[alike(name) % PATTERNS.length], size: 7, solidity: 0.35 } },
      x: rows.map((row) => plain(row.point)),
      y: rows.map((row, i) => (share ? (totals[i] ? 100 * rate(row, name) / totals[i] : null) : rate(row, name))),
      hoverinfo: "text", textposition: "none",
      hovertext: rows.map((row, i) => `<b>${plain(name)}</b> at ${plain(row.point)}<br>${show(rate(row, name))} kbit/s` +
        (totals[i] ? `, ${show(100 * rate(row, name) / totals[i], 3)} % of ${show(totals[i])}` : "") +
        `<br>mean of ${clipsWord(row.clips)}`),
    }));
    Plotly.react($("plot"), traces, layout({
      barmode: "stack", bargap: 0.35, showlegend: true,
      legend: { traceorder: "normal", orientation: "h", y: 1, yanchor: "bottom", x: 0 },
      xaxis: { type: "category", title: { text: `${plain(codec)}: points, lowest rate first` } },
      yaxis: { title: { text: share ? "% of the stream" : "kbit/s" }, rangemode: "tozero", ...(share ? { range: [0, 100] } : {}) },
    }), CONFIG);
    const kinds = unique(names.map((name) => kindWords(found.get(name))));
    $("caption").textContent =
      `What ${codec} sends, by part of its bitstream as named by the codec, coloured by purpose (${kinds.join("; ")}): ` +
      `mean over the encoded clips of ${dataset()} at each point. Framing and container are not included.`;
    fillTable($("table"), ["point", ...names.map((name) => `${name} (kbit/s)`), "total (kbit/s)", "clips"],
      rows.map((row, i) => [row.point, ...names.map((name) => rate(row, name)), totals[i], row.clips]));
  }

  // ---------------------------------------------------------------------------- speed over rate

  // Looks are unique among the codecs of pictures, and among those of sound.
  const ofModality = (codec, of) => [of, "joint", undefined].includes(talkbench.common.systems[codec]?.kind);

  function fillPace() {
    if (!$("stage")) return;
    const before = $("pace-of").value;
    const offered = ["video", "audio"].filter((of) => data.pace.some((row) => row.dataset === dataset() && ofModality(row.codec, of)));
    options($("pace-of"), offered.map((of) => [of, SCOPES[of][0]]), offered.includes(before) ? before : offered[0]);
  }

  function drawPace() {
    if (!$("stage")) return;
    const of = $("pace-of").value;
    const stage = $("stage").value;
    const key = `${stage}_realtime`;
    const device = `${stage}_device`;
    const groups = new Map();
    for (const row of data.pace) {
      if (row.dataset !== dataset() || !row[key] || !ofModality(row.codec, of)) continue;
      const name = JSON.stringify([row.codec, row[device] ?? ""]);
      groups.set(name, [...(groups.get(name) ?? []), row]);
    }
    const devices = unique(data.pace.filter((row) => row[key]).map((row) => row[device] ?? "a device that was not recorded"));
    const traces = [...groups.values()].map((rows) => {
      const where = devices.length > 1 ? ` on ${rows[0][device] ?? "?"}` : "";
      const sorted = [...rows].sort((a, b) => a.kbps - b.kbps);
      const look = talkbench.common.systems[rows[0].codec] ? systemLook(rows[0].codec) : {};
      return {
        type: "scatter", mode: "lines+markers", name: plain(rows[0].codec + where), ...look,
        x: sorted.map((row) => row.kbps), y: sorted.map((row) => row[key]), hoverinfo: "text",
        hovertext: sorted.map((row) => `<b>${plain(row.codec + where)}</b> at ${plain(row.point)}<br>${show(row.kbps)} kbit/s` +
          `<br>${show(row[key], 3)} × realtime, median of ${clipsWord(row.clips)}`),
      };
    });
    Plotly.react($("pace-plot"), traces, layout({
      showlegend: traces.length <= 20,
      legend: narrowScreen() ? { orientation: "h", y: 1, yanchor: "bottom", x: 0 } : {},
      xaxis: rateAxis("kbit/s", true),
      yaxis: { type: "log", title: { text: `${stage} × realtime ↑ faster` }, tickvals: LOG_TICKS, ticktext: LOG_TICKS.map((v) => show(v, 1)) },
      shapes: [{ type: "line", x0: 0, x1: 1, xref: "paper", y0: 1, y1: 1, line: { color: css("--quiet"), width: 1, dash: "dot" } }],
    }), CONFIG);
    $("pace-caption").textContent =
      `Seconds of clip per second of work to ${stage}, over the codec's own rate: median over the clips of ${dataset()} at each point, on ${devices.join(", ")}. ` +
      "Dotted: 1× realtime; below it: not real-time capable.";
  }

  function draw() { drawBudgets(); drawLedger(); drawPace(); }
  function refill() { fillScope(); fillCodecs(); fillPace(); draw(); }

  if ($("dataset")) options($("dataset"), datasets, datasets[0]);
  $("dataset")?.addEventListener("change", refill);
  $("scope").addEventListener("change", () => { fillRates(); drawBudgets(); });
  for (const id of ["target", "sound", "budget-share"]) $(id).addEventListener("change", drawBudgets);
  for (const id of ["codec", "share"]) $(id).addEventListener("change", drawLedger);
  for (const id of ["stage", "pace-of"]) $(id)?.addEventListener("change", drawPace);
  refill();
  return { redraw: draw };
});
