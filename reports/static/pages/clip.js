"use strict";
// One clip: panes of pictures, one sound, and all that is known over time, held together by one clock.

talkbench.page("clip", (root, data, api) => {
  const $ = (name) => root.querySelector(`[data-is="${name}"]`);
  const { clip, metrics, variants } = data;
  const letters = "ABCD";
  const fps = clip.fps ?? 25;  // without pictures: steps of 40 ms
  const frames = clip.frames || Math.max(1, Math.ceil(clip.seconds * fps));
  const seconds = clip.seconds || frames / fps;
  const frameMetrics = Object.keys(metrics).filter((number) => metrics[number].kind === "frame" && metrics[number].modality === "video");
  const narrow = narrowScreen();
  const state = {
    panes: data.openers.slice(0, narrow ? 2 : 4).map(([picture, sound]) => ({ picture, sound })),
    listen: 0, metric: frameMetrics[0] ?? null, view: "picture", gain: 4, zoom: false, every: false, bits: "frame",
    range: null, frame: 0,
  };
  const details = new Map();  // key → what api.part gave, once it is there
  const reels = new Map();    // key → reel, or null
  let made = [];              // the panes' elements

  // ---------------------------------------------------------------------------------- variants

  const isReference = (key) => key === 0;
  const name = (key) => (isReference(key) ? "reference" : `${variants[key].codec} ${variants[key].point}`);
  const coded = (modality) => variants.map((_, key) => key).filter((key) => variants[key].codes.includes(modality));
  const reel = (key) => {
    if (!reels.has(key)) reels.set(key, variants[key].picture ? clipReel(variants[key].picture, () => draw()) : null);
    return reels.get(key);
  };
  const soundAddress = (key) => (variants[key].sound ? talkbench.media(variants[key].sound.file) : null);
  const whyNoSound = (key) => variants[key].sound ? "left out of this single file: open the report's folder to hear it" : variants[key].why.sound ?? "no sound";

  // Colour of a codec as everywhere; two points of one codec differ by their dash.
  function lineOf(pane) {
    const look = talkbench.common.systems[variants[pane.picture].codec];
    const same = state.panes.filter((each) => variants[each.picture].codec === variants[pane.picture].codec);
    const DASH = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
    return { colour: look ? `--c${look.colour % 7}` : "--quiet", dash: DASH[(same.indexOf(pane) + (look?.dash ?? 0)) % 4] };
  }
  const letterOf = (pane) => letters[state.panes.indexOf(pane)];
  const badge = (pane) => element("b", { class: "letter" }, letterOf(pane));

  async function detail(key) {
    if (!details.has(key)) details.set(key, await api.part(`variant-${key}`));
    return details.get(key);
  }
  const known = (key) => details.get(key) ?? { frames: {}, words: [], timeline: {} };

  // ---------------------------------------------------------------------------------- clock

  const status = root.querySelector(".status");
  const say = (text) => { status.textContent = text; };
  const scrubber = root.querySelector(".scrubber");
  const readout = root.querySelector(".clock");
  const buttons = Object.fromEntries([...root.querySelectorAll("[data-do]")].map((button) => [button.dataset.do, button]));
  const clock = clipClock({
    seconds, fps, frames, failed: say,
    tick: (frame, time) => { tracks.move(time); if (frame !== state.frame) { state.frame = frame; draw(); } },
    changed: () => { buttons.play.textContent = clock.playing ? "Pause" : "Play"; },
  });
  const tracks = clipTracks({
    seconds,
    seek: (time) => clock.seek(Math.min(time, seconds - 1e-6)),
    choose: (from, to) => setRange(to - from < 1 / fps ? null : [from, to]),
  });

  const goTo = (frame) => { clock.pause(); clock.seekFrame(frame); };

  function setRange(range) {
    state.range = range;
    clock.setRange(range);
    tracks.select(range);
    buttons.whole.hidden = !range;
    buttons.whole.textContent = range ? `${range[0].toFixed(2)}–${range[1].toFixed(2)} s ×` : "whole clip";
    buttons.whole.setAttribute("aria-label", "Play the whole clip again");
    if (range) { root.querySelector('[data-is="loop"]').checked = true; clock.setLoop(true); }
  }

  function bound(side) {
    const at = state.frame / fps;
    const [from, to] = state.range ?? [0, seconds];
    const next = side === "from" ? [at, to > at + 0.5 / fps ? to : seconds] : [from < at ? from : 0, Math.min(seconds, at + 1 / fps)];
    setRange(next);
  }

  // ---------------------------------------------------------------------------------- drawing

  function draw() {
    const frame = state.frame;
    scrubber.value = frame;
    readout.textContent = `${clip.frames ? `frame ${frame + 1} of ${frames} · ` : ""}${(frame / fps).toFixed(2)} s`;
    scrubber.setAttribute("aria-valuetext", readout.textContent);
    const difference = state.view === "difference";
    for (const pane of made) {
      const shown = reel(pane.own.picture);
      const original = difference && !isReference(pane.own.picture) ? reel(0) : null;
      const states = shown ? [shown.state(frame), ...(original ? [original.state(frame)] : [])] : [];
      const ready = shown && states.every((each) => each === "ready");
      pane.canvas.classList.toggle("blank", !ready);
      if (ready) {
        clipDraw(pane.canvas, frame, { shown, original, gain: state.gain, box: state.zoom ? variants[0].mouth : null });
      } else {
        delete pane.canvas.dataset.frame;
      }
      pane.why.textContent = ready || states.includes("loading") ? ""
        : states.includes("failed") ? "The picture's file is missing beside this page."
          : states.includes("left out") ? "Left out of this single file for its size: open the report's folder to see it."
            : variants[pane.own.picture].why.picture ?? "no picture";
      const value = known(pane.own.picture).frames[state.metric]?.[frame];
      pane.now.textContent = value === undefined || value === null ? "—" : show(value);
    }
    for (const legend of root.querySelectorAll(".tracks .now")) {
      const value = known(Number(legend.dataset.key)).frames[legend.dataset.metric]?.[frame];
      legend.textContent = value === undefined || value === null ? "—" : show(value);
    }
  }

  // ---------------------------------------------------------------------------------- panes

  function choices(modality, chosen, use) {
    const select = element("select", { "aria-label": modality === "video" ? "Picture" : "Sound" });
    const groups = new Map();
    for (const key of coded(modality)) {
      const { codec, point, kbps } = variants[key];
      const rate = kbps[modality];
      const option = element("option", { value: key }, isReference(key) ? "reference" : `${codec} ${point}${rate === null ? "" : ` · ${show(rate, 3)} kbit/s`}`);
      option.selected = key === chosen;
      if (isReference(key)) select.append(option);
      else {
        if (!groups.has(codec)) {
          groups.set(codec, element("optgroup", { label: codec }));
          select.append(groups.get(codec));
        }
        groups.get(codec).append(option);
      }
    }
    select.addEventListener("change", () => use(Number(select.value)));
    return select;
  }

  // The neighbour of a variant on its codec's ladder, or null.
  function neighbour(key, modality, step) {
    const ladder = coded(modality).filter((each) => variants[each].codec === variants[key].codec);
    return isReference(key) ? null : ladder[ladder.indexOf(key) + step] ?? null;
  }

  function picker(pane, modality) {
    const side = modality === "video" ? "picture" : "sound";
    const use = (key) => {
      // A stream that codes both brings its own sound; what was chosen on purpose is only replaced by that.
      if (side === "picture" && variants[key].codes.includes("audio")) pane.sound = key;
      pane[side] = key;
      build();
    };
    const step = (by, text, label) => {
      const to = neighbour(pane[side], modality, by);
      const button = element("button", { type: "button", class: "step", "aria-label": label, title: label, "data-step": `${side}${by}` }, text);
      button.disabled = to === null;
      button.addEventListener("click", () => {
        const at = state.panes.indexOf(pane);
        use(to);
        made[at]?.box.querySelector(`[data-step="${side}${by}"]`)?.focus();
      });
      return button;
    };
    return element("span", { class: "picker" }, choices(modality, pane[side], use),
      step(-1, "−", `Lower rate of this ${side}`), step(1, "+", `Higher rate of this ${side}`));
  }

  function makePane(pane, at) {
    const canvas = element("canvas", { role: "img", "aria-label": `Picture ${letters[at]}: ${name(pane.picture)}` });
    const why = element("p", { class: "why" });
    const box = element("section", { class: "pane", "aria-label": `Pane ${letters[at]}` });
    const { colour } = lineOf(pane);
    box.style.setProperty("--look", `var(${colour})`);
    const close = element("button", { type: "button", class: "step", "aria-label": `Remove pane ${letters[at]}`, title: "remove" }, "×");
    close.disabled = state.panes.length === 1;
    close.addEventListener("click", () => { state.panes.splice(at, 1); state.listen = Math.min(state.listen, state.panes.length - 1); build(); });
    const listen = element("button", { type: "button", class: "listen", "aria-pressed": state.listen === at, title: `hear this sound (${at + 1})` }, state.listen === at ? "heard" : "hear");
    const silent = soundAddress(pane.sound) === null;
    listen.disabled = silent;
    listen.addEventListener("click", () => hear(at));
    const picture = variants[pane.picture], sound = variants[pane.sound];
    const rates = [];
    if (!isReference(pane.picture) && picture.kbps.video !== null) rates.push(`picture ${show(picture.kbps.video, 3)}`);
    if (!isReference(pane.sound) && sound.kbps.audio !== null) rates.push(`sound ${show(sound.kbps.audio, 3)}`);
    const both = pane.picture === pane.sound ? picture.kbps.total
      : [picture, sound].every((each) => each.codes.length === 1 && each.kbps.total !== null) ? picture.kbps.total + sound.kbps.total : null;
    if (rates.length > 1 && both !== null) rates.push(`both ${show(both, 3)}`);
    const now = element("b", { class: "now" });
    const score = state.metric === null ? null : picture.scores[state.metric];
    const metric = metrics[state.metric];
    const extreme = (best) => {
      const values = known(pane.picture).frames[state.metric];
      const found = values && clipExtremes(values, metric.higher, best, 1, 1)[0];
      const button = element("button", { type: "button", "data-extreme": best ? "best" : "worst" }, best ? "best frame" : "worst frame");
      button.disabled = !found;
      if (found) {
        button.title = `frame ${found.frame + 1}: ${metric.label} ${show(found.value)}`;
        button.addEventListener("click", () => goTo(found.frame));
      }
      return button;
    };
    box.append(
      element("header", {}, badge(pane), picker(pane, "video"), close),
      element("div", { class: "screen" }, canvas, why),
      element("div", { class: "hearing" }, picker(pane, "audio"), listen),
      element("p", { class: "rates" }, silent && !isReference(pane.sound) ? `sound: ${whyNoSound(pane.sound)}` : "", rates.length ? `${rates.join(" · ")} kbit/s` : isReference(pane.picture) ? "uncoded" : "—"),
      ...(metric && !isReference(pane.picture) ? [
        element("p", { class: "values" }, `${metric.label} `, typeof score === "number" ? element("span", {}, show(score)) : element("span", { class: "none" }, `— ${score ?? "not scored"}`), " · this frame ", now),
        element("p", { class: "ends" }, extreme(false), extreme(true)),
      ] : []),
    );
    return { own: pane, box, canvas, why, now };
  }

  function hear(at) {
    state.listen = at;
    for (const [index, pane] of made.entries()) {
      const button = pane.box.querySelector(".listen");
      button.setAttribute("aria-pressed", index === at);
      button.textContent = index === at ? "heard" : "hear";
    }
    const key = state.panes[at].sound;
    const address = soundAddress(key);
    say(address === null && variants.some((each) => each.sound) ? `${letters[at]} has no sound: ${whyNoSound(key)}.` : "");
    clock.hear(address);
  }

  function build() {
    const box = root.querySelector(".panes");
    made = state.panes.map(makePane);
    const add = element("button", { type: "button", class: "add", title: "one more pane" }, "+ pane");
    add.addEventListener("click", () => { state.panes.push({ ...state.panes.at(-1) }); build(); });
    box.replaceChildren(...made.map((pane) => pane.box), ...(state.panes.length < 4 ? [add] : []));
    box.style.setProperty("--count", state.panes.length);
    for (const pane of state.panes) clock.prepare(soundAddress(pane.sound));
    hear(state.listen);
    buildBelow();
    draw();
    const asked = [...new Set(state.panes.flatMap((pane) => [pane.picture, pane.sound]))];
    if (asked.some((key) => !details.has(key))) {
      Promise.all(asked.map(detail)).then(build, (error) => say(error.message));
    }
  }

  // ---------------------------------------------------------------------------------- below the player

  const soundsShown = () => [...new Set([0, ...state.panes.map((pane) => pane.sound)])];
  const lettersOf = (side, key) => state.panes.filter((pane) => pane[side] === key).map(badge);

  function buildBelow() {
    const metric = metrics[state.metric];
    const lines = state.panes.filter((pane) => !isReference(pane.picture));
    const rows = [];
    for (const number of state.every ? frameMetrics : frameMetrics.filter((each) => each === state.metric)) {
      const series = lines.filter((pane) => known(pane.picture).frames[number]);
      if (!series.length) continue;
      const { label, unit, higher } = metrics[number];
      rows.push(clipCurveRow({
        series: series.map((pane) => ({ values: known(pane.picture).frames[number], ...lineOf(pane) })),
        fps, seconds, height: number === state.metric ? 150 : 64,
        says: `${label} of each frame`,
        head: [element("b", {}, label), unit ? ` (${unit})` : "", element("span", { class: "direction" }, ` ${higher ? "↑ higher" : "↓ lower"} is better`),
          ...series.map((pane) => legend(pane, number))],
      }));
    }
    tracks.fill($("curves"), rows);
    $("curves-caption").textContent = rows.length
      ? "The value of each frame, as it was scored; a clip's score is their mean. The line is the player's place: click to go there, hold shift and draw to choose a part."
      : frameMetrics.length ? "None of the panes has values per frame: choose a decoded picture." : "No metric with values per frame was scored.";
    buildExtremes(lines, metric);
    buildMels();
    const soundDetails = soundsShown().map((key) => ({
      label: [...lettersOf("sound", key), ` ${name(key)}`], words: known(key).words,
      why: variants[key].sound || isReference(key) ? "no word error rate was scored" : whyNoSound(key),
    }));
    const any = clipWords($("words"), soundDetails, metrics, clip.transcript);
    $("words-caption").textContent = any
      ? "What a speech recogniser hears in each sound, against the transcript (wer) or against what it hears in the reference (dwer). Marked: said → heard instead, −word not heard, +word heard but not said. Words are lower case without punctuation, as they were compared."
      : "No word error rate was scored for these sounds.";
    buildLedger();
    buildScores();
  }

  function legend(pane, number) {
    const { colour, dash } = lineOf(pane);
    const sample = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    sample.setAttribute("class", "sample");
    sample.setAttribute("viewBox", "0 0 22 8");
    sample.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [key, value] of Object.entries({ x1: 0, x2: 22, y1: 4, y2: 4, "stroke-dasharray": dash.join(" ") || "none", style: `stroke: var(${colour})` })) line.setAttribute(key, value);
    sample.append(line);
    return element("span", { class: "legend" }, sample, badge(pane), ` ${name(pane.picture)} `, element("span", { class: "now", "data-key": pane.picture, "data-metric": number }));
  }

  function buildExtremes(lines, metric) {
    const apart = Math.max(1, Math.round(CLIP_APART_S * fps));
    const groups = lines.flatMap((pane) => {
      const values = known(pane.picture).frames[state.metric];
      if (!values) return [];
      const list = (best, count) => clipExtremes(values, metric.higher, best, apart, count)
        .map((each) => clipFrameButton(each, reel(pane.picture), variants[pane.picture].picture, goTo, best ? "best" : "worst"));
      return [element("div", { class: "extreme" }, element("h4", {}, badge(pane), ` ${name(pane.picture)}`),
        element("div", { class: "frames", "data-worst": letterOf(pane) }, element("span", {}, "worst"), ...list(false, 5)),
        element("div", { class: "frames", "data-best": letterOf(pane) }, element("span", {}, "best"), ...list(true, 2)))];
    });
    $("extremes").replaceChildren(...groups);
    $("extremes-caption").textContent = groups.length
      ? `By ${metric.label} (${metric.higher ? "higher" : "lower"} is better): frame number and value, worst first, at least ${CLIP_APART_S} s apart. Click one to see it in all panes.`
      : "No pane has values per frame.";
  }

  function buildMels() {
    // Slaney's scale: linear to 1 kHz, then by ratio.
    const toMel = (hz) => (hz < 1000 ? (3 * hz) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4));
    const rows = [];
    let shown = null;
    for (const key of soundsShown()) {
      const mel = variants[key].mel;
      const address = mel && talkbench.media(mel.file);
      const head = [...lettersOf("sound", key), element("b", {}, ` ${name(key)}`)];
      if (!address) {
        rows.push({ says: `No spectrogram of ${name(key)}`, height: 22, head, picture: element("p", { class: "none" }, `— ${mel ? "left out of this single file" : variants[key].why.mel ?? whyNoSound(key)}`) });
        continue;
      }
      shown = mel;
      const image = element("img", { src: address, alt: "", draggable: "false" });
      image.style.width = `${(100 * mel.seconds) / seconds}%`;
      image.style.filter = `url(#${api.name}-viridis)`;
      image.addEventListener("error", () => image.replaceWith(element("p", { class: "none" }, "— the picture's file is missing beside this page")));
      const low = toMel(mel.low_hz), high = toMel(mel.high_hz);
      rows.push({
        says: `Mel spectrogram of ${name(key)}`, height: 92, head, picture: image,
        ticks: [500, 1000, 2000, 4000, 8000].filter((hz) => hz <= mel.high_hz)
          .map((hz) => [(toMel(hz) - low) / (high - low), `${hz / 1000}${hz === 500 ? " kHz" : ""}`]),
      });
    }
    tracks.fill($("mels"), rows);
    const caption = $("mels-caption");
    if (!shown) { caption.textContent = "No sound has a spectrogram here."; return; }
    caption.replaceChildren(element("span", { class: "scale" }, `${show(shown.floor_db)} dB `, element("i", {}), ` ${show(shown.top_db)} dB`),
      ` Energy in mel bands, one column each ${show(1000 * shown.hop_s)} ms, the same scale for all sounds (0 dB: a sine wave of full scale). Frequencies are spaced as the ear hears them.`);
  }

  function buildLedger() {
    const rows = state.panes.flatMap((pane) => {
      const parts = [];
      for (const [side, key] of [["picture", pane.picture], ["sound", pane.sound]]) {
        if (isReference(key) || (side === "sound" && key === pane.picture)) continue;
        for (const [part, bits] of Object.entries(clipBits(known(key).timeline, frames, fps))) {
          parts.push({ name: variants[key].codes.length > 1 ? part : `${side} ${part}`, bits });
        }
      }
      if (!parts.length) return [];
      parts.forEach((part, index) => { part.colour = `--c${index % 7}`; });
      return [clipLedgerRow({
        parts, frames, fps, seconds, height: 84, sum: state.bits === "sum", says: `Bits over time of ${letterOf(pane)}`,
        head: [badge(pane), ` ${unique([pane.picture, pane.sound].filter((key) => !isReference(key))).map(name).join(" + ")} `,
          ...parts.map((part) => {
            const key = element("span", { class: "legend" }, element("i", { class: "chip" }), part.name, ` ${clipCount(part.bits.reduce((a, b) => a + b, 0))}`);
            key.firstChild.style.background = `var(${part.colour})`;
            return key;
          })],
      })];
    });
    tracks.fill($("ledger"), rows);
    $("ledger-caption").textContent = rows.length
      ? `${state.bits === "sum" ? "Bits sent so far" : "Bits in the time of each frame"}, by part of the bitstream; beside each part its bits in all. What the sound's packets take is shared out over the frames that they last.${rows.some((row) => row.cut) ? " Bars with ↑ are cut: their number stands beside them." : ""}`
      : "Where the bits of these panes fall over time is not known: their codecs do not say, or no preview was made.";
  }

  let pairs = null;
  function buildScores() {
    if (!pairs) api.part("pairs").then((found) => { pairs = new Map(found.map(([m, v, a, value]) => [`${m} ${v} ${a}`, value])); buildScores(); }, (error) => say(error.message));
    const panes = state.panes.map((pane) => ({
      own: pane, coded: !(isReference(pane.picture) && isReference(pane.sound)),
      title: [badge(pane), ` ${unique([pane.picture, pane.sound]).map(name).join(" + ")}`],
    }));
    const count = clipScores($("scores"), panes, metrics, (number, { own }) => {
      const { modality, kind } = metrics[number];
      if (kind === "pair" || modality === "pair") return pairs?.get(`${number} ${own.picture} ${own.sound}`) ?? "";
      const key = modality === "audio" ? own.sound : own.picture;
      return variants[key].scores[number] ?? (isReference(key) ? "" : "not scored");
    });
    $("scores-caption").textContent = count
      ? "Scores of this clip alone, of what each pane shows and sounds: metrics of the picture belong to its picture, metrics of the sound to its sound. Bold: the best of the coded panes. A dash under the reference: the metric compares with it."
      : "Nothing of these panes was scored.";
  }

  // ---------------------------------------------------------------------------------- controls

  function controls() {
    segments($("speed"), [["0.5", "½"], ["1", "1"]], state.speed ?? "1", (value) => { state.speed = value; clock.setRate(Number(value)); controls(); });
    segments($("view"), [["picture", "picture"], ["difference", "difference"]], state.view, (view) => { state.view = view; controls(); draw(); });
    segments($("gain"), [1, 2, 4, 8].map((gain) => [gain, `×${gain}`]), state.gain, (gain) => { state.gain = gain; controls(); draw(); });
    segments($("bits"), [["frame", "each frame"], ["sum", "added up"]], state.bits, (bits) => { state.bits = bits; controls(); buildLedger(); });
    $("gain").hidden = state.view !== "difference";
    root.querySelector(".difference-note").hidden = state.view !== "difference";
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
  scrubber.addEventListener("input", () => goTo(Number(scrubber.value)));
  $("loop").addEventListener("change", (event) => clock.setLoop(event.target.checked));
  $("zoom").addEventListener("change", (event) => {
    state.zoom = event.target.checked;
    root.querySelector(".panes").classList.toggle("zoomed", state.zoom);
    draw();
  });
  if (!variants[0].mouth) {
    $("zoom").disabled = true;
    $("zoom").parentElement.title = "no face was found in the reference";
    $("zoom").parentElement.classList.add("none");
  }
  $("every").addEventListener("change", (event) => { state.every = event.target.checked; buildBelow(); draw(); });
  if (frameMetrics.length < 2) $("every").closest("p").hidden = true;
  options($("metric"), frameMetrics.map((number) => [number, metrics[number].label]), state.metric);
  $("metric").parentElement.hidden = !frameMetrics.length;
  $("metric").addEventListener("change", (event) => { state.metric = event.target.value; build(); });

  const keys = {
    " ": "play", ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last", "[": "from", "]": "to",
  };
  document.addEventListener("keydown", (event) => {
    if (root.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.target;
    // Keys are the player's where nothing else has the focus that would use them.
    if (on !== document.body && !on.closest(".player, .transport")) return;
    if (on.closest("select, [role=radiogroup], input:not([type=range])")) return;
    if (event.key === " " && on.closest("button")) return;
    const pane = ["1", "2", "3", "4"].indexOf(event.key);
    if (pane >= 0 && pane < state.panes.length && soundAddress(state.panes[pane].sound) !== null) hear(pane);
    else if (keys[event.key]) acts[keys[event.key]]();
    else return;
    event.preventDefault();
  });

  // In a single file another page may take this one's place.
  addEventListener("hashchange", () => { if (root.hidden) clock.pause(); });

  controls();
  build();
  tracks.move(0);
  return {
    redraw: () => { tracks.draw(); draw(); },
    shown: () => { tracks.draw(); draw(); },
  };
});
