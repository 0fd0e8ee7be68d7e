"use strict";
// The index's tables, made from data: by metric, one metric in detail, every pair. Their rows say what the rows of
// templates/_leaderboard.html say, for any anchor.

const indexTables = (() => {
  const MODALITIES = { video: "video", audio: "audio", pair: "video with audio" };
  const LONG = {
    rank: "1 + the number of significantly better systems; = not distinguishable from another system",
    bd: "mean difference of rate at equal quality against the anchor; negative needs less rate",
    ci: "percentile bootstrap over clips, 1000 resamples",
    median: "median of the clips' own BD-rates",
    overlap: "common part of the two quality ranges, in percent of their joint range",
    range: "measured rates of the first and last point of the curve",
    clips: "clips with a score at every point of the curve, of the clips in the plan",
  };
  const MANY_ROWS = 45;  // above which a table scrolls in its own box, under its heads
  const SHORT = { low_overlap: "low" };
  let words = {}, statuses = [];

  // What `system` needs against `anchor` on a board, or null where the two are one or one of them is not on it.
  function pair(board, system, anchor) {
    const place = (board.places ??= new Map(board.systems.map((name, at) => [name, at])));
    const [row, column] = [place.get(system), place.get(anchor)];
    if (row === undefined || column === undefined || row === column) return null;
    const at = row * board.systems.length + column;
    const found = { status: statuses[board.pairs.status[at]] ?? "" };
    for (const name of Object.keys(board.pairs)) if (name !== "status") found[name] = board.pairs[name][at];
    return { ...found, flag: found.bd === null ? "" : words[found.status] ?? "", tie: found.low !== null && found.low <= 0 && found.high >= 0 };
  }

  // Ranked systems first, then by the number against the anchor.
  function order(board, anchor) {
    const worth = (name) => (name === anchor ? 0 : pair(board, name, anchor)?.bd ?? Infinity);
    const ranks = new Map(board.systems.map((name, at) => [name, board.rank[at] ?? Infinity]));
    const compare = (a, b) => (a === b ? 0 : a < b ? -1 : 1);
    return [...board.systems].sort((a, b) =>
      compare(ranks.get(a), ranks.get(b)) || compare(worth(a), worth(b)) || compare(a, b));
  }

  const firstRank = (board) => Math.min(...board.rank.filter((rank) => rank !== null));
  const isFirst = (board, system) => {
    const rank = board.rank[board.systems.indexOf(system)];
    return rank !== null && rank !== undefined && rank === firstRank(board);
  };

  const none = (reason) => element("span", { class: "none" }, "—", ...(reason ? [" ", element("small", {}, reason)] : []));
  const text = (value) => (value === null || value === undefined ? "" : String(value));
  const cell = (kind, sort, ...children) => element("td", { class: kind, "data-sort": text(sort) }, ...children);
  const button = (label) => element("button", { type: "button", class: "sort" }, label);
  const head = (label, kind, title = "") =>
    element("th", { scope: "col", class: kind, "data-key": label, ...(title ? { title } : {}) }, button(label));
  const rowHead = (name) => element("th", { scope: "row", class: "text", "data-sort": name }, systemName(name));

  function tint(value) {
    const distance = Math.log10(Math.max(1 + value / 100, 1e-3));
    const step = Math.min(Math.floor(Math.abs(distance) / 0.06 + 0.5), 5);
    return step ? ` ${distance < 0 ? "less" : "more"}-${step}` : "";
  }

  // Fill a table, and keep what it was sorted by.
  function fill(table, headRows, rows, footRows = []) {
    table.parentElement.classList.toggle("tall", rows.length > MANY_ROWS);
    const before = table.querySelector("th[aria-sort]");
    const [key, direction] = [before?.dataset.key, before?.getAttribute("aria-sort")];
    table.replaceChildren(element("thead", {}, ...headRows), element("tbody", {}, ...rows),
      ...(footRows.length ? [element("tfoot", {}, ...footRows)] : []));
    const again = before && [...table.tHead.querySelectorAll("th")].find((th) => th.dataset.key === key);
    if (again) {
      sortBy(again);
      if (direction === "descending") sortBy(again);
    }
  }

  // ------------------------------------------------------------------------------------ by metric

  function metricHead(header) {
    const marks = header.marks.flatMap((mark) => [" ", element("span", { class: "mark" }, mark)]);
    return element("th", { scope: "col", class: "number", "data-key": header.label, title: `${header.higher ? "higher" : "lower"} is better` },
      button(header.label), ...marks);
  }

  function bdCell(board, system, anchor) {
    const first = board && isFirst(board, system) ? " first" : "";
    if (!board || !board.systems.includes(system)) return cell("number", "", none("not scored"));
    if (!board.systems.includes(anchor)) return cell("number", "", none("anchor not scored"));
    if (system === anchor) {
      return cell(`number${first}`, 0, element("span", { class: "value" }, "0 %"), element("span", { class: "ci" }, "anchor"));
    }
    const found = pair(board, system, anchor);
    if (found.bd === null) return cell("number", "", none(words[found.status]));
    const made = cell(`number${tint(found.bd)}${first}`, found.bd,
      element("span", { class: "value" }, percent(found.bd)),
      element("span", { class: "ci" },
        ...(found.tie ? [element("b", { class: "tie" }, "tie"), " "] : []),
        ...(found.flag ? [element("b", { class: "short" }, SHORT[found.status] ?? found.flag), " "] : []),
        found.low === null ? "no interval" : interval(found.low, found.high).replace(" %", "")));
    const of = board.expected[board.systems.indexOf(system)];
    made.title = `overlap ${Math.round(found.overlap)} %, ${found.clips} of ${of} clips`;
    made.dataset.text = `${percent(found.bd)} [${found.low === null ? "no interval" : interval(found.low, found.high)}]` +
      `${found.tie ? " tie" : ""}${found.flag ? ` ${found.flag}` : ""}`;
    return made;
  }

  // headers: of the columns; boards: their data; systems: rows, in order.
  function byMetric(table, headers, boards, systems, anchor) {
    const spans = [];
    for (const { modality } of headers) {
      if (spans.at(-1)?.modality === modality) spans.at(-1).span += 1;
      else spans.push({ modality, span: 1 });
    }
    const groups = spans.length < 2 ? [] : [element("tr", { class: "groups" }, element("td"), ...spans.map(({ modality, span }) =>
      element("th", { scope: "colgroup", colspan: span }, MODALITIES[modality] ?? modality)))];
    fill(table, [...groups, element("tr", {}, head("system", "text"), ...headers.map(metricHead))],
      systems.map((system) => element("tr", system === anchor ? { class: "anchor" } : {}, rowHead(system),
        ...boards.map((board) => bdCell(board, system, anchor)))));
  }

  // ------------------------------------------------------------------------------------ one metric

  function scale(board, anchor) {
    const log = (value) => Math.log10(Math.max(1 + value / 100, 1e-3));
    const values = board.systems.flatMap((name) => {
      const found = pair(board, name, anchor);
      return found ? [found.bd, found.low, found.high].filter((value) => value !== null) : [];
    });
    const [low, high] = [log(Math.min(0, ...values)) - 0.02, log(Math.max(0, ...values)) + 0.02];
    return (value) => (100 * (log(value) - low) / (high - low)).toFixed(2);
  }

  function intervalPlot(at, found, system) {
    const space = "http://www.w3.org/2000/svg";
    const made = (tag, attributes) => {
      const one = document.createElementNS(space, tag);
      for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
      return one;
    };
    const box = made("svg", { viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": true });
    const colour = `c${talkbench.common.systems[system].colour}`;
    const line = (kind, from, to, y1, y2) => box.append(made("line", { class: kind, x1: at(from), x2: at(to), y1, y2 }));
    line("zero", 0, 0, 0, 14);
    if (found && found.low !== null) line(`whisker ${colour}`, found.low, found.high, 7, 7);
    if (found && found.bd !== null) line(`dot ${colour}`, found.bd, found.bd, 7, 7);
    return element("td", { class: "plot" }, box);
  }

  const whyNoInterval = (board, found) =>
    found.bd === null ? "no BD-rate" : board.pooled ? "one value for all clips" : found.clips === 1 ? "one clip"
      : board.star ? "only against the default anchor" : "resamples without overlap";

  function againstAnchor(board, system, anchor, at) {
    if (system === anchor) {
      return [cell("number", 0, "0 % ", element("small", {}, "anchor")), intervalPlot(at, null, system),
        cell("text", 0, none("anchor")), cell("number", 0, none("anchor")), cell("number", "", none("anchor"))];
    }
    const found = pair(board, system, anchor);
    const flags = [
      ...(found.tie ? [" ", element("small", { class: "tie" }, "tie")] : []),
      ...(found.flag ? [" ", element("span", { class: "flag" }, found.flag)] : []),
    ];
    const few = found.medianClips < found.clips ? [" ", element("small", {}, clipsWord(found.medianClips))] : [];
    const whyNoMedian = board.pooled ? "one value for all clips" : found.clips > 1 ? "no clip alone" : "too few clips";
    return [
      cell("number strong", found.bd, ...(found.bd === null ? [none(words[found.status])] : [percent(found.bd), ...flags])),
      intervalPlot(at, found, system),
      cell("text", found.low, found.low === null ? none(whyNoInterval(board, found)) : interval(found.low, found.high)),
      cell("number", found.median, ...(found.median === null ? [none(whyNoMedian)] : [percent(found.median), ...few])),
      cell("number", found.overlap, found.overlap === null ? none(found.clips ? "no curve" : "no common clip") : `${Math.round(found.overlap)} %`),
    ];
  }

  function rankCell(board, at) {
    if (board.rank[at] === null) return cell("number rank", "", "—");
    const made = cell("number rank", board.rank[at], String(board.rank[at]));
    if (board.tied[at]) {
      const unsure = board.systems.filter((name) => board.rank[board.systems.indexOf(name)] !== null && pair(board, board.systems[at], name)?.tie);
      made.append(element("span", { class: "tie" }, "="));
      made.title = unsure.length ? `not significantly better or worse than ${unsure.join(", ")}` : "not significantly better or worse than another system";
    }
    return made;
  }

  const matched = (value, digits) => typeof value === "number"
    ? cell("number", value, show(value, digits)) : cell("number", "", none(value.replace(" range", "")));

  function boardRow(board, system, anchor, header, at) {
    const i = board.systems.indexOf(system);
    const range = board.low[i] === null ? none("no clip has every point")
      : show(board.low[i], 3) + (board.points[i] > 1 ? `–${show(board.high[i], 3)}` : "");
    const named = rowHead(system);
    if (board.rank[i] === null) named.append(element("small", { class: "why" }, `not ranked: ${board.reason[i]}`));
    return element("tr", { class: system === anchor ? "anchor" : board.rank[i] === null ? "unranked" : "" },
      rankCell(board, i), named, ...againstAnchor(board, system, anchor, at),
      ...board.quality[i].map((value) => matched(value, 4)),
      ...(header.target === null ? [] : [matched(board.kbps[i], 3)]),
      cell("number", board.low[i], range),
      cell(`number${board.covered[i] < board.expected[i] ? " short" : ""}`, board.covered[i], `${board.covered[i]} of ${board.expected[i]}`));
  }

  function detail(table, header, board, systems, anchor, kbps) {
    const axis = element("th", { scope: "col", class: "plot" },
      element("span", { class: "axis" }, element("i", {}, "less"), element("i", {}, "more rate")));
    const heads = element("tr", {}, head("#", "number", LONG.rank), head("system", "text"), head("BD-rate", "number", LONG.bd), axis,
      head("95 % interval", "text", LONG.ci), head("median", "number", LONG.median), head("overlap", "number", LONG.overlap),
      ...kbps.map((rate) => head(`${header.higher ? "↑" : "↓"} at ${show(rate)}`, "number",
        `${header.metric} at ${show(rate)} kbit/s, interpolated, never extrapolated`)),
      ...(header.target === null ? [] : [head(`kbit/s at ${show(header.target)}`, "number",
        `rate at which ${header.metric} is ${show(header.target)}: the middle point of ${header.anchor}`)]),
      head("kbit/s from\u2060–\u2060to", "number", LONG.range), head("clips", "number", LONG.clips));
    const found = board.reference;
    const foot = !found ? [] : [element("tr", { class: "reference" }, element("td"), element("th", { scope: "row", class: "text" }, "uncoded"),
      element("td", { colspan: 5, class: "text" }, element("small", {}, "the uncoded clips, for reference")),
      ...kbps.map(() => element("td", { class: "number" }, show(found.value))),
      ...(header.target === null ? [] : [element("td")]), element("td"),
      element("td", { class: `number${found.scored < found.expected ? " short" : ""}` }, `${found.scored} of ${found.expected}`))];
    const at = scale(board, anchor);
    fill(table, [heads], systems.map((system) => boardRow(board, system, anchor, header, at)), foot);
  }

  // ------------------------------------------------------------------------------------ every pair

  function pairCell(board, system, anchor) {
    if (system === anchor) return element("td", { class: "number self" }, "·");
    const found = pair(board, system, anchor);
    if (found.bd === null) return element("td", { class: "number" }, none(words[found.status]));
    const low = found.low === null;
    const made = element("td", { class: `number${tint(found.bd)}${found.tie ? " unsure" : ""}` }, percent(found.bd));
    const small = found.tie ? "tie" : low ? "?" : "";
    if (small) made.append(" ", element("small", { class: "tie" }, small));
    if (found.flag) made.append(" ", element("small", { class: "short" }, SHORT[found.status] ?? found.flag));
    if (!low) made.dataset.text = `${percent(found.bd)} [${interval(found.low, found.high)}]${found.flag ? ` ${found.flag}` : ""}`;
    made.title = `${system} against ${anchor}: ${percent(found.bd)}, ` +
      (low ? `no interval (${whyNoInterval(board, found)})` : `95 % interval ${interval(found.low, found.high)}`) +
      `${found.tie ? ": a tie" : ""}; overlap ${Math.round(found.overlap)} %${found.flag ? `: ${found.flag}` : ""}; ${clipsWord(found.clips)}`;
    return made;
  }

  // A pair's name may break after its plus.
  const breakable = (name) => name.split(/(?<=\+)/).flatMap((part, at) => (at ? [document.createElement("wbr"), part] : [part]));

  function pairs(table, board, systems) {
    fill(table,
      [element("tr", {}, element("th", { class: "text corner", scope: "col" }, "row against column"),
        ...systems.map((name) => element("th", { class: "number", scope: "col" }, element("span", {}, ...breakable(name)))))],
      systems.map((system) => element("tr", {}, element("th", { class: "text", scope: "row" }, systemName(system)),
        ...systems.map((anchor) => pairCell(board, system, anchor)))));
  }

  return { setup: (data) => { [words, statuses] = [data.words, data.statuses]; }, pair, order, byMetric, detail, pairs, tableHead: head, tableFill: fill, tableCell: cell };
})();
