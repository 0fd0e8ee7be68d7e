"use strict";
// Rate, video and audio: surfaces that rotate, iso-rate curves, a slice at one rate, and correlations.
// Where the iso-rate curves cross the edges between measured settings comes from the store (p, q, t: the
// place p + t (q − p)); here it only meets the two metrics that were chosen.

talkbench.page("surfaces", (root, data, api) => {
  if (!data.datasets.length) return {};
  const $ = (id) => root.querySelector(`#surfaces-${id}`);
  const KINDS = { joint: "Joint codecs", pair: "Pairs of separate codecs" };
  const state = { at: 0, video: 0, audio: 0, view: "turn", turns: 0, rate: null, contours: null, camera: null, off: new Set() };
  let scene = [];           // the chosen systems and pair of metrics, with their numbers
  let correlations = {};
  let asked = 0;

  const here = () => data.datasets[state.at];
  const videoName = () => here().video[state.video];
  const audioName = () => here().audio[state.audio];
  const higher = (name) => talkbench.common.metrics[name]?.higher !== false;
  const better = (name, a, b) => (higher(name) ? a > b : a < b);
  const metrics = () => ({ video: videoName(), audio: audioName(), better });
  const unit = (name) => (talkbench.common.metrics[name]?.unit ? ` ${talkbench.common.metrics[name].unit}` : "");
  const shown = () => scene.filter((system) => system.sheet && !system.reason && !state.off.has(system.name));
  const webgl = (() => {
    try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
  })();

  // ------------------------------------------------------------------------------------ data

  // Per system of the dataset its sheet for the chosen metrics, or the reason why it has none.
  async function gather() {
    const turn = ++asked;
    const key = here().key;
    const [grids, video, audio, found] = await Promise.all([
      api.part(`${key}/grids`), api.part(`${key}/video-${state.video}`), api.part(`${key}/audio-${state.audio}`),
      api.part(`${key}/correlation-${state.video}`),
    ]);
    if (turn !== asked) return;  // another choice was made meanwhile
    correlations = found;
    scene = grids.systems.map((system) => {
      const number = system.pairs[state.video][state.audio];
      const one = { name: system.system, kind: system.kind };
      if (typeof number === "string") return { ...one, reason: number };
      const sheet = system.sheets[number];
      const mesh = sheet.meshes.any ?? sheet.meshes[state.video];
      return { ...one, sheet, mesh, video: video[system.system][number], audio: audio[system.system][number] };
    });
    scene.push(...here().missing.map((name) => ({ name, kind: talkbench.common.systems[name]?.kind, reason: "nothing was scored" })));
    if (videoName() === audioName()) for (const system of scene) system.reason = "one metric on both axes";
    draw();
  }

  // Places on the lines of a rate: [{video, audio}, …] a line, linear between the two settings of each edge.
  function lines(system, rate) {
    const level = here().rates.indexOf(rate);
    return system.mesh.lines[level].map((flat) => {
      const line = [];
      for (let at = 0; at < flat.length; at += 3) {
        const [p, q, t] = flat.slice(at, at + 3);
        const between = (values) => values[p] + t * (values[q] - values[p]);
        line.push({ video: between(system.video), audio: between(system.audio), p, q, t });
      }
      return line;
    });
  }

  const pointName = (sheet, at) =>
    sheet.levels.length === 2 && sheet.levels[0].name === "picture"
      ? `${sheet.levels[0].values[at]} + ${sheet.levels[1].values[at]}` : sheet.points[at];
  const ofClips = (count) => `${count} of ${here().expected} clip${here().expected === 1 ? "" : "s"}`;
  const hover = (system, at) =>
    `<b>${plain(system.name)}</b> ${plain(pointName(system.sheet, at))}<br>` +
    `${plain(videoName())} ${show(system.video[at])}${plain(unit(videoName()))}<br>` +
    `${plain(audioName())} ${show(system.audio[at])}${plain(unit(audioName()))}<br>` +
    `${show(system.sheet.kbps[at])} kbit/s (video ${show(system.sheet.kbps_video[at])}, audio ${show(system.sheet.kbps_audio[at])})<br>` +
    `mean of ${ofClips(system.sheet.clips)}`;

  // ------------------------------------------------------------------------------------ controls

  function drawSystems() {
    const box = $("systems");
    const kinds = Object.keys(KINDS).filter((kind) => scene.some((system) => system.kind === kind));
    box.replaceChildren(...kinds.map((kind) => {
      const systems = scene.filter((system) => system.kind === kind);
      const set = (on) => {
        for (const { name } of systems) state.off[on ? "delete" : "add"](name);
        draw();
        box.querySelector(`button[data-kind="${kind}"][data-on="${on}"]`)?.focus();
      };
      const button = (word, on) => {
        const made = element("button", { type: "button", "data-kind": kind, "data-on": on }, word);
        made.addEventListener("click", () => set(on));
        return made;
      };
      const legend = element("p", {}, KINDS[kind]);
      if (systems.length > 1) legend.append(button("all", true), button("none", false));
      const group = element("div", {}, ...systems.map((system) => {
        const field = element("input", { type: "checkbox", value: system.name });
        field.checked = Boolean(system.sheet) && !state.off.has(system.name) && !system.reason;
        field.disabled = Boolean(system.reason);
        field.addEventListener("change", () => {
          state.off[field.checked ? "delete" : "add"](system.name);
          draw();
          [...box.querySelectorAll("input")].find((other) => other.value === system.name)?.focus();
        });
        const label = element("label", field.checked ? {} : { class: "off" }, field, systemName(system.name));
        if (system.reason) label.append(element("small", {}, `— ${system.reason}`));
        return label;
      }));
      return element("div", { role: "group", "aria-label": KINDS[kind] }, legend, group);
    }));
  }

  function drawRates() {
    const reached = here().rates.filter((rate) => shown().some((system) => lines(system, rate).length));
    const round = reached.filter((rate) => /^[125]0*$/.test(String(rate).replace(/^0?\.0*/, "")));
    const offered = round.length >= 2 ? round : reached;
    if (!offered.some((rate) => state.contours.has(rate))) state.contours = new Set(offered.slice(0, 4));
    $("rates").replaceChildren(...(offered.length ? ["kbit/s: "] : []), ...offered.map((rate) => {
      const field = element("input", { type: "checkbox", value: rate });
      field.checked = state.contours.has(rate);
      field.addEventListener("change", () => {
        state.contours[field.checked ? "add" : "delete"](rate);
        drawContours();
      });
      return element("label", {}, field, ` ${rate}`);
    }));
    const slider = $("rate");
    const rates = here().rates;
    slider.max = Math.max(rates.length - 1, 0);
    slider.disabled = rates.length < 2;
    if (!rates.includes(state.rate)) {
      // The rate at which most systems can be compared, and of such rates the one with the longest lines.
      const length = (system, rate) => lines(system, rate).flat().length;
      const many = (rate) => shown().reduce((sum, system) => sum + (length(system, rate) ? 1000 + length(system, rate) : 0), 0);
      state.rate = rates.length ? rates.reduce((best, rate) => (many(rate) > many(best) ? rate : best), rates[0]) : null;
    }
    slider.value = Math.max(rates.indexOf(state.rate), 0);
    sayRate();
  }

  const sayRate = () => {
    const word = state.rate === null ? "no rate" : `${show(state.rate)} kbit/s`;
    $("rate-word").textContent = word;
    $("rate").setAttribute("aria-valuetext", word);
  };

  function drawViews() {
    segments($("views"), surfacesSpace.WORDS, state.view, (view) => {
      Object.assign(state, { view, turns: state.turns + 1 });
      drawViews();
      drawSpace();
    });
    const buttons = $("views").querySelectorAll("button");
    if (!surfacesSpace.VIEWS[state.view]) buttons[0].tabIndex = 0;  // turned by hand: none is chosen, one can be reached
  }

  // ------------------------------------------------------------------------------------ figures

  // Axes of a quality run so that better is up or to the right.
  const qualityAxis = (name) => ({
    title: { text: `${metricTitle(name)}, ${higher(name) ? "↑" : "↓"} better` }, autorange: higher(name) ? true : "reversed",
  });

  function drawSpace() {
    $("plot").hidden = !webgl;
    $("no-webgl").hidden = webgl;
    $("views").hidden = !webgl;
    if (!webgl) return;
    const full = (metric) => (narrowScreen() ? `${plain(metric)} ${higher(metric) ? "↑" : "↓"}` : qualityAxis(metric).title.text);
    const quality = (metric) => ({ name: full(metric), axis: qualityAxis(metric) });
    surfacesSpace.draw($("plot"), state, shown(), {
      log: $("log").checked, video: quality(videoName()), audio: quality(audioName()), hover,
      turned: (flat) => { drawViews(); if (flat) drawSpace(); },  // with all three axes again
    });
    const grids = unique(shown().map((system) => system.mesh.form));
    $("plot-caption").textContent =
      `Each point is one setting of a system on the dataset ${here().dataset}: total rate, ${videoName()} and ${audioName()}, all means over the same clips ` +
      `(those with both scores at every setting of the system; hover says how many). Up and back is better. ` +
      "Lines join settings that differ in one parameter: video or audio. Between points the surface is interpolated. " +
      (grids.includes("triangulated") ? "A system whose settings form no grid is joined to its neighbours in rate and video quality (Delaunay). " : "") +
      (grids.includes("ladder") ? "A system with one parameter is a line. " : "") +
      "Joint codecs are drawn stronger than pairs of separate codecs. Drag to rotate, scroll to zoom.";
  }

  function lineTrace(system, line, rate, labelled) {
    const { line: look, marker } = systemLook(system.name, system.kind === "joint" ? 10 : 7);
    const ends = line.map((_, at) => at === 0 || at === line.length - 1);
    // The rate stands at the end with the better sound, where lines of one system are farthest apart.
    const last = line.length - 1;
    const label = better(audioName(), line[last].audio, line[0].audio) ? last : 0;
    return {
      type: "scatter", mode: labelled ? "lines+markers+text" : "lines+markers", name: plain(system.name), hoverinfo: "text",
      x: line.map((place) => place.video), y: line.map((place) => place.audio),
      text: line.map((_, at) => (labelled && at === label ? show(rate) : "")), textposition: "top center",
      textfont: { size: 11, color: look.color }, cliponaxis: false,
      hovertext: line.map((place) => `<b>${plain(system.name)}</b> at ${show(rate)} kbit/s<br>${plain(videoName())} ${show(place.video)}` +
        `${plain(unit(videoName()))}<br>${plain(audioName())} ${show(place.audio)}${plain(unit(audioName()))}<br>interpolated between ` +
        `${plain(pointName(system.sheet, place.p))} and ${plain(pointName(system.sheet, place.q))}`),
      line: { ...look, width: system.kind === "joint" ? 4 : 1.8 },
      marker: { ...marker, opacity: 1, size: ends.map((end) => (end ? marker.size : 3)), line: marker.line ?? { width: 0 } },
    };
  }

  function plane(id, traces, empty) {
    Plotly.react($(id), traces, layout({
      xaxis: qualityAxis(videoName()), yaxis: qualityAxis(audioName()), showlegend: false, hovermode: "closest",
      margin: { l: 60, r: 24, t: 22, b: 48 },
      annotations: traces.length ? [] : [{ text: plain(empty), showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }],
    }), CONFIG);
  }

  function drawContours() {
    const rates = here().rates.filter((rate) => state.contours.has(rate));
    plane("contour-plot", shown().flatMap((system) =>
      rates.flatMap((rate) => lines(system, rate).map((line) => lineTrace(system, line, rate, true)))),
    "no system reaches these rates");
    $("contour-caption").textContent =
      "The combinations of the two qualities that a system reaches at one total rate (kbit/s, at the line's end): up and to the right is better. " +
      "Interpolated linearly over log rate along the edges " +
      `between measured settings; nothing is extrapolated. Means over the clips of each system, dataset ${here().dataset}.`;
  }

  function drawSlice() {
    sayRate();
    if (state.rate === null) return plane("slice-plot", [], "no rate between two settings");
    plane("slice-plot", shown().flatMap((system) => lines(system, state.rate).map((line) => lineTrace(system, line, state.rate, false))),
      `no system that is shown reaches ${show(state.rate)} kbit/s`);
    surfacesTables.slice($("slice-table"), state.rate, metrics(), shown().map((system) => ({ ...system, places: lines(system, state.rate).flat(),
      clips: ofClips(system.sheet.clips) })));
    $("slice-caption").textContent =
      `The two ends of each line: the best value of one quality that a system reaches at ${show(state.rate)} kbit/s in total, with the corresponding value of the other. ` +
      `Interpolated like the iso-rate curves; means over the same clips at every setting of a system, dataset ${here().dataset}.`;
  }

  function drawCorrelations() {
    const of = (system) => (system.reason ? [null, null, null, system.reason] : correlations[system.name]?.[state.audio] ?? [null, null, null, ""]);
    surfacesTables.correlations($("correlation-table"), scene.map((system) => ({ ...system, found: of(system),
      clips: system.sheet && ofClips(system.sheet.clips) })));
    $("correlation-caption").textContent =
      `Pearson's partial correlation of ${videoName()} and ${audioName()} (oriented so that larger is better) given log10 of the total rate, over a system's ` +
      `settings; each setting is one observation, its values means over clips of the dataset ${here().dataset}. ` +
      "Towards −1: one quality rises as the other falls (trade-off); towards +1: both rise together. Separate codecs only trade bits, so their value is usually negative. " +
      "Interval: bootstrap over clips (1000 resamples, all means recomputed). The value depends on the measured settings: compare systems over similar grids.";
  }

  // What must be known of a metric, beside its name.
  function drawMarks() {
    for (const [side, name] of [["video", videoName()], ["audio", audioName()]]) {
      $(`${side}-marks`).replaceChildren(...(here().marks[name] ?? []).map(([word, title]) => element("span", { class: "mark", title }, word)));
    }
  }

  function draw() {
    drawMarks();
    drawSystems();
    drawRates();
    drawViews();
    drawSpace();
    drawContours();
    drawSlice();
    drawCorrelations();
  }

  // ------------------------------------------------------------------------------------ start

  function metricOptions() {
    const grouped = (names) => names.map((name, at) => [String(at), name]);
    options($("video"), grouped(here().video), String(state.video));
    options($("audio"), grouped(here().audio), String(state.audio));
  }

  function chooseDataset(at) {
    const names = [here().video[state.video], here().audio[state.audio]];
    state.at = at;
    state.video = Math.max(here().video.indexOf(names[0]), 0);
    state.audio = Math.max(here().audio.indexOf(names[1]), 0);
    state.contours = new Set(here().contours);
    state.rate = null;
    metricOptions();
    return gather();
  }

  if ($("dataset")) {
    options($("dataset"), data.datasets.map((row, at) => [String(at), row.dataset]), "0");
    $("dataset").addEventListener("change", (event) => chooseDataset(Number(event.target.value)));
  }
  for (const side of ["video", "audio"]) {
    $(side).addEventListener("change", (event) => { state[side] = Number(event.target.value); gather(); });
  }
  $("log").addEventListener("change", drawSpace);
  $("rate").addEventListener("input", (event) => { state.rate = here().rates[Number(event.target.value)]; drawSlice(); });

  for (const [name, look] of Object.entries(talkbench.common.systems)) {
    if (KINDS[look.kind] && !data.first.includes(name)) state.off.add(name);
  }
  chooseDataset(0);
  return { redraw: () => { if (scene.length) draw(); } };
});
