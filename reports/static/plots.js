"use strict";
// How all figures look: plotly's layout in the page's colours, and one look per system.

const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "x-thin-open", "cross-thin-open"];
const LOG_TICKS = [-3, -2, -1, 0, 1, 2, 3, 4].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

// Plotly reads a little HTML in labels; names are data, not markup.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const CONFIG = {
  responsive: true, displaylogo: false, toImageButtonOptions: { format: "svg", filename: "talkbench" },
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  showSendToCloud: false, plotlyServerURL: "",  // nothing leaves the machine, not even by a click
};

function axisLook() {
  return {
    gridcolor: css("--rule"), linecolor: css("--quiet"), zeroline: false, ticks: "outside",
    tickcolor: css("--rule"), automargin: true,
  };
}

function layout(extra) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 60, r: 12, t: 12, b: 48 },
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: css("--ink") },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--quiet"), activecolor: css("--accent") },
    hoverlabel: { bgcolor: css("--raised"), bordercolor: css("--rule"), font: { color: css("--ink") } },
    ...extra, xaxis: { ...axisLook(), ...extra.xaxis }, yaxis: { ...axisLook(), ...extra.yaxis },
  };
}

// A rate axis, logarithmic with plain numbers at 1, 2, 5, 10 …, or linear from 0.
function rateAxis(title, log) {
  return {
    type: log ? "log" : "linear", title: { text: title },
    ...(log ? { tickvals: LOG_TICKS, ticktext: LOG_TICKS.map((v) => show(v, 1)) } : { rangemode: "tozero" }),
  };
}

// line and marker of a system's curve.
function systemLook(name, size = 8) {
  const look = talkbench.common.systems[name];
  const marker = { color: colour(look.colour), symbol: SYMBOLS[look.symbol], size };
  if (look.symbol >= 5) marker.line = { color: colour(look.colour), width: 2 };
  return { line: { color: colour(look.colour), dash: DASHES[look.dash], width: 2 }, marker };
}

const metricTitle = (name) => {
  const unit = talkbench.common.metrics[name]?.unit;
  return plain(unit ? `${name} (${unit})` : name);
};

const narrowScreen = () => window.innerWidth < 740;
