"use strict";
// Tables of the papers' page as reports/papers/cells.py has them: cells with what they rest on, and curves read off.

const papersCells = (() => {
  const DASH = "—";
  const cell = (text, more = {}) => ({ text, kind: "number", notes: [], flag: "", look: "", marks: [], ...more });
  const absent = (reason) => cell(DASH, { notes: [reason] });
  const number = (value, digits = 4, reason = "") => (value === null ? absent(reason) : cell(show(value, digits)));
  const missing = (name, reason, kind = "metric") =>
    ({ kind: "missing", cells: [cell(name, { kind }), cell(reason, { kind: "text" })] });
  const line = (cells, kind = "") => ({ kind, cells });
  const head = (text, kind = "number", more = {}) => ({ text, kind, hint: "", marks: [], ...more });
  const CLIPS = head("clips", "number", { hint: "clips with a score, of the clips in the plan" });

  const arrow = (board) => (board.higher ? "↑" : "↓");
  const metricHead = (board) =>
    head(`${board.label}${board.unit ? `, ${board.unit}` : ""} ${arrow(board)}`, "number", { marks: board.marks });

  // '48 of 50', or '47–48 of 50' where a row's numbers differ.
  function clipsCell(counts, expected) {
    if (!counts.length) return absent("");
    const [low, high] = [Math.min(...counts), Math.max(...counts)];
    return cell(`${low === high ? low : `${low}–${high}`} of ${expected}`, { look: low < expected ? "short" : "" });
  }

  // All that a cell says, on one line, for copies.
  function plainText(made) {
    const beside = [...made.marks, ...made.notes, made.flag].filter(Boolean).join("; ");
    if (made.text === DASH) return beside ? `${DASH} ${beside}` : DASH;
    return beside ? `${made.text} (${beside})` : made.text;
  }

  function named(made) {
    const parts = [made.kind === "system" ? systemName(made.text) : made.text];
    for (const mark of made.marks) parts.push(" ", element("span", { class: "mark" }, mark));
    return parts;
  }

  function inside(made) {
    if (made.text === DASH) {
      const box = element("span", { class: "none" }, DASH);
      for (const note of made.notes) if (note) box.append(" ", element("small", {}, note));
      return [box];
    }
    const parts = named(made);
    for (const note of made.notes) parts.push(" ", element("small", {}, note));
    if (made.flag) parts.push(" ", element("span", { class: "flag" }, made.flag));
    return parts;
  }

  function row(made, columns) {
    const cells = made.cells.map((one, at) => {
      if (at === 0) return element("th", { scope: "row", class: `text ${one.look}` }, ...inside(one));
      if (made.kind === "missing") {
        return element("td", { class: "text why", colspan: columns - 1 }, `${DASH} ${one.text}`);
      }
      const kind = one.kind === "number" ? "number" : "text";
      return element("td", { class: `${kind} ${one.look}`, "data-text": plainText(one) }, ...inside(one));
    });
    return element("tr", made.kind ? { class: made.kind } : {}, ...cells);
  }

  // Fill a table with heads and lines, and the names in its caption.
  function fill(table, heads, lines, said) {
    const top = heads.map((one) => element("th", {
      scope: "col", class: one.kind === "text" ? "text" : "number", ...(one.hint ? { title: one.hint } : {}),
    }, ...named(one)));
    table.tHead.replaceChildren(element("tr", {}, ...top));
    table.tBodies[0].replaceChildren(...lines.map((one) => row(one, heads.length)));
    const caption = table.ownerDocument.getElementById(`${table.id}-caption`);
    for (const part of caption.querySelectorAll("[data-said]")) part.textContent = said[part.dataset.said];
  }

  // ------------------------------------------------------------------------------------ curves

  // A curve's value at a rate: cubic Hermite through its knots (log10 kbit/s, value, slope), never extrapolated.
  function at(curve, kbps) {
    const knots = curve.knots;
    if (!knots.length) return { value: null, reason: "too few points" };
    const x = Math.log10(kbps);
    const close = 1e-9;
    if (x < knots[0][0] - close) return { value: null, reason: "below range" };
    if (x > knots[knots.length - 1][0] + close) return { value: null, reason: "above range" };
    if (knots.length < 2) return { value: null, reason: "too few points" };
    let i = 0;
    while (i < knots.length - 2 && x > knots[i + 1][0]) i += 1;
    const [[x0, y0, d0], [x1, y1, d1]] = [knots[i], knots[i + 1]];
    const h = x1 - x0;
    const t = Math.min(Math.max((x - x0) / h, 0), 1);
    const s = 1 - t;
    const value = s * s * (1 + 2 * t) * y0 + t * t * (3 - 2 * t) * y1 + h * t * s * (s * d0 - t * d1);
    return { value, reason: "" };
  }

  const ends = (curve) => [10 ** curve.knots[0][0], 10 ** curve.knots[curve.knots.length - 1][0]];

  function floorTo(value, digits) {
    const unit = 10 ** (Math.floor(Math.log10(value)) - digits + 1);
    return Number((Math.floor(value / unit + 1e-9) * unit).toPrecision(digits));
  }

  // The largest rate that all systems cover, or the one that most do; curves: per system those that count.
  function commonRate(curves) {
    const ranges = curves
      .filter((several) => several.length && several.every((curve) => curve.knots.length >= 2))
      .map((several) => several.map(ends))
      .map((both) => [Math.max(...both.map((e) => e[0])), Math.min(...both.map((e) => e[1]))]);
    const covered = (kbps) => ranges.filter(([low, high]) => low <= kbps && kbps <= high * (1 + 1e-9)).length;
    if (!ranges.length) return { kbps: null, covered, systems: 0 };
    const best = ranges.map((range) => range[1]).reduce((a, b) =>
      (covered(b) > covered(a) || (covered(b) === covered(a) && b > a) ? b : a));
    const rounded = floorTo(best, 3);
    return { kbps: covered(rounded) >= covered(best) ? rounded : best, covered, systems: ranges.length };
  }

  return {
    DASH, cell, absent, number, missing, line, head, CLIPS, arrow, metricHead, clipsCell, fill, at, ends, commonRate,
  };
})();
