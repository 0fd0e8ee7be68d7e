"use strict";
// AVCC Table 3 for any two variants, as reports/papers/ablation.py makes it.

const papersVariants = (() => {
  const { cell, absent, number, line, clipsCell, at } = papersCells;

  const clipsOf = (shown, means) => clipsCell(means.filter(Boolean).map((mean) => mean.clips), shown[0]?.expected ?? 0);
  const read = (found) => (found ? number(found.value, 4, found.reason) : absent("not scored"));

  function difference(board, step, others) {
    const word = step === 0 ? "" : (step > 0) === board.higher ? "better" : "worse";
    return cell(`${step > 0 ? "+" : ""}${show(step, 3)}`, {
      notes: [word || "equal"], flag: others ? "clips differ" : "", look: word,
    });
  }

  const others = (a, b) => !a || !b || a.which !== b.which || a.clips !== b.clips;

  function three(point, part, kbps, values, steps) {
    const again = cell(point, { kind: "text", look: "again" });
    const change = kbps[0] === kbps[1] ? cell("") : kbps[0] > 0 ? cell(percent(100 * (kbps[1] / kbps[0] - 1))) : absent("no bits");
    return [
      line([cell(part.first, { kind: "system" }), cell(point, { kind: "text" }), number(kbps[0]), ...values[0]]),
      line([cell(part.second, { kind: "system" }), again, number(kbps[1]), ...values[1]]),
      line([cell("difference", { kind: "text" }), again, change, ...steps, cell("")], "difference"),
    ];
  }

  const mean = (row) => row && { point: row[0], kbps: row[1], value: row[2], clips: row[3], which: row[4] };
  const meanAt = (board, system, point) => mean(board.curve(system)?.means.find((row) => row[0] === point));

  function atPoints(shown, part) {
    const rates = [part.first, part.second].map((system) => {
      const found = new Map();
      for (const board of shown) {
        for (const row of board.curve(system)?.means ?? []) if (!found.has(row[0])) found.set(row[0], row[1]);
      }
      return found;
    });
    const common = [...rates[0].keys()].filter((point) => rates[1].has(point))
      .sort((a, b) => rates[0].get(a) - rates[0].get(b) || (a < b ? -1 : 1));
    return common.flatMap((point) => {
      const sides = [part.first, part.second].map((system) => shown.map((board) => meanAt(board, system, point)));
      const values = sides.map((side) => [...side.map((m) => (m ? number(m.value) : absent("not scored"))), clipsOf(shown, side)]);
      const steps = shown.map((board, i) => {
        const [a, b] = [sides[0][i], sides[1][i]];
        return a && b ? difference(board, b.value - a.value, others(a, b)) : absent("");
      });
      return three(point, part, rates.map((side) => side.get(point)), values, steps);
    });
  }

  function atRates(shown, part) {
    const sides = [part.first, part.second].map((system) => shown.map((board) => board.curve(system)));
    const base = sides[0].find((curve) => curve?.knots.length);
    return (base?.knots ?? []).flatMap(([x], k) => {
      const kbps = 10 ** x;
      const found = sides.map((side) => side.map((curve) => curve && at(curve, kbps)));
      const values = found.map((side, i) => [...side.map(read), clipsOf(shown, sides[i])]);
      const steps = shown.map((board, i) => {
        const [a, b] = [found[0][i], found[1][i]];
        if (!a || !b || a.value === null || b.value === null) return absent("");
        return difference(board, b.value - a.value, others(sides[0][i], sides[1][i]));
      });
      return three(base.points[k], part, [kbps, kbps], values, steps);
    });
  }

  // The rows of a table of two variants; part: { first, second, mode }.
  const rows = (shown, part) => (part.mode === "points" ? atPoints : atRates)(shown, part);
  return { rows, read, mean, clipsOf };
})();
