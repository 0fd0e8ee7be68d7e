"use strict";
// The index's choices in the address: only what is not as usual, so that a link shows what its sender saw.

const indexAddress = (() => {
  const TEXTS = ["dataset", "rate", "metric", "coding", "search"];
  const SWITCHES = { log: "log", bands: "bands", clips: "clips", hull: "hull", all: "all", paper: "paper" };
  const ANCHOR = "anchor-", HIDDEN = "no-", DRAWN = "draw";

  // Sets what the address says; the page handles references to things that do not exist.
  function read(state) {
    const query = new URLSearchParams(location.search);
    for (const key of TEXTS) if (query.has(key)) state[key] = query.get(key);
    for (const [key, name] of Object.entries(SWITCHES)) if (query.has(name)) state[key] = query.get(name) === "1";
    for (const [name, value] of query) {
      if (name.startsWith(ANCHOR)) state.anchors[name.slice(ANCHOR.length)] = value;
      if (name.startsWith(HIDDEN)) state.hidden[name.slice(HIDDEN.length)]?.add(value);
    }
    if (query.has(DRAWN)) state.drawn = new Set(query.getAll(DRAWN).filter((name) => name));
  }

  // usual: the state of an address that says nothing.
  function write(state, usual) {
    const query = new URLSearchParams();
    for (const key of TEXTS) if (state[key] !== usual[key]) query.append(key, state[key]);
    for (const [key, name] of Object.entries(SWITCHES)) if (state[key] !== usual[key]) query.append(name, state[key] ? "1" : "0");
    for (const [rate, name] of Object.entries(state.anchors)) query.append(ANCHOR + rate, name);
    for (const [key, values] of Object.entries(state.hidden)) for (const value of values) query.append(HIDDEN + key, value);
    if (state.drawn) for (const name of state.drawn.size ? state.drawn : [""]) query.append(DRAWN, name);
    const text = query.toString();
    try {
      history.replaceState(null, "", location.pathname + (text && `?${text}`) + location.hash);
    } catch { /* a browser may forbid it for files; the view works without an address */ }
  }

  return { read, write };
})();
