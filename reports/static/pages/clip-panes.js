"use strict";
// The panes: one picture and one sound each, with what they cost and how they score.

// state: of the page; acts: { build(), draw(), hear(pane's place), goTo(frame) }. Returns the panes' parts.
function clipPane(model, state, acts, pane) {
  const { variants, metrics } = model;
  const at = model.panes.indexOf(pane);
  const letter = model.letter(pane);
  const [picture, sound] = [variants[pane.picture], variants[pane.sound]];

  function choices(modality, side) {
    const select = element("select", { "aria-label": `${modality === "video" ? "Video" : "Audio"} of ${letter}`, "data-focus": `${at}-${side}` });
    const groups = new Map();
    for (const key of model.coded(modality)) {
      const { codec, kbps } = variants[key];
      const rate = kbps[modality];
      const option = element("option", { value: key }, `${model.name(key)}${rate === null ? "" : ` · ${show(rate, 3)} kbit/s`}`);
      option.selected = key === pane[side];
      if (codec !== null && !groups.has(codec)) {
        groups.set(codec, element("optgroup", { label: codec }));
        select.append(groups.get(codec));
      }
      (groups.get(codec) ?? select).append(option);
    }
    select.addEventListener("change", () => use(side, Number(select.value)));
    return select;
  }

  function use(side, key) {
    model.use(pane, side, key);
    acts.build();
  }

  // A choice, and buttons that go along the ladder of its codec.
  function picker(modality) {
    const side = modality === "video" ? "picture" : "sound";
    const ladder = model.coded(modality).filter((key) => variants[key].codec === variants[pane[side]].codec);
    const step = (by, text, word) => {
      const label = `${word} rate of this ${side}`;
      const to = ladder[ladder.indexOf(pane[side]) + by];
      const button = element("button", { type: "button", class: "step", "aria-label": label, title: label, "data-focus": `${at}-${side}${by}` }, text);
      button.disabled = to === undefined;
      button.addEventListener("click", () => use(side, to));
      return button;
    };
    return element("span", { class: "picker" }, choices(modality, side), step(-1, "−", "lower"), step(1, "+", "higher"));
  }

  function closer() {
    const button = element("button", { type: "button", class: "step", "aria-label": `Remove pane ${letter}`, title: "remove" }, "×");
    button.disabled = model.panes.length === 1;
    button.addEventListener("click", () => {
      model.panes.splice(at, 1);
      if (state.listen > at || state.listen === model.panes.length) state.listen -= 1;
      acts.build();
    });
    return button;
  }

  function listener() {
    const button = element("button", { type: "button", class: "listen", title: `hear this sound (${at + 1})`, "data-focus": `${at}-listen` });
    button.disabled = model.soundAddress(pane.sound) === null;
    button.addEventListener("click", () => acts.hear(at));
    return button;
  }

  function rates() {
    const found = [];
    if (picture.kbps.video !== null) found.push(`video ${show(picture.kbps.video, 3)}`);
    if (sound.kbps.audio !== null) found.push(`audio ${show(sound.kbps.audio, 3)}`);
    // What both cost together: known of one stream, and of two that share nothing.
    const alone = [picture, sound].every((each) => each.codes.length === 1 && each.kbps.total !== null);
    const both = pane.picture === pane.sound ? picture.kbps.total : alone ? picture.kbps.total + sound.kbps.total : null;
    if (found.length > 1 && both !== null) found.push(`both ${show(both, 3)}`);
    const silent = sound.codec !== null && model.soundAddress(pane.sound) === null;
    return [
      element("p", { class: "rates" }, found.length ? `${found.join(" · ")} kbit/s` : picture.codec === null && sound.codec === null ? "uncoded" : "— nothing was encoded",
        ...model.marks([pane.picture, pane.sound])),
      ...(silent ? [element("p", { class: "rates" }, `no sound: ${model.whyNoSound(pane.sound)}`)] : []),
    ];
  }

  const now = element("b", { class: "now" });
  function values() {
    const metric = metrics[state.metric];
    if (!metric || picture.codec === null) return [];
    const score = picture.scores[state.metric];
    const found = model.frameValues(pane.picture, state.metric);
    const extreme = (best) => {
      const word = best ? "best" : "worst";
      const button = element("button", { type: "button", "data-extreme": word, "data-focus": `${at}-${word}` }, word, element("span", {}, " frame"));
      const place = found && clipExtremes(found, metric.higher, best, 1, 1)[0];
      button.disabled = !place;
      if (place) {
        button.title = `frame ${place.frame + 1}: ${metric.label} ${show(place.value)}`;
        button.addEventListener("click", () => acts.goTo(place.frame));
      }
      return button;
    };
    return [
      element("p", { class: "values" }, metric.label, ...clipMarks(metric.marks), " ",
        typeof score === "number" ? element("span", {}, show(score)) : element("span", { class: "none" }, `— ${score ?? "not scored"}`),
        ...(found ? [" · this frame ", now] : [])),
      element("p", { class: "ends" }, extreme(false), extreme(true)),
    ];
  }

  const canvas = element("canvas", { role: "img", "aria-label": `Picture ${letter}: ${model.name(pane.picture)}` });
  canvas.addEventListener("pointermove", (event) => {
    if (state.view !== "split") return;
    const area = canvas.getBoundingClientRect();
    state.at = Math.max(0, Math.min(1, (event.clientX - area.left) / area.width));
    acts.draw();
  });
  const why = element("p", { class: "why" });
  const listen = listener();
  const box = element("section", { class: "pane", "aria-label": `Pane ${letter}` },
    element("header", {}, model.badge(pane), picker("video"), closer()),
    element("div", { class: "screen" }, canvas, why),
    element("div", { class: "hearing" }, picker("audio"), listen),
    ...rates(), ...values());
  box.style.setProperty("--look", `var(${model.lineOf(pane).colour})`);

  // Show frame `frame`, or say why it is not there.
  function draw(frame) {
    const key = state.held ? 0 : pane.picture;
    const compares = state.view !== "picture" && key !== 0;
    // All that is drawn must be there, or nothing is: a pane never shows another frame than the others.
    const keys = compares ? [key, 0] : [key];
    const reels = keys.map(model.reel);
    const states = reels.map((reel) => reel?.state(frame) ?? "none");
    const ready = states.every((each) => each === "ready");
    canvas.classList.toggle("blank", !ready);
    if (ready) clipDraw(canvas, frame, reels[0], reels[1] ?? null, { ...state, box: state.zoom ? variants[0].mouth : null });
    else delete canvas.dataset.frame;
    const bad = states.findIndex((each) => !["ready", "loading"].includes(each));
    const reason = bad < 0 ? "" : (compares && bad === 1 ? "Reference: " : "") + {
      failed: "The picture's file is missing beside this page.",
      "left out": "Left out of this single file for its size: open the report's folder to see it.",
      none: variants[keys[bad]].why.picture ?? "no picture",
    }[states[bad]];
    if (why.textContent !== reason) why.textContent = reason;
    const value = model.frameValues(pane.picture, state.metric)?.[frame];
    now.textContent = value === undefined || value === null ? "—" : show(value);
  }

  // Whether this is the sound that is heard.
  function heard(yes) {
    listen.setAttribute("aria-pressed", yes);
    listen.textContent = yes ? "heard" : "hear";
  }

  return { box, draw, heard };
}
