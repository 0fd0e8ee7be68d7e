"use strict";
// Rate, picture and sound: surfaces that turn, lines of equal rate, a slice at one rate, and correlations.
// Where the lines of equal rate cross the edges between measured settings comes from the store (p, q, t: the
// place p + t (q − p)); here it only meets the two metrics that were chosen.

talkbench.page("surfaces", (root, data, api) => {
  if (!data.datasets.length) return {};
  const $ = (id) => root.querySelector(`#surfaces-${id}`);
  const KINDS = { joint: "Joint codecs", pair: "Pairs of separate codecs" };
  const SYMBOLS_3D = ["circle", "square", "diamond", "circle-open", "square-open", "x", "cross"];
  // From where a view looks, and the axis that is then nearly a point. Not quite along it: plotly could not say
  // on which side the other axes have their numbers.
  const VIEWS = {
    turn: { eye: { x: 1.05, y: -1.6, z: 0.55 }, low: -0.12, flat: "", projection: "perspective" },
    picture: { eye: { x: 0, y: -0.05, z: 1.35 }, low: 0, flat: "z", projection: "orthographic" },
    sound: { eye: { x: 0, y: -1.35, z: 0.05 }, low: 0, flat: "y", projection: "orthographic" },
    both: { eye: { x: 1.35, y: 0, z: 0.05 }, low: 0, flat: "x", projection: "orthographic" },
  };
  const VIEW_WORDS = [["turn", "in space"], ["picture", "from above: rate, picture"], ["sound", "rate, sound"], ["both", "picture, sound"]];
  const state = { at: 0, video: 0, audio: 0, view: "turn", turns: 0, rate: null, contours: null, camera: null, off: new Set() };
  let scene = [];           // the chosen systems and pair of metrics, with their numbers
  let correlations = {};
  let asked = 0;

  const here = () => data.datasets[state.at];
  const videoName = () => here().video[state.video];
  const audioName = () => here().audio[state.audio];
  const higher = (name) => talkbench.common.metrics[name]?.higher !== false;
  const better = (name, a, b) => (higher(name) ? a > b : a < b);
  const unit = (name) => (talkbench.common.metrics[name]?.unit ? ` ${talkbench.common.metrics[name].unit}` : "");
  const shown = () => scene.filter((system) => system.sheet && !state.off.has(system.name));
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
    `${show(system.sheet.kbps[at])} kbit/s (picture ${show(system.sheet.kbps_video[at])}, sound ${show(system.sheet.kbps_audio[at])})<br>` +
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
    segments($("views"), VIEW_WORDS, state.view, (view) => {
      Object.assign(state, { view, turns: state.turns + 1 });
      drawViews();
      drawSpace();
    });
    const buttons = $("views").querySelectorAll("button");
    if (!VIEWS[state.view]) buttons[0].tabIndex = 0;  // turned by hand: none is chosen, one can be reached
  }

  function camera() {
    if (!VIEWS[state.view]) return state.camera;
    const { eye, low, projection } = VIEWS[state.view];
    // A narrow figure needs more distance, for its axes' names at both sides.
    const far = narrowScreen() ? 1.25 : 1;
    return { eye: { x: far * eye.x, y: far * eye.y, z: far * eye.z }, center: { x: 0, y: 0, z: low }, up: { x: 0, y: 0, z: 1 },
      projection: { type: projection } };
  }

  // A parallel projection is as large as the box itself, whatever the distance.
  function aspect() {
    const size = camera().projection?.type === "orthographic" ? (narrowScreen() ? 1.2 : 1.6) : 1;
    return { x: 1.15 * size, y: size, z: 0.85 * size };
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
    const log = $("log").checked;
    const traces = [];
    for (const system of shown()) {
      const look = talkbench.common.systems[system.name];
      const ink = colour(look.colour);
      const joint = system.kind === "joint";
      const place = (order) => ({
        x: order.map((at) => (at === null ? null : system.sheet.kbps[at])),
        y: order.map((at) => (at === null ? null : system.video[at])),
        z: order.map((at) => (at === null ? null : system.audio[at])),
      });
      const all = system.sheet.points.map((_, at) => at);
      const corner = (first) => system.mesh.triangles.filter((_, at) => at % 3 === first);
      if (system.mesh.triangles.length) {
        traces.push({
          type: "mesh3d", name: plain(system.name), ...place(all), i: corner(0), j: corner(1), k: corner(2),
          color: ink, opacity: joint ? 0.55 : 0.22, flatshading: true, hoverinfo: "skip", showscale: false,
          lighting: { ambient: 0.85, diffuse: 0.35, specular: 0.05 },
        });
      }
      const wires = [...system.mesh.rows, ...system.mesh.columns].flatMap((line) => [...line, null]);
      if (wires.length) {
        traces.push({
          type: "scatter3d", mode: "lines", name: plain(system.name), ...place(wires), hoverinfo: "skip", connectgaps: false,
          line: { color: ink, width: joint ? 5 : 2.5, dash: ["solid", "dash", "dot", "dashdot", "longdash"][look.dash] },
        });
      }
      traces.push({
        type: "scatter3d", mode: "markers", name: plain(system.name), ...place(all), hoverinfo: "text",
        hovertext: all.map((at) => hover(system, at)),
        marker: { color: ink, size: (joint ? 5 : 3.5) * (narrowScreen() ? 0.75 : 1), symbol: SYMBOLS_3D[look.symbol], line: { color: css("--ground"), width: 0.5 } },
      });
    }
    // The axis along which a view looks is left out, as all its numbers would lie on one another; and the names of
    // the other two stand at the figure's edges, because plotly sets them on the numbers there.
    const flat = VIEWS[state.view]?.flat ?? "";
    const full = (metric) => (narrowScreen() ? `${plain(metric)} ${higher(metric) ? "↑" : "↓"}` : qualityAxis(metric).title.text);
    const names = { x: "total kbit/s", y: full(videoName()), z: full(audioName()) };
    const [across, up] = ["x", "y", "z"].filter((name) => name !== flat);
    const nticks = narrowScreen() ? 5 : 8;
    const edge = (own) => ({ xref: "paper", yref: "paper", showarrow: false, font: { size: 12 }, ...own });
    const axis = { gridcolor: css("--rule"), linecolor: css("--quiet"), zeroline: false, showbackground: false,
      tickfont: { size: 11 }, title: { font: { size: 12 } }, showspikes: true, spikecolor: css("--quiet"), spikethickness: 1 };
    const title = (name, own) => ({ ...axis, ...own, visible: name !== flat, title: { ...axis.title, text: flat ? "" : names[name] } });
    Plotly.react($("plot"), traces, layout({
      margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, uirevision: "kept",
      annotations: flat ? [edge({ x: 0.5, y: 0, yanchor: "bottom", text: names[across] }),
        edge({ x: 0, y: 0.5, xanchor: "left", textangle: -90, text: names[up] })] : [],
      scene: {
        // A new revision lets go of how the reader has turned the last one.
        aspectmode: "manual", aspectratio: aspect(), camera: camera(), dragmode: "turntable", uirevision: `view ${state.turns}`,
        xaxis: title("x", { ...rateAxis("", log), ...(log ? { tickvals: ticks(), ticktext: ticks().map((v) => show(v, 1)) } : {}) }),
        yaxis: title("y", { nticks, ...qualityAxis(videoName()) }), zaxis: title("z", { nticks, ...qualityAxis(audioName()) }),
      },
    }), CONFIG).then((plot) => {
      if (plot.dataset.listening) return;
      plot.dataset.listening = "yes";
      plot.on("plotly_relayout", (change) => {
        if (!("scene.camera" in change)) return;  // only a hand changes the camera as a whole
        const before = VIEWS[state.view]?.flat;
        Object.assign(state, { view: "free", camera: change["scene.camera"] });
        drawViews();
        if (before) drawSpace();  // with all three axes
      });
    });
    const grids = unique(shown().map((system) => system.mesh.form));
    $("plot-caption").textContent =
      `Each point is one setting of a system on the dataset ${here().dataset}: total rate, ${videoName()} and ${audioName()}, all means over the same clips ` +
      `(those with both scores at every setting of the system; hover says how many). Better is up and to the back. ` +
      "Lines join settings that differ in one parameter: picture or sound. Between the points a surface is only interpolation. " +
      (grids.includes("triangulated") ? "A system whose settings form no grid is joined to its neighbours in rate and picture (Delaunay). " : "") +
      (grids.includes("ladder") ? "A system with one parameter is a line. " : "") +
      "Joint codecs are drawn stronger than pairs of separate codecs. Drag to turn, scroll to come nearer.";
  }

  // A 3D axis draws every tick that it is given, wanted or not: those inside the data only.
  function ticks() {
    const rates = shown().flatMap((system) => system.sheet.kbps);
    const [low, high] = [Math.min(...rates), Math.max(...rates)];
    return LOG_TICKS.filter((value) => value >= low / 1.3 && value <= high * 1.3);
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
      "Every pair of qualities that a system reaches at one total rate (the number at a line's end, in kbit/s): up and to the right is better. " +
      "Where one system's line lies beyond another's of the same rate, it gives more of both. Interpolated linearly over log rate along the edges " +
      `between measured settings, never beyond them. Means over the clips of each system, dataset ${here().dataset}.`;
  }

  function drawSlice() {
    sayRate();
    if (state.rate === null) return plane("slice-plot", [], "no rate lies between two settings");
    plane("slice-plot", shown().flatMap((system) => lines(system, state.rate).map((line) => lineTrace(system, line, state.rate, false))),
      `no system that is shown reaches ${show(state.rate)} kbit/s`);
    const words = [`best ${videoName()}`, `${audioName()} there`, `best ${audioName()}`, `${videoName()} there`, "clips"];
    const head = element("tr", {}, ...["system", ...words].map((word, at) =>
      element("th", { class: at ? "number" : "text", scope: "col" }, element("button", { type: "button", class: "sort" }, word))));
    const rows = shown().map((system) => {
      const places = lines(system, state.rate).flat();
      const name = element("th", { class: "text", scope: "row", "data-sort": system.name }, systemName(system.name));
      const clips = element("td", { class: "number", "data-sort": system.sheet.clips }, ofClips(system.sheet.clips).replace(/ clips?$/, ""));
      if (!places.length) {
        const [low, high] = [Math.min(...system.sheet.kbps), Math.max(...system.sheet.kbps)];
        const why = system.sheet.kbps.length < 2 || system.mesh.form === "scattered" ? "its settings are not joined"
          : state.rate < low ? `starts at ${show(low, 3)} kbit/s` : state.rate > high ? `ends at ${show(high, 3)} kbit/s` : "not measured around it";
        name.append(" ", element("small", {}, why));
        return element("tr", { class: "unranked" }, name,
          ...[1, 2, 3, 4].map(() => element("td", { class: "number", "data-sort": "" }, "—")), clips);
      }
      const best = (side, metric) => places.reduce((a, b) => (better(metric, b[side], a[side]) ? b : a));
      const cell = (value, strong) => element("td", { class: "number", "data-sort": value }, strong ? element("b", {}, show(value, 3)) : show(value, 3));
      const [sight, sound] = [best("video", videoName()), best("audio", audioName())];
      return element("tr", {}, name, cell(sight.video, true), cell(sight.audio), cell(sound.audio, true), cell(sound.video), clips);
    });
    $("slice-table").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
    $("slice-caption").textContent =
      `The two ends of each line: the best of the one quality that a system reaches at ${show(state.rate)} kbit/s in all, and what it then has of the other. ` +
      `Interpolated as the lines of equal rate; means over the same clips at every setting of a system, dataset ${here().dataset}.`;
  }

  // A correlation with its interval, on a line from −1 to +1.
  function interval(name, value, low, high) {
    const space = "http://www.w3.org/2000/svg";
    const box = document.createElementNS(space, "svg");
    const ink = `c${talkbench.common.systems[name]?.colour}`;
    const add = (kind, from, to, y1, y2) => {
      const line = document.createElementNS(space, "line");
      const place = (number) => 50 * (1 + number);
      const all = { class: kind, x1: place(from), x2: place(to), y1, y2 };
      for (const [key, word] of Object.entries(all)) line.setAttribute(key, word);
      box.append(line);
    };
    for (const [key, word] of [["viewBox", "0 0 100 14"], ["preserveAspectRatio", "none"], ["aria-hidden", true]]) box.setAttribute(key, word);
    add("zero", 0, 0, 0, 14);
    if (low !== null) add(`whisker ${ink}`, low, high, 7, 7);
    if (value !== null) add(`dot ${ink}`, value, value, 7, 7);
    return box;
  }

  function drawCorrelations() {
    const head = element("tr", {}, ...[["text", "system"], ["text", "kind"], ["number", "correlation"], ["plot", ""],
      ["number", "95 % interval"], ["number", "settings"], ["number", "clips"]].map(([kind, word]) =>
      element("th", { class: kind, scope: "col" }, kind === "plot"
        ? element("span", { class: "axis" }, element("i", {}, "trade"), element("i", {}, "together"))
        : element("button", { type: "button", class: "sort" }, word))));
    const minus = (value) => value.toFixed(2).replace("-", "−").replace(/^−0\.00$/, "0.00");
    const of = (system) => (system.reason ? [null, null, null, system.reason] : correlations[system.name]?.[state.audio] ?? [null, null, null, ""]);
    const ordered = [...scene].sort((a, b) => (of(b)[0] ?? -9) - (of(a)[0] ?? -9));
    const rows = ordered.map((system) => {
      const [value, low, high, reason] = of(system);
      const missing = (why) => [element("span", { class: "none" }, "—", ...(why ? [" ", element("small", {}, why)] : []))];
      const cell = (children, sort, kind = "number") => element("td", { class: kind, "data-sort": sort ?? "" }, ...children);
      const shape = system.mesh?.form === "lattice" ? ` (${system.mesh.shape.join(" × ")})` : "";
      return element("tr", {}, element("th", { class: "text", scope: "row", "data-sort": system.name }, systemName(system.name)),
        cell([system.kind === "joint" ? "joint" : "pair"], system.kind, "text"),
        cell(value === null ? missing(reason) : [element("b", {}, minus(value))], value),
        element("td", { class: "plot" }, interval(system.name, value, low, high)),
        cell(value === null ? missing("") : low === null ? missing(reason) : [`${minus(low)} to ${minus(high)}`], low),
        cell(system.sheet ? [`${system.sheet.points.length}${shape}`] : missing(""), system.sheet?.points.length),
        cell(system.sheet ? [ofClips(system.sheet.clips).replace(/ clips?$/, "")] : missing(""), system.sheet?.clips));
    });
    $("correlation-table").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
    $("correlation-caption").textContent =
      `Pearson's partial correlation of ${videoName()} and ${audioName()} (each turned so that larger is better) given log10 of the total rate, over a system's ` +
      `settings; each setting is one observation, its values means over clips of the dataset ${here().dataset}. ` +
      "It says how the two qualities move together where the rate stays the same: " +
      "−1, what the one gains the other loses; towards +1, both rise together. Separate codecs only trade bits, so theirs is usually negative. The interval is a " +
      "bootstrap over clips (1000 resamples, all means made anew). It also depends on which settings were measured: compare systems over like grids.";
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
