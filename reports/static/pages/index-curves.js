"use strict";
// The index's figure of rate and quality: mean curves with bands, hulls, every clip's own curve, and the papers' views.

const indexCurves = (() => {
  const MOST_VERTICES = 30000;  // of thin lines in one figure: more makes a browser slow, and shows nothing
  // AVCC's Figure 3 turns what is better when low into what is better when high.
  const PAPERS = {
    dists: { from: 1, word: "1−DISTS" },
    lpips_alex: { from: 1, word: "1−LPIPS" },
    lpips_vgg: { from: 1, word: "1−LPIPS" },
    fid: { from: 200, word: "200−FID" },
  };

  const paperView = (header) => PAPERS[header?.metric];
  const translucent = (hex, alpha) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${r},${g},${b},${alpha})`;
  };

  function pointText(header, curve, i, value) {
    const unit = header.unit ? ` ${header.unit}` : "";
    const band = curve.low[i] === null ? "no interval" : `95 % interval ${show(curve.low[i])} to ${show(curve.high[i])}`;
    return `<b>${plain(curve.system)}</b> ${plain(curve.point[i])}<br>${plain(header.label)} ${show(curve.value[i])}${plain(unit)}` +
      `${value === curve.value[i] ? "" : ` (drawn: ${show(value)})`}<br>${band}<br>${show(curve.kbps[i])} kbit/s<br>mean of ${clipsWord(curve.clips[i])}`;
  }

  function traces(header, curves, board, look) {
    const made = { bands: [], clips: [], lines: [] };
    const left = [];
    let vertices = 0;
    for (const curve of curves) {
      const { line, marker } = systemLook(curve.system);
      const common = { type: "scatter", legendgroup: curve.system, name: plain(curve.system), showlegend: false, hoverinfo: "text" };
      const quiet = { ...common, hoverinfo: "skip" };
      const all = curve.kbps.map((_, i) => i);
      // A ladder is drawn as measured; of a grid only the front is a curve, and the other settings stay faint.
      const onLine = all.filter((i) => !curve.grid || curve.front.includes(i));
      const off = all.filter((i) => !onLine.includes(i));
      const x = (at) => at.map((i) => curve.kbps[i]);
      const y = (at, of = curve.value) => at.map((i) => (of[i] === null ? null : look.turn(of[i])));
      const hover = (at) => at.map((i) => pointText(header, curve, i, look.turn(curve.value[i])));
      if (look.bands) {
        const known = onLine.filter((i) => curve.low[i] !== null);
        const back = [...known].reverse();
        if (known.length > 1) {
          made.bands.push({ ...quiet, mode: "lines", fill: "toself", line: { width: 0 }, fillcolor: translucent(line.color, 0.16),
            x: [...x(known), ...x(back)], y: [...y(known, curve.low), ...y(back, curve.high)], meta: "band" });
        }
      }
      if (look.clips) {
        const own = look.clips.lines[curve.system] ?? [];
        const size = own.reduce((sum, [, kbps]) => sum + kbps.length + 1, 0);
        if (vertices + size > MOST_VERTICES) {
          left.push(curve.system);
        } else {
          vertices += size;
          const word = (clip) => `<b>${plain(look.clips.clips[clip])}</b><br>${plain(curve.system)}`;
          made.clips.push({ ...common, mode: "lines", opacity: 0.55, line: { ...line, dash: "solid", width: 0.8 }, meta: "clips",
            x: own.flatMap(([, kbps]) => [...kbps, null]), y: own.flatMap(([, , value]) => [...value.map(look.turn), null]),
            hovertext: own.flatMap(([clip, kbps, value]) => [...kbps.map((rate, i) =>
              `${word(clip)}<br>${plain(header.label)} ${show(value[i])} at ${show(rate)} kbit/s`), ""]) });
        }
      }
      if (look.hull && curve.hull.length > 1) {
        made.lines.push({ ...quiet, mode: "lines", line: { ...line, width: 1, dash: "dot" }, x: x(curve.hull), y: y(curve.hull), meta: "hull" });
      }
      made.lines.push({ ...common, mode: "lines+markers", line, marker, x: x(onLine), y: y(onLine), hovertext: hover(onLine), meta: "mean" });
      if (off.length) {
        made.lines.push({ ...common, mode: "markers", opacity: 0.3, marker: { ...marker, size: 5 }, x: x(off), y: y(off), hovertext: hover(off), meta: "off" });
      }
    }
    return { traces: [...made.bands, ...made.clips, ...made.lines], left };
  }

  // look: { log, bands, hull, clips: part or null, paper: whether the papers' view is on }.
  // Returns the systems whose clips were too many to draw.
  function draw(box, header, curves, board, asked) {
    const paper = asked.paper ? paperView(header) : undefined;
    const look = { ...asked, turn: paper ? (value) => paper.from - value : (value) => value };
    const found = traces(header, curves, board, look);
    const uncoded = board.reference ? look.turn(board.reference.value) : null;
    const unit = header.unit && !paper ? ` (${header.unit})` : "";
    Plotly.react(box, found.traces, layout({
      xaxis: rateAxis(`${header.rate} rate in kbit/s${look.log ? ", logarithmic" : ""}`, look.log),
      yaxis: { title: { text: paper ? `${paper.word}  ↑ higher is better` : `${plain(header.label + unit)}  ${header.higher ? "↑ higher" : "↓ lower"} is better` } },
      ...(uncoded === null ? {} : {
        shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: uncoded, y1: uncoded, line: { color: css("--quiet"), width: 1, dash: "dot" } }],
        annotations: [{ xref: "paper", x: 0, xanchor: "left", y: uncoded, yanchor: "bottom", showarrow: false,
          text: "uncoded", font: { color: css("--quiet"), size: 11 } }],
      }),
      hovermode: "closest", showlegend: false,
    }), CONFIG);
    return found.left;
  }

  function caption(header, curves, board, asked, left) {
    const paper = asked.paper ? paperView(header) : undefined;
    const many = left.length > 3 ? `${left.slice(0, 3).join(", ")} and ${left.length - 3} more` : left.join(", ");
    return [
      paper ? `AVCC's Figure 3 view: the axis is ${paper.word}` +
        (paper.from === 200 ? ", which the paper writes “200-FID” and means 200 minus FID" : `, ${header.label} turned over`) +
        ", so that up is better; hover shows the value itself. " : "",
      `${header.label} (${header.higher ? "higher" : "lower"} is better) over the ${header.rate} rate, ${header.dataset}. `,
      "Each point is the mean over the clips that have a score there; hover says how many. ",
      asked.bands ? (board.pooled ? "One value for all clips, so no band. " : "Bands: 95 % bootstrap over clips of the value at each point. ") : "",
      asked.clips ? "Thin lines: every clip's own curve" + (curves.some((curve) => curve.grid) ? " (its Pareto front)" : "") + ". " : "",
      left.length ? `The clips of ${many} are not drawn: too many lines for one figure; choose fewer systems. ` : "",
      asked.hull ? "Dotted hull: reachable by switching between settings over time (rates and values averaged). " : "",
      curves.some((curve) => curve.grid)
        ? "Points joined by a line are the Pareto front of a grid of settings; faint points are its other settings. " : "",
      board.reference ? `Dotted line: the uncoded clips (${show(board.reference.value)}). ` : "",
      "Straight lines only join points; BD-rates interpolate with PCHIP.",
    ].join("");
  }

  // The drawn points as rows, for readers who do not hover and for quoting.
  function points(table, header, curves) {
    const { tableHead: head, tableCell: cell } = indexTables;
    const unit = header.unit ? ` (${header.unit})` : "";
    indexTables.tableFill(table,
      [element("tr", {}, head("system", "text"), head("point", "text"), head("kbit/s", "number"), head(`${header.label}${unit}`, "number"),
        head("95 % interval", "text"), head("clips", "number"))],
      curves.flatMap((curve) => curve.kbps.map((kbps, i) => element("tr", {},
        element("th", { scope: "row", class: "text", "data-sort": curve.system }, systemName(curve.system)),
        cell("text", curve.point[i], curve.point[i]), cell("number", kbps, show(kbps)), cell("number", curve.value[i], show(curve.value[i])),
        cell("text", curve.low[i], curve.low[i] === null ? "—" : `${show(curve.low[i])} to ${show(curve.high[i])}`),
        cell("number", curve.clips[i], String(curve.clips[i]))))));
  }

  // Buttons that draw a system or not; pointing at one dims the others.
  function legend(list, names, drawn, toggle, box) {
    const dim = (name) => {
      if (!box.data) return;
      Plotly.restyle(box, { opacity: box.data.map((trace) => {
        const own = { clips: 0.55, off: 0.3 }[trace.meta] ?? 1;
        return name === null || trace.legendgroup === name ? own : own * 0.12;
      }) });
    };
    list.replaceChildren(...names.map((name) => {
      const button = element("button", { type: "button", "aria-pressed": drawn.has(name), "data-system": name }, systemName(name));
      button.addEventListener("click", () => toggle(name));
      for (const [event, to] of [["pointerenter", name], ["pointerleave", null], ["focus", name], ["blur", null]]) {
        button.addEventListener(event, () => { if (drawn.has(name)) dim(to); });
      }
      return element("li", {}, button);
    }));
  }

  return { PAPERS, paperView, draw, caption, points, legend };
})();
