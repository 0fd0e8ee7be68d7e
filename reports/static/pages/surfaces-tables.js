"use strict";
// The surfaces page's tables: what each system reaches at one rate, and how its two qualities go together.

const surfacesTables = (() => {
  // systems: each with its places { video, audio } at the rate; video, audio: the metrics' names; better(name, a, b).
  function slice(table, rate, { video, audio, better }, systems) {
    const words = [`best ${video}`, `${audio} there`, `best ${audio}`, `${video} there`, "clips"];
    const head = element("tr", {}, ...["system", ...words].map((word, at) =>
      element("th", { class: at ? "number" : "text", scope: "col" }, element("button", { type: "button", class: "sort" }, word))));
    const rows = systems.map((system) => {
      const { places } = system;
      const name = element("th", { class: "text", scope: "row", "data-sort": system.name }, systemName(system.name));
      const clips = element("td", { class: "number", "data-sort": system.sheet.clips }, system.clips.replace(/ clips?$/, ""));
      if (!places.length) {
        const [low, high] = [Math.min(...system.sheet.kbps), Math.max(...system.sheet.kbps)];
        const why = system.sheet.kbps.length < 2 || system.mesh.form === "scattered" ? "its settings form no surface"
          : rate < low ? `starts at ${show(low, 3)} kbit/s` : rate > high ? `ends at ${show(high, 3)} kbit/s` : "not measured near this rate";
        name.append(" ", element("small", {}, why));
        return element("tr", { class: "unranked" }, name,
          ...[1, 2, 3, 4].map(() => element("td", { class: "number", "data-sort": "" }, "—")), clips);
      }
      const best = (side, metric) => places.reduce((a, b) => (better(metric, b[side], a[side]) ? b : a));
      const cell = (value, strong) => element("td", { class: "number", "data-sort": value }, strong ? element("b", {}, show(value, 3)) : show(value, 3));
      const [sight, sound] = [best("video", video), best("audio", audio)];
      return element("tr", {}, name, cell(sight.video, true), cell(sight.audio), cell(sound.audio, true), cell(sound.video), clips);
    });
    table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
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

  // systems: each with found = [correlation, low, high, reason].
  function correlations(table, systems) {
    const head = element("tr", {}, ...[["text", "system"], ["text", "kind"], ["number", "correlation"], ["plot", ""],
      ["number", "95 % interval"], ["number", "settings"], ["number", "clips"]].map(([kind, word]) =>
      element("th", { class: kind, scope: "col" }, kind === "plot"
        ? element("span", { class: "axis" }, element("i", {}, "trade"), element("i", {}, "together"))
        : element("button", { type: "button", class: "sort" }, word))));
    const minus = (value) => value.toFixed(2).replace("-", "−").replace(/^−0\.00$/, "0.00");
    const ordered = [...systems].sort((a, b) => (b.found[0] ?? -9) - (a.found[0] ?? -9));
    const rows = ordered.map((system) => {
      const [value, low, high, reason] = system.found;
      const missing = (why) => [element("span", { class: "none" }, "—", ...(why ? [" ", element("small", {}, why)] : []))];
      const cell = (children, sort, kind = "number") => element("td", { class: kind, "data-sort": sort ?? "" }, ...children);
      const shape = system.mesh?.form === "lattice" ? ` (${system.mesh.shape.join(" × ")})` : "";
      return element("tr", {}, element("th", { class: "text", scope: "row", "data-sort": system.name }, systemName(system.name)),
        cell([system.kind === "joint" ? "joint" : "pair"], system.kind, "text"),
        cell(value === null ? missing(reason) : [element("b", {}, minus(value))], value),
        element("td", { class: "plot" }, interval(system.name, value, low, high)),
        cell(value === null ? missing("") : low === null ? missing(reason) : [`${minus(low)} to ${minus(high)}`], low),
        cell(system.sheet ? [`${system.sheet.points.length}${shape}`] : missing(""), system.sheet?.points.length),
        cell(system.sheet ? [system.clips.replace(/ clips?$/, "")] : missing(""), system.sheet?.clips));
    });
    table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
  }

  return { slice, correlations };
})();
