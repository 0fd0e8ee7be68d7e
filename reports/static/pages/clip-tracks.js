"use strict";
// Tracks: drawings one under the other over one time axis, each with the player's cursor; a click goes there.
// They are drawn when what they show changes; while the clip plays only the cursors move.

// seconds: length of the axis; seek(time); choose(from, to): a part was chosen with the shift key.
function clipTracks({ seconds, seek, choose }) {
  const boxes = new Map();  // box → its rows, as `fill` got them, with their elements
  let range = null, time = 0;

  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];

  function row(spec, last) {
    const canvas = spec.draw ? element("canvas", {}) : null;
    const cursor = element("i", { class: "cursor" });
    const band = element("i", { class: "band", hidden: "" });
    const plot = element("div", { class: "plot-area", role: "img", "aria-label": spec.says },
      ...(canvas ? [canvas] : [spec.picture]), band, cursor);
    plot.style.height = `${spec.height}px`;
    const gutter = element("div", { class: "gutter" }, ...(spec.ticks ?? []).map(([place, text]) => {
      const tick = element("span", {}, text);
      tick.style.bottom = `${100 * place}%`;
      return tick;
    }));
    const head = element("div", { class: "track-head" }, ...(spec.head ?? []));
    const made = element("div", { class: "track" }, head, gutter, plot);
    if (last) made.append(element("div", { class: "ruler" }));
    listen(plot);
    return { ...spec, canvas, cursor, band, plot, made, ruler: made.querySelector(".ruler"), width: 0 };
  }

  function listen(plot) {
    let from = null;
    const at = (event) => {
      const area = plot.getBoundingClientRect();
      return seconds * Math.max(0, Math.min(1, (event.clientX - area.left) / area.width));
    };
    plot.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      plot.setPointerCapture(event.pointerId);
      from = event.shiftKey ? at(event) : null;
      seek(at(event));
    });
    plot.addEventListener("pointermove", (event) => {
      if (!plot.hasPointerCapture(event.pointerId)) return;
      if (from !== null) choose(Math.min(from, at(event)), Math.max(from, at(event)));
      seek(at(event));
    });
  }

  function drawRow(found) {
    found.width = found.plot.clientWidth;
    if (!found.width) return;  // not shown now
    if (found.canvas) {
      const sharp = window.devicePixelRatio || 1;
      found.canvas.width = Math.round(found.width * sharp);
      found.canvas.height = Math.round(found.height * sharp);
      const context = found.canvas.getContext("2d");
      context.scale(sharp, sharp);
      found.draw(context, found.width, found.height);
    }
    if (found.ruler) {
      const step = steps.find((each) => (found.width * each) / seconds >= 55) ?? seconds;
      const marks = [];
      for (let n = 0; n * step <= seconds + 1e-9; n += 1) {
        const mark = element("span", {}, `${Number((n * step).toFixed(3))}${n ? "" : " s"}`);
        mark.style.left = `${(100 * n * step) / seconds}%`;
        // The last one would be cut off at the end of the axis.
        if ((found.width * (seconds - n * step)) / seconds < 14) mark.className = "end";
        marks.push(mark);
      }
      found.ruler.replaceChildren(...marks);
    }
    place(found);
  }

  function place(found) {
    const x = (value) => (found.width * value) / seconds;
    found.cursor.style.transform = `translateX(${x(time).toFixed(2)}px)`;
    found.band.hidden = !range;
    if (range) {
      found.band.style.left = `${x(range[0])}px`;
      found.band.style.width = `${x(range[1] - range[0])}px`;
    }
  }

  const all = () => [...boxes.values()].flat();
  const draw = (box) => { for (const found of box ? boxes.get(box) ?? [] : all()) drawRow(found); };
  const watcher = new ResizeObserver((entries) => {
    for (const entry of entries) for (const found of boxes.get(entry.target) ?? []) drawRow(found);
  });

  return {
    // rows: { says, height, head: nodes, ticks: [[place from the bottom, text]], draw(context, width, height) or
    // picture: element }. The last one has the time axis below it.
    fill(box, rows) {
      const made = rows.map((spec, at) => row(spec, at === rows.length - 1));
      boxes.set(box, made);
      box.replaceChildren(...made.map((each) => each.made));
      watcher.observe(box);
      for (const found of made) drawRow(found);
    },
    move(value) { time = value; for (const found of all()) if (found.width) found.cursor.style.transform = `translateX(${((found.width * value) / seconds).toFixed(2)}px)`; },
    select(value) { range = value; for (const found of all()) place(found); },
    draw,  // the rows of one box, or all
  };
}

// About `count` round values from low to high.
function clipTicks(low, high, count = 3) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) found.push(Number((n * step).toPrecision(12)));
  return found;
}

// A row of lines. series: { values, colour, dash } with one value a frame, null where there is none.
function clipCurveRow({ series, fps, seconds, height, ...rest }) {
  const known = series.flatMap((line) => line.values.filter((value) => value !== null));
  let low = Math.min(...bounds(known, Math.min)), high = Math.max(...bounds(known, Math.max));
  const room = high > low ? 0.06 * (high - low) : Math.abs(high) * 0.05 || 1;
  low -= room;
  high += room;
  const ticks = clipTicks(low, high, height > 100 ? 5 : 3);
  return {
    ...rest, height,
    ticks: ticks.map((value) => [(value - low) / (high - low), show(value, 4)]),
    draw(context, width, tall) {
      const y = (value) => tall * (1 - (value - low) / (high - low));
      const x = (frame) => (width * (frame + 0.5)) / fps / seconds;
      clipGrid(context, width, ticks.map(y));
      for (const line of series) {
        context.strokeStyle = css(line.colour);
        context.lineWidth = 1.6;
        context.setLineDash(line.dash);
        context.beginPath();
        let open = false;
        line.values.forEach((value, frame) => {
          if (value === null) { open = false; return; }
          if (open) context.lineTo(x(frame), y(value));
          else context.moveTo(x(frame), y(value));
          open = true;
        });
        context.stroke();
      }
      context.setLineDash([]);
    },
  };

  // Math.min(...values) fails for very many values.
  function bounds(values, pick) {
    const found = [];
    for (let at = 0; at < values.length; at += 10000) found.push(pick(...values.slice(at, at + 10000)));
    return found;
  }
}

function clipGrid(context, width, places) {
  context.strokeStyle = css("--rule");
  context.lineWidth = 1;
  for (const y of places) {
    context.beginPath();
    context.moveTo(0, Math.round(y) + 0.5);
    context.lineTo(width, Math.round(y) + 0.5);
    context.stroke();
  }
}
