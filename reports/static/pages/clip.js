"use strict";
// One clip: panes of pictures, one sound, and all that is known over time, held together by one clock.

talkbench.page("clip", (root, data, api) => {
  const find = (name) => root.querySelector(`[data-is="${name}"]`);
  const buttons = Object.fromEntries([...root.querySelectorAll("[data-do]")].map((button) => [button.dataset.do, button]));
  const [status, scrubber, readout, grid] = [".status", ".scrubber", ".clock", ".panes"].map((name) => root.querySelector(name));
  const say = (text) => { status.textContent = text; };

  const model = clipModel({
    data, api, arrived: () => draw(),
    panes: data.openers.slice(0, narrowScreen() ? 2 : 4).map(([picture, sound]) => ({ picture, sound })),
  });
  const { fps, frames, seconds } = model;
  const state = {
    listen: 0, metric: model.frameMetrics[0] ?? null, view: "picture", gain: 4, zoom: false, every: false, bits: "frame",
    speed: "1", range: null, frame: 0, at: 0.5, held: false,
  };
  let panes = [];

  // ---------------------------------------------------------------------------------- time

  const clock = clipClock({
    seconds, fps, frames, failed: say,
    tick(frame, time) {
      tracks.move(time);
      if (frame !== state.frame) { state.frame = frame; draw(); }
    },
    changed: () => { buttons.play.textContent = clock.playing ? "Pause" : "Play"; },
  });
  const tracks = clipTracks({
    seconds,
    seek: (time) => clock.seek(Math.min(time, seconds - 1e-6)),
    choose: (from, to) => setRange(to - from < 1 / fps ? null : [from, to]),
  });
  const goTo = (frame) => { clock.pause(); clock.seekFrame(frame); };
  // From below, where the pictures may be out of sight.
  const look = (frame) => { goTo(frame); grid.scrollIntoView({ block: "nearest" }); };
  const below = clipBelow({ find, model, state, tracks, goTo: look, api, say });

  function setRange(range) {
    state.range = range;
    clock.setRange(range);
    tracks.select(range);
    buttons.whole.hidden = !range;
    if (!range) return;
    buttons.whole.textContent = `${range[0].toFixed(2)}–${range[1].toFixed(2)} s ×`;
    find("loop").checked = true;  // a selected part is usually played repeatedly
    clock.setLoop(true);
  }

  // Begin or end the part to play with the frame that is shown.
  function bound(side) {
    const [from, to] = state.range ?? [0, seconds];
    const [start, end] = [state.frame / fps, Math.min(seconds, (state.frame + 1) / fps)];
    setRange(side === "from" ? [start, to > start ? to : seconds] : [from < end ? from : 0, end]);
  }

  // ---------------------------------------------------------------------------------- showing

  function draw() {
    const { frame } = state;
    scrubber.value = frame;
    readout.textContent = `${model.clip.frames ? `frame ${frame + 1} of ${frames} · ` : ""}${(frame / fps).toFixed(2)} s`;
    scrubber.setAttribute("aria-valuetext", readout.textContent);
    for (const pane of panes) pane.draw(frame);
    for (const legend of root.querySelectorAll(".tracks .now")) {
      const value = model.frameValues(Number(legend.dataset.key), legend.dataset.metric)?.[frame];
      legend.textContent = value === undefined || value === null ? "—" : show(value);
    }
  }

  function hear(at) {
    state.listen = at;
    panes.forEach((pane, place) => pane.heard(place === at));
    const key = model.panes[at].sound;
    const address = model.soundAddress(key);
    say(address !== null ? "" : model.silent ? "This clip has no sound." : `No audio of ${CLIP_LETTERS[at]}: ${model.whyNoSound(key)}.`);
    clock.hear(address);
  }

  function build() {
    const focus = document.activeElement?.dataset?.focus;
    panes = model.panes.map((pane) => clipPane(model, state, { build, draw, hear, goTo }, pane));
    const add = element("button", { type: "button", class: "add", title: "one more pane", "data-focus": "add" }, "+ pane");
    add.addEventListener("click", () => { model.panes.push({ ...model.panes.at(-1) }); build(); });
    grid.replaceChildren(...panes.map((pane) => pane.box), ...(panes.length < CLIP_LETTERS.length ? [add] : []));
    grid.style.setProperty("--count", panes.length);
    if (focus) [...grid.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focus && !each.disabled)?.focus();
    for (const pane of model.panes) clock.prepare(model.soundAddress(pane.sound));
    hear(state.listen);
    below.all();
    draw();
    const asked = unique(model.panes.flatMap((pane) => [pane.picture, pane.sound]));
    const missing = asked.filter((key) => !detailed.has(key));
    if (missing.length) Promise.all(missing.map(model.detail)).then(() => { missing.forEach((key) => detailed.add(key)); build(); }, (error) => say(error.message));
  }
  const detailed = new Set();  // variants whose values per frame, words and bits are here

  // ---------------------------------------------------------------------------------- controls

  function choices() {
    const change = (key, after) => (value) => { state[key] = value; choices(); after?.(value); draw(); };
    segments(find("speed"), [["0.5", "½"], ["1", "1"]], state.speed, change("speed", (value) => clock.setRate(Number(value))));
    segments(find("view"), [["picture", "picture"], ["difference", "difference"], ["split", "split"]], state.view, change("view"));
    segments(find("gain"), [1, 2, 4, 8].map((gain) => [gain, `×${gain}`]), state.gain, change("gain"));
    segments(find("bits"), [["frame", "each frame"], ["sum", "added up"]], state.bits, change("bits", below.ledger));
    find("gain").hidden = state.view !== "difference";
    for (const note of root.querySelectorAll("[data-note]")) note.hidden = note.dataset.note !== state.view;
  }

  const acts = {
    play: () => clock.toggle(),
    first: () => goTo(state.range ? clock.frameAt(state.range[0]) : 0),
    last: () => goTo(state.range ? clock.frameAt(state.range[1] - 1e-3) : frames - 1),
    back: () => goTo(state.frame - 1), next: () => goTo(state.frame + 1),
    from: () => bound("from"), to: () => bound("to"), whole: () => setRange(null),
  };
  for (const [what, act] of Object.entries(acts)) buttons[what].addEventListener("click", act);
  scrubber.max = frames - 1;
  scrubber.addEventListener("input", () => clock.seekFrame(Number(scrubber.value)));
  find("loop").addEventListener("change", (event) => clock.setLoop(event.target.checked));
  find("every").addEventListener("change", (event) => { state.every = event.target.checked; below.curves(); draw(); });
  find("every").closest("p").hidden = model.frameMetrics.length < 2;
  find("zoom").addEventListener("change", (event) => {
    state.zoom = event.target.checked;
    grid.classList.toggle("zoomed", state.zoom);
    draw();
  });
  root.querySelector(".clip-page").classList.toggle("silent", model.silent);
  root.querySelector(".clip-page").classList.toggle("unseen", model.unseen);
  if (!model.variants[0].mouth) {
    find("zoom").disabled = true;
    find("zoom").parentElement.title = "no face was found in the reference";
  }
  options(find("metric"), model.frameMetrics.map((number) => [number, model.metrics[number].label]), state.metric);
  find("metric").parentElement.hidden = !model.frameMetrics.length;
  find("metric").addEventListener("change", (event) => { state.metric = event.target.value; build(); });

  const keys = { " ": "play", ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last", "[": "from", "]": "to" };
  document.addEventListener("keydown", (event) => {
    const on = event.target;
    if (root.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    // Keys are the player's where nothing else has the focus that would use them.
    if (on !== document.body && !on.closest(".player, .transport, .ways")) return;
    if (on.closest("select, [role=radiogroup]") || (event.key === " " && on.closest("button, [type=checkbox]"))) return;
    const pane = ["1", "2", "3", "4"].indexOf(event.key);
    if (pane >= 0 && pane < panes.length && model.soundAddress(model.panes[pane].sound) !== null) hear(pane);
    else if (event.key.toLowerCase() === "r") hold(true);
    else if (keys[event.key]) acts[keys[event.key]]();
    else return;
    event.preventDefault();
  });
  // While it is held, the reference is in all panes: what flickers is what the codec changed.
  const hold = (held) => { if (state.held !== held) { state.held = held; grid.classList.toggle("held", held); draw(); } };
  const press = root.querySelector("[data-is=hold]");
  for (const [event, held] of [["pointerdown", true], ["pointerup", false], ["pointerleave", false], ["pointercancel", false], ["blur", false]]) {
    press.addEventListener(event, () => hold(held));
  }
  press.addEventListener("contextmenu", (event) => event.preventDefault());
  press.addEventListener("keydown", (event) => { if ([" ", "Enter"].includes(event.key)) hold(true); });
  press.addEventListener("keyup", () => hold(false));
  document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "r") hold(false); });
  addEventListener("blur", () => hold(false));

  // From the contact sheet: into the second pane, beside the reference, unless it is open already.
  clipSheet(root, (key, frame) => {
    if (!model.panes.some((pane) => pane.picture === key)) {
      if (model.panes.length === 1) model.panes.push({ ...model.panes[0] });
      model.use(model.panes[1], "picture", key);
      build();
    }
    look(frame);
    root.querySelector(".player").focus({ preventScroll: true });  // whose keys go on from there
  });

  // In a single file another page may take this one's place.
  addEventListener("hashchange", () => { if (root.hidden) clock.pause(); });

  // This page is one of those that the list leads to.
  const mark = () => document.querySelector('nav.pages a[data-to="clips"]')?.setAttribute("aria-current", "true");
  const redraw = () => { tracks.draw(); draw(); };

  choices();
  build();
  mark();
  return { redraw, shown: () => { mark(); redraw(); } };
});
