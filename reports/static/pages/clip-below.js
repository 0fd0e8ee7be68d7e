"use strict";
// Below the player: curves, extreme frames, spectrograms, words, bits and scores of the open panes.

// find(name): the page's element; tracks: clipTracks; goTo(frame).
function clipBelow({ find, model, state, tracks, goTo, api, say }) {
  const { clip, metrics, variants, fps, frames, seconds } = model;
  const sounds = () => (model.silent ? [] : unique([0, ...model.panes.map((pane) => pane.sound)]));
  const badges = (side, key) => model.panes.filter((pane) => pane[side] === key).map(model.badge);
  const decoded = () => model.panes.filter((pane) => !model.isReference(pane.picture));

  function sample({ colour, dash }) {
    const space = "http://www.w3.org/2000/svg";
    const box = document.createElementNS(space, "svg");
    const line = document.createElementNS(space, "line");
    for (const [key, value] of Object.entries({ class: "sample", viewBox: "0 0 22 8", "aria-hidden": "true" })) box.setAttribute(key, value);
    for (const [key, value] of Object.entries({ x1: 0, x2: 22, y1: 4, y2: 4, "stroke-dasharray": dash.join(" ") || "none" })) line.setAttribute(key, value);
    line.style.stroke = `var(${colour})`;
    box.append(line);
    return box;
  }

  function curves() {
    const rows = [];
    for (const number of state.every ? model.frameMetrics : [state.metric]) {
      const panes = decoded().filter((pane) => model.frameValues(pane.picture, number)?.some((value) => value !== null));
      if (!panes.length) continue;
      const { label, unit, higher } = metrics[number];
      rows.push(clipCurveRow({
        series: panes.map((pane) => ({ values: model.frameValues(pane.picture, number), ...model.lineOf(pane) })),
        fps, seconds, height: number === state.metric ? 150 : 64, says: `${label} of each frame`,
        head: [element("b", {}, label), ...clipMarks(metrics[number].marks), unit ? ` (${unit})` : "", element("span", { class: "direction" }, `${higher ? "↑ higher" : "↓ lower"} is better`),
          ...panes.map((pane) => element("span", { class: "legend" }, sample(model.lineOf(pane)), model.badge(pane), ` ${model.name(pane.picture)} `,
            element("span", { class: "now", "data-key": pane.picture, "data-metric": number })))],
      }));
    }
    tracks.fill(find("curves"), rows);
    find("curves-caption").textContent = rows.length
      ? "The value of each frame of this clip, as it was scored; the clip's score is their mean. Vertical line: playback position. Click to seek; shift and drag to select a part to play."
      : model.frameMetrics.length ? "None of the panes has values per frame: choose a decoded picture." : "No metric with values per frame was scored on this clip.";
  }

  function extremes() {
    const metric = metrics[state.metric];
    const apart = Math.max(1, Math.round(CLIP_APART_S * fps));
    const groups = decoded().flatMap((pane) => {
      const values = model.frameValues(pane.picture, state.metric);
      if (!values) return [];
      const line = (word, count) => element("div", { class: "frames", [`data-${word}`]: model.letter(pane) }, element("span", {}, word),
        ...clipExtremes(values, metric.higher, word === "best", apart, count)
          .map((each) => clipFrameButton(each, model.reel(pane.picture), variants[pane.picture].picture, goTo, word)));
      return [element("div", { class: "extreme" }, element("h4", {}, model.badge(pane), ` ${model.name(pane.picture)}`), line("worst", 5), line("best", 5))];
    });
    find("extremes").replaceChildren(...groups);
    find("extremes-caption").textContent = groups.length
      ? `By ${metric.label} (${metric.higher ? "higher" : "lower"} is better): number and value of the frame, at least ${CLIP_APART_S} s apart. Frames are counted from 1. Click one to see it in all panes.`
      : "No pane has values per frame.";
  }

  // Spectrograms: grey pictures, coloured once when they are drawn, not for each step of the cursor.
  const spectra = new Map();  // key → { image, state }
  function spectrum(key, address) {
    if (!spectra.has(key)) {
      const entry = { image: new Image(), state: "loading" };
      entry.image.src = address;
      entry.image.decode().then(() => { entry.state = "ready"; tracks.draw(find("mels")); }, () => { entry.state = "failed"; mels(); });
      spectra.set(key, entry);
    }
    return spectra.get(key);
  }

  function mels() {
    // Slaney's scale: linear to 1 kHz, then by ratio.
    const toMel = (hz) => (hz < 1000 ? (3 * hz) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4));
    let shown = null;
    tracks.fill(find("mels"), sounds().map((key) => {
      const { mel, why } = variants[key];
      const address = mel && talkbench.media(mel.file);
      const found = address ? spectrum(key, address) : null;
      const head = [...badges("sound", key), element("b", {}, model.name(key))];
      if (!found || found.state === "failed") {
        const reason = found ? "its file is missing beside this page" : mel ? "left out of this single file for its size" : why.mel ?? model.whyNoSound(key);
        return { says: `No spectrogram of ${model.name(key)}`, height: 22, head, picture: element("p", { class: "none" }, `— ${reason}`) };
      }
      shown = mel;
      const [low, high] = [toMel(mel.low_hz), toMel(mel.high_hz)];
      const marks = [500, 1000, 2000, 4000, 8000].filter((hz) => hz > mel.low_hz && hz <= mel.high_hz);
      return {
        says: `Mel spectrogram of ${model.name(key)}`, height: 92, head,
        ticks: marks.map((hz) => [(toMel(hz) - low) / (high - low), `${hz / 1000}${hz === marks.at(-1) ? " kHz" : ""}`]),
        draw(context, width, tall) {
          if (found.state !== "ready") return;
          const filter = `url("#${api.name}-viridis")`;
          // A browser that cannot colour while it draws colours the whole canvas.
          if (context.filter === undefined) context.canvas.style.filter = filter;
          else context.filter = filter;
          context.imageSmoothingQuality = "high";
          context.drawImage(found.image, 0, 0, (width * mel.seconds) / seconds, tall);
        },
      };
    }));
    const caption = find("mels-caption");
    if (!shown) {
      caption.textContent = model.silent ? "This clip has no sound, or no preview of it was made." : "No sound of these panes has a spectrogram.";
      return;
    }
    caption.replaceChildren(element("span", { class: "scale" }, `${show(shown.floor_db)} dB`, element("i", {}), `${show(shown.top_db)} dB`),
      ` Energy in mel bands, a column each ${show(1000 * shown.hop_s)} ms; the same colour scale in all (0 dB: a full-scale sine wave). Frequency axis: mel.`);
  }

  function words() {
    const said = sounds().map((key) => ({
      label: [...badges("sound", key), ` ${model.name(key)}`], words: model.known(key).words,
      why: variants[key].sound || model.isReference(key) ? "no word error rate was scored of it" : model.whyNoSound(key),
    }));
    const any = clipWords(find("words"), said, metrics, clip.transcript);
    const legend = [element("del", {}, "said"), "→", element("ins", {}, "heard instead"), ", ", element("del", {}, "−not heard"), ", ", element("ins", {}, "+heard, not said")];
    find("words-caption").replaceChildren(...(any
      ? [element("span", { class: "heard" }, ...legend), ". Output of a speech recogniser for each sound, against the transcript (wer) or against its output for the reference (dwer); words as they were compared, in lower case and without punctuation."]
      : ["No word error rate was scored of these sounds."]));
  }

  function ledger() {
    const rows = clipLedgerRows(model.panes.flatMap((pane) => {
      const parts = [];
      for (const [side, key] of [["picture", pane.picture], ["sound", pane.sound]]) {
        if (model.isReference(key) || (side === "sound" && key === pane.picture)) continue;
        const { timeline } = model.known(key);
        for (const [part, bits] of Object.entries(clipBits(timeline, frames, fps))) {
          const name = variants[key].codes.length > 1 ? part : `${side} ${part}`;
          parts.push({ name, bits, kind: timeline[part].kind, colour: `--c${timeline[part].kind % 7}` });
        }
      }
      const keys = unique([pane.picture, pane.sound]).filter((key) => !model.isReference(key));
      if (!parts.length) return [];
      parts.sort((a, b) => a.kind - b.kind);
      return [{
        parts, says: `Bits over time of ${model.letter(pane)}`,
        head: [model.badge(pane), model.names(keys), ...parts.map((part) => {
          const chip = element("i", { class: "chip" });
          chip.style.background = `var(${part.colour})`;
          return element("span", { class: "legend" }, chip, `${part.name} ${clipCount(part.bits.reduce((a, b) => a + b, 0))}`);
        })],
      }];
    }), { frames, fps, seconds, height: 84, sum: state.bits === "sum" });
    tracks.fill(find("ledger"), rows);
    const silent = model.panes.filter((pane) => [pane.picture, pane.sound].some((key) => !model.isReference(key) && !Object.keys(model.known(key).timeline).length));
    find("ledger-caption").textContent = (rows.length
      ? `${state.bits === "sum" ? "Bits sent so far" : "Bits in the time of each frame"} of this clip, by part of the bitstream, on one scale for all panes; beside each part its bits in all. Packets that last longer than a frame are spread over their frames; bits after the last frame are attributed to it.${rows.some((row) => row.cut) ? " Bars with ↑ are cut off; their value is printed beside them." : ""}`
      : "Bits over time are not known for these panes.") +
      (silent.length ? ` Not known for ${silent.map(model.letter).join(", ")}, in whole or in part: the codec gives no timeline, or no preview was made.` : "");
  }

  let pairs = null;
  function scores() {
    if (!pairs) {
      pairs = new Map();
      api.part("pairs").then((found) => {
        pairs = new Map(found.map(([metric, video, audio, value]) => [`${metric} ${video} ${audio}`, value]));
        scores();
      }, (error) => say(error.message));
    }
    const columns = model.panes.map((pane) => ({
      own: pane, coded: !(model.isReference(pane.picture) && model.isReference(pane.sound)),
      title: [model.badge(pane), ` ${model.names([pane.picture, pane.sound])}`],
    }));
    const count = clipScores(find("scores"), columns, metrics, (number, { own }) => {
      const { modality, kind } = metrics[number];
      if (kind === "pair" || modality === "pair") return pairs.get(`${number} ${own.picture} ${own.sound}`) ?? "";
      const key = modality === "audio" ? own.sound : own.picture;
      return variants[key].scores[number] ?? (model.isReference(key) ? "" : "not scored");
    });
    find("scores-caption").textContent = count
      ? "Scores of this clip alone: video metrics are of the pane's video, audio metrics of its audio. Bold: the best of the coded panes, where they differ. A dash under the reference: the metric compares with it."
      : "No scores of these panes on this clip.";
  }

  return {
    all() { curves(); extremes(); mels(); words(); ledger(); scores(); },
    curves, ledger,
  };
}
