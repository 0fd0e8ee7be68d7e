"use strict";
// What every page's script stands on: its data, links, theme, and ways to write numbers and elements.
// A page's script calls talkbench.page(KIND, start); start(root, data, api) runs once, when the page is first
// shown. In a site each page is a document of its own; in a single file all of them are here, one shown.

const talkbench = (() => {
  const pages = new Map();      // kind → start
  const started = new Map();    // page name → what its start returned
  const waiting = new Map();    // part key → { resolve, promise }
  const single = document.querySelectorAll("article.page").length > 1;
  const read = (script) => JSON.parse(script.textContent);
  const common = read(document.querySelector("script[data-common]"));

  // A page's script: start(root, data, api) with api.part(key) → Promise of JSON that is loaded on demand.
  // What start returns may have redraw(), called when the theme changes, and shown(), when it is shown again.
  function page(kind, start) { pages.set(kind, start); }

  function part(name, key) {
    const full = `${name}/${key}`;
    if (!waiting.has(full)) {
      const entry = {};
      entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
      waiting.set(full, entry);
      const inline = [...document.querySelectorAll("script[data-part]")].find((s) => s.dataset.part === full);
      if (inline) {
        entry.resolve(read(inline));
      } else {
        // Not fetch: a page that was opened from a file may not read other files, but may run scripts.
        const script = document.createElement("script");
        script.src = `data/${full}.js`;
        script.addEventListener("error", () => entry.reject(new Error(`data/${full}.js is missing beside this page`)));
        document.head.append(script);
      }
    }
    return waiting.get(full).promise;
  }

  const deliver = (full, value) => waiting.get(full)?.resolve(value);

  // Address of a media file, or null where a single file left it out.
  const kept = new Map();
  function media(name) {
    if (!single) return `media/${name}`;
    if (!kept.has(name)) {
      const found = [...document.querySelectorAll("script[data-media]")].find((s) => s.dataset.media === name);
      kept.set(name, found ? `data:${found.dataset.type};base64,${found.textContent.trim()}` : null);
    }
    return kept.get(name);
  }

  const link = (name, section = "") =>
    single ? `#${name}${section && ":" + section}` : `${name}.html${section && "#" + section}`;

  // ------------------------------------------------------------------------------------ showing

  const stale = new Set();      // names of started pages that a change of theme met while hidden

  function start(root) {
    const name = root.dataset.page;
    if (!started.has(name)) {
      const data = read(document.querySelector(`script[data-of="${name}"]`));
      const run = pages.get(root.dataset.kind);
      started.set(name, {});
      decorateTables(root);
      started.set(name, run?.(root, data, { name, part: (key) => part(name, key) }) ?? {});
      return;
    }
    if (stale.delete(name)) started.get(name).redraw?.();
    // What was drawn before the window changed its size while the page was hidden.
    for (const plot of root.querySelectorAll(".js-plotly-plot")) if (plot.checkVisibility()) Plotly.Plots.resize(plot);
    started.get(name).shown?.();
  }

  // A malformed address names nothing.
  const unescaped = (text) => { try { return decodeURIComponent(text); } catch { return ""; } };

  function show() {
    const [name, section] = unescaped(location.hash.slice(1)).split(":");
    const roots = [...document.querySelectorAll("article.page")];
    if (!single) return start(roots[0]);
    const wanted = roots.find((root) => root.dataset.page === name) ?? roots[0];
    for (const root of roots) root.hidden = root !== wanted;
    for (const to of document.querySelectorAll("nav.pages a")) {
      if (to.dataset.to === wanted.dataset.page) to.setAttribute("aria-current", "page");
      else to.removeAttribute("aria-current");
    }
    start(wanted);
    if (section) document.getElementById(section)?.scrollIntoView();
    else scrollTo(0, 0);
  }

  function redraw() {
    for (const root of document.querySelectorAll("article.page")) {
      const name = root.dataset.page;
      if (root.hidden) stale.add(name);
      else started.get(name)?.redraw?.();
    }
  }

  // ------------------------------------------------------------------------------------ theme

  // A browser may forbid storage to pages from files; then the choice lasts as long as the page.
  const stored = { get: () => { try { return localStorage.getItem("talkbench-theme"); } catch { return null; } },
    set: (value) => { try { localStorage.setItem("talkbench-theme", value); } catch { /* not kept */ } } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  if (["dark", "light"].includes(stored.get())) document.documentElement.dataset.theme = stored.get();
  document.getElementById("theme").addEventListener("click", () => {
    const wanted = theme() === "dark" ? "light" : "dark";
    // What the system wants anyway is not kept, so that the page follows the system again.
    if (wanted === (dark.matches ? "dark" : "light")) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = wanted;
    stored.set(document.documentElement.dataset.theme ?? "");
    redraw();
  });
  dark.addEventListener("change", redraw);

  // Paper is light, and its text is smaller: figures are redrawn for it in its colours, and keep their size.
  const figures = () => document.querySelectorAll(".js-plotly-plot");
  let shown;
  addEventListener("beforeprint", () => {
    shown = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    redraw();
    for (const figure of figures()) figure.style.minHeight = `${figure.offsetHeight}px`;
  });
  addEventListener("afterprint", () => {
    if (shown) document.documentElement.dataset.theme = shown;
    else delete document.documentElement.dataset.theme;
    for (const figure of figures()) figure.style.minHeight = "";
    redraw();
  });

  if (single) addEventListener("hashchange", show);
  document.addEventListener("DOMContentLoaded", show);
  return { page, part, deliver, media, link, common, single, theme };
})();

// ---------------------------------------------------------------------------------------- writing

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (index) => css(`--c${index % 7}`);
const unique = (values) => [...new Set(values)];

// As text.number and text.percent write them in the tables: significant digits without trailing zeros, no
// exponent for usual sizes, a true minus, thousands apart.
const show = (value, digits = 4) => {
  const text = Number(value).toPrecision(digits);
  const size = Math.abs(value);
  const usual = text.includes("e") ? (size >= 1e-4 && size < 1e9 ? Number(value).toFixed(0) : String(Number(text))) : text;
  return (usual.includes(".") && !usual.includes("e") ? usual.replace(/\.?0+$/, "") : usual).replace("-", "−");
};
const percent = (value) => {
  if (Number(value.toFixed(1)) === 0) return "0 %";
  const text = Math.abs(value).toFixed(Math.abs(value) < 99.95 ? 1 : 0).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return `${value > 0 ? "+" : "−"}${text} %`;
};
const interval = (low, high) => (low === null ? "—" : `${percent(low).replace(" %", "")} to ${percent(high)}`);
const clipsWord = (count) => `${count} clip${count === 1 ? "" : "s"}`;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Fill a <select>; values are texts, or [value, text].
function options(select, values, chosen) {
  select.replaceChildren(...values.map((entry) => {
    const [value, text] = Array.isArray(entry) ? entry : [entry, entry];
    const option = element("option", { value }, text);
    option.selected = value === chosen;
    return option;
  }));
}

// Buttons of which one is chosen, with arrow keys as for any radio group.
function segments(box, values, chosen, choose) {
  box.replaceChildren(...values.map(([value, text]) => {
    const checked = value === chosen;
    const button = element("button", {
      type: "button", role: "radio", "aria-checked": checked, tabindex: checked ? 0 : -1, "data-value": value,
    }, text);
    button.addEventListener("click", () => { choose(value); box.querySelector('[tabindex="0"]')?.focus(); });
    return button;
  }));
  box.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = values.findIndex(([value]) => value === chosen);
    choose(values[(at + step + values.length) % values.length][0]);
    box.querySelector('[tabindex="0"]')?.focus();
  };
}

