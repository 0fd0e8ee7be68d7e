"use strict";
// What a recogniser heard of each sound, and the table of this clip's scores.

// A line of words with its errors marked by sign and shape as well as by colour.
function clipSentence(pieces) {
  const line = element("p", { class: "heard" });
  for (const [kind, said, found] of pieces) {
    if (kind === "equal") line.append(element("span", {}, said));
    if (kind === "substitute") {
      line.append(element("span", { class: "swap" }, element("del", {}, said), element("span", { class: "turned" }, "→"), element("ins", {}, found)));
    }
    if (kind === "delete") line.append(element("del", { class: "lost" }, `−${said}`));
    if (kind === "insert") line.append(element("ins", { class: "added" }, `+${found}`));
    line.append(" ");
  }
  return line;
}

// sounds: [{ label: nodes, words }] as the parts have them; metrics: of the page.
function clipWords(box, sounds, metrics, transcript) {
  const blocks = [];
  if (transcript) {
    blocks.push(element("div", { class: "spoken" }, element("h3", {}, "Transcript"), element("p", { class: "heard" }, transcript)));
  }
  for (const { label, words, why } of sounds) {
    const block = element("div", { class: "spoken" }, element("h3", {}, ...label));
    for (const entry of words) {
      const metric = metrics[entry.metric];
      const errors = entry.pieces.reduce((sum, [kind, said, found]) => {
        const count = (text) => (text ? text.split(" ").length : 0);
        return sum + { equal: 0, substitute: Math.max(count(said), count(found)), delete: count(said), insert: count(found) }[kind];
      }, 0);
      block.append(element("p", { class: "rate" }, element("b", {}, metric.label),
        ` ${show(100 * entry.value, 3)} %: ${errors} error${errors === 1 ? "" : "s"} in ${entry.words} word${entry.words === 1 ? "" : "s"} ` +
        (metric.metric.startsWith("dwer") ? "heard in the reference sound" : "of the transcript")), clipSentence(entry.pieces));
    }
    if (!words.length) block.append(element("p", { class: "none" }, `— ${why}`));
    blocks.push(block);
  }
  box.replaceChildren(...blocks);
  return sounds.some((sound) => sound.words.length);
}

// Rows of metrics, columns of panes; value(metric, pane) is a number, or the reason why there is none.
function clipScores(table, panes, metrics, value) {
  const kinds = { video: "video", audio: "audio", pair: "video with audio" };
  const cells = (number) => panes.map((pane) => value(number, pane));
  const rows = Object.keys(metrics).map((number) => [number, cells(number)])
    .filter(([, found]) => found.some((each) => typeof each === "number"));
  const head = element("tr", {}, element("th", { scope: "col", class: "text" }, "metric"),
    ...panes.map((pane) => element("th", { scope: "col", class: "number" }, ...pane.title)), element("th", { scope: "col", class: "text" }, "of"));
  const body = rows.map(([number, found]) => {
    const metric = metrics[number];
    const numbers = found.filter((each, at) => typeof each === "number" && panes[at].coded);
    const best = new Set(numbers).size > 1 ? Math[metric.higher ? "max" : "min"](...numbers) : null;
    return element("tr", {},
      element("th", { scope: "row", class: "text" }, metric.label, ...clipMarks(metric.marks), metric.unit ? ` (${metric.unit})` : "", element("span", { class: "direction" }, metric.higher ? " ↑" : " ↓")),
      ...found.map((each, at) => typeof each === "number"
        ? element("td", { class: `number${each === best && panes[at].coded ? " strong" : ""}`, "data-value": each }, show(each))
        : element("td", { class: "number" }, element("span", { class: "none", ...(each ? { title: each } : {}) }, "—", ...(each ? [" ", element("small", {}, each.length > 34 ? `${each.slice(0, 33)}…` : each)] : [])))),
      element("td", { class: "text" }, kinds[metric.modality] ?? metric.modality));
  });
  table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...body));
  return rows.length;
}
