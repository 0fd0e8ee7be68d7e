"use strict";
// The surfaces page's view in space: a surface, its wires and its points a system, and from where they are seen.

const surfacesSpace = (() => {
  const SYMBOLS_3D = ["circle", "square", "diamond", "circle-open", "square-open", "x", "cross"];
  // From where a view looks, and the axis that is then nearly a point. Not quite along it: plotly could not say
  // on which side the other axes have their numbers.
  const VIEWS = {
    turn: { eye: { x: 1.05, y: -1.6, z: 0.55 }, low: -0.12, flat: "", projection: "perspective" },
    picture: { eye: { x: 0, y: -0.05, z: 1.35 }, low: 0, flat: "z", projection: "orthographic" },
    sound: { eye: { x: 0, y: -1.35, z: 0.05 }, low: 0, flat: "y", projection: "orthographic" },
    both: { eye: { x: 1.35, y: 0, z: 0.05 }, low: 0, flat: "x", projection: "orthographic" },
  };
  const WORDS = [["turn", "3D"], ["picture", "rate–video"], ["sound", "rate–audio"], ["both", "video–audio"]];

  function camera(state) {
    if (!VIEWS[state.view]) return state.camera;
    const { eye, low, projection } = VIEWS[state.view];
    // A narrow figure needs more distance, for its axes' names at both sides.
    const far = narrowScreen() ? 1.25 : 1;
    return { eye: { x: far * eye.x, y: far * eye.y, z: far * eye.z }, center: { x: 0, y: 0, z: low }, up: { x: 0, y: 0, z: 1 },
      projection: { type: projection } };
  }

  // A parallel projection is as large as the box itself, whatever the distance.
  function aspect(state) {
    const size = camera(state).projection?.type === "orthographic" ? (narrowScreen() ? 1.2 : 1.6) : 1;
    return { x: 1.15 * size, y: size, z: 0.85 * size };
  }

  // A 3D axis draws every tick that it is given, wanted or not: those inside the data only.
  function ticks(systems) {
    const rates = systems.flatMap((system) => system.sheet.kbps);
    const [low, high] = [Math.min(...rates), Math.max(...rates)];
    return LOG_TICKS.filter((value) => value >= low / 1.3 && value <= high * 1.3);
  }

  function traces(systems, look) {
    const made = [];
    for (const system of systems) {
      const own = talkbench.common.systems[system.name];
      const ink = colour(own.colour);
      const joint = system.kind === "joint";
      const place = (order) => ({
        x: order.map((at) => (at === null ? null : system.sheet.kbps[at])),
        y: order.map((at) => (at === null ? null : system.video[at])),
        z: order.map((at) => (at === null ? null : system.audio[at])),
      });
      const all = system.sheet.points.map((_, at) => at);
      const corner = (first) => system.mesh.triangles.filter((_, at) => at % 3 === first);
      if (system.mesh.triangles.length) {
        made.push({
          type: "mesh3d", name: plain(system.name), ...place(all), i: corner(0), j: corner(1), k: corner(2),
          color: ink, opacity: joint ? 0.55 : 0.22, flatshading: true, hoverinfo: "skip", showscale: false,
          lighting: { ambient: 0.85, diffuse: 0.35, specular: 0.05 },
        });
      }
      const wires = [...system.mesh.rows, ...system.mesh.columns].flatMap((line) => [...line, null]);
      if (wires.length) {
        made.push({
          type: "scatter3d", mode: "lines", name: plain(system.name), ...place(wires), hoverinfo: "skip", connectgaps: false,
          line: { color: ink, width: joint ? 5 : 2.5, dash: DASHES[own.dash] },
        });
      }
      made.push({
        type: "scatter3d", mode: "markers", name: plain(system.name), ...place(all), hoverinfo: "text",
        hovertext: all.map((at) => look.hover(system, at)),
        marker: { color: ink, size: (joint ? 5 : 3.5) * (narrowScreen() ? 0.75 : 1), symbol: SYMBOLS_3D[own.symbol], line: { color: css("--ground"), width: 0.5 } },
      });
    }
    return made;
  }

  // state: view, turns, camera; systems: name, kind, sheet, mesh, and the values video and audio;
  // look: { log, video: { name, axis }, audio, hover(system, at), turned(flat before) }.
  function draw(box, state, systems, look) {
    // The axis along which a view looks is left out, as all its numbers would overlap; and the names of
    // the other two stand at the figure's edges, because plotly sets them on the numbers there.
    const flat = VIEWS[state.view]?.flat ?? "";
    const names = { x: "total kbit/s", y: look.video.name, z: look.audio.name };
    const [across, up] = ["x", "y", "z"].filter((name) => name !== flat);
    const shown = ticks(systems);
    const nticks = narrowScreen() ? 5 : 8;
    const edge = (own) => ({ xref: "paper", yref: "paper", showarrow: false, font: { size: 12 }, ...own });
    const axis = { gridcolor: css("--rule"), linecolor: css("--quiet"), zeroline: false, showbackground: false,
      tickfont: { size: 11 }, title: { font: { size: 12 } }, showspikes: true, spikecolor: css("--quiet"), spikethickness: 1 };
    const title = (name, own) => ({ ...axis, ...own, visible: name !== flat, title: { ...axis.title, text: flat ? "" : names[name] } });
    Plotly.react(box, traces(systems, look), layout({
      margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, uirevision: "kept",
      annotations: flat ? [edge({ x: 0.5, y: 0, yanchor: "bottom", text: names[across] }),
        edge({ x: 0, y: 0.5, xanchor: "left", textangle: -90, text: names[up] })] : [],
      scene: {
        // A new revision lets go of how the reader has turned the last one.
        aspectmode: "manual", aspectratio: aspect(state), camera: camera(state), dragmode: "turntable", uirevision: `view ${state.turns}`,
        xaxis: title("x", { ...rateAxis("", look.log), ...(look.log ? { tickvals: shown, ticktext: shown.map((v) => show(v, 1)) } : {}) }),
        yaxis: title("y", { nticks, ...look.video.axis }), zaxis: title("z", { nticks, ...look.audio.axis }),
      },
    }), CONFIG).then((plot) => {
      if (plot.dataset.listening) return;
      plot.dataset.listening = "yes";
      plot.on("plotly_relayout", (change) => {
        if (!("scene.camera" in change)) return;  // only a hand changes the camera as a whole
        const before = VIEWS[state.view]?.flat;
        Object.assign(state, { view: "free", camera: change["scene.camera"] });
        look.turned(Boolean(before));
      });
    });
  }

  return { VIEWS, WORDS, draw };
})();