// The system's line and marker, and its name, as the templates' macro `system_name` makes them.
function systemName(name) {
  const known = talkbench.common.systems[name];
  const box = element("span", { class: "system" });
  if (known) box.append(swatch(known));
  box.append(element("b", {}, name));
  for (const mark of known?.marks ?? []) box.append(" ", element("span", { class: "mark" }, mark));
  return box;
}

function swatch(look) {
  const space = "http://www.w3.org/2000/svg";
  const add = (parent, tag, attributes) => {
    const made = document.createElementNS(space, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  };
  const box = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ class: `swatch c${look.colour}`, viewBox: "0 0 26 12", "aria-hidden": true })) {
    box.setAttribute(key, value);
  }
  add(box, "line", { class: `d${look.dash}`, x1: 1, y1: 6, x2: 25, y2: 6 });
  const [tag, attributes] = [
    ["circle", { cx: 13, cy: 6, r: 3.6 }],
    ["rect", { x: 9.6, y: 2.6, width: 6.8, height: 6.8 }],
    ["path", { d: "M13 1.6 L17.4 6 L13 10.4 L8.6 6Z" }],
    ["path", { d: "M13 1.8 L17 9.6 L9 9.6Z" }],
    ["path", { d: "M13 10.2 L17 2.4 L9 2.4Z" }],
    ["path", { class: "open", d: "M9.6 2.6 L16.4 9.4 M16.4 2.6 L9.6 9.4" }],
    ["path", { class: "open", d: "M13 1.6 V10.4 M8.6 6 H17.4" }],
  ][look.symbol];
  add(box, tag, attributes);
  return box;
}
