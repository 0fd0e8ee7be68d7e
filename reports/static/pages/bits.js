"use strict";
// Where the bits go: bars of a codec's parts, a bar a point.

talkbench.page("bits", (root, data) => {
  const $ = (id) => root.querySelector(`#${id}`);
  if (!data.ledger.length) return {};
  const datasets = unique(data.ledger.map((row) => row.dataset));
  const dataset = () => $("ledger-dataset")?.value ?? datasets[0];

  function ledgerCodecs() {
    const codecs = unique(data.ledger.filter((row) => row.dataset === dataset()).map((row) => row.codec));
    const before = $("ledger-codec").value;
    // The first look is at the codec with the most to tell.
    const parts = (codec) => Math.max(...data.ledger.filter((r) => r.codec === codec).map((r) => Object.keys(r.parts).length));
    const richest = codecs.reduce((best, codec) => (parts(codec) > parts(best) ? codec : best), codecs[0]);
    options($("ledger-codec"), codecs, codecs.includes(before) ? before : richest);
  }

  function drawLedger() {
    const codec = $("ledger-codec").value;
    const rows = data.ledger.filter((row) => row.dataset === dataset() && row.codec === codec);
    const share = $("share").checked;
    const names = unique(rows.flatMap((row) => Object.keys(row.parts)));
    const totals = rows.map((row) => Object.values(row.parts).reduce((sum, value) => sum + value, 0));
    const traces = names.map((name, index) => ({
      type: "bar", name: plain(name), marker: { color: colour(index), pattern: { shape: ["", "/", "x", "."][Math.floor(index / 7) % 4] } },
      x: rows.map((row) => plain(row.point)),
      y: rows.map((row, i) => share ? (totals[i] ? 100 * row.parts[name] / totals[i] : null) : row.parts[name]),
      hoverinfo: "text",
      hovertext: rows.map((row, i) => `<b>${plain(name)}</b> at ${plain(row.point)}<br>${show(row.parts[name])} kbit/s` +
        (totals[i] ? `, ${show(100 * row.parts[name] / totals[i], 3)} % of ${show(totals[i])}` : "") +
        `<br>mean of ${clipsWord(row.clips)}`),
    }));
    Plotly.react("ledger-plot", traces, layout({
      barmode: "stack", bargap: 0.35, showlegend: true, legend: { traceorder: "normal", orientation: "h", y: 1.12 },
      xaxis: { type: "category", title: { text: `${plain(codec)}: points, lowest rate first` } },
      yaxis: { title: { text: share ? "% of the stream" : "kbit/s" }, rangemode: "tozero" },
    }), CONFIG);
    $("ledger-caption").textContent =
      `What ${codec} sends, by part of its bitstream: mean over the encoded clips of ${dataset()} at each point. ` +
      "All of it is billed; framing is not part of it.";
  }

  if ($("ledger-dataset")) options($("ledger-dataset"), datasets, datasets[0]);
  $("ledger-dataset")?.addEventListener("change", () => { ledgerCodecs(); drawLedger(); });
  for (const id of ["share", "ledger-codec"]) $(id).addEventListener("change", drawLedger);
  ledgerCodecs();
  drawLedger();
  return { redraw: drawLedger };
});
