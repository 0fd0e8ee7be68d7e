"use strict";
// What a clip's page knows of the clip, its variants and the panes that are open; nothing here draws.

const CLIP_LETTERS = "ABCD";
const CLIP_DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

// What a reader must know wherever a codec or a metric is named, as the templates mark it.
const clipMarks = (marks) => (marks ?? []).flatMap((mark) => [" ", element("span", { class: "mark" }, mark)]);

// data: of the page; api: as talkbench.page gives it; panes: [{ picture, sound }], keys of variants (0: the clip
// itself); arrived(): a picture that was asked for is there, or failed.
function clipModel({ data, api, panes, arrived }) {
  const { clip, metrics, variants } = data;
  const fps = clip.fps ?? 25;  // without pictures: steps of 40 ms
  const frames = clip.frames || Math.max(1, Math.ceil(clip.seconds * fps));
  const details = new Map();   // key → what api.part gave, once it is there
  const reels = new Map();     // key → reel, or null
  const nothing = { frames: {}, words: [], timeline: {} };

  const model = {
    clip, metrics, variants, panes, fps, frames, seconds: clip.seconds || frames / fps,
    frameMetrics: Object.keys(metrics).filter((number) => metrics[number].kind === "frame" && metrics[number].modality === "video"),

    silent: variants.every((each) => !each.sound),
    unseen: variants.every((each) => !each.picture),
    isReference: (key) => key === 0,
    name: (key) => (key === 0 ? "reference" : `${variants[key].codec} ${variants[key].point}`),
    names: (keys) => unique(keys).map(model.name).join(" + "),
    marks: (keys) => clipMarks(unique(keys.flatMap((key) => talkbench.common.systems[variants[key].codec]?.marks ?? []))),
    coded: (modality) => variants.map((_, key) => key).filter((key) => variants[key].codes.includes(modality)),

    reel(key) {
      if (!reels.has(key)) reels.set(key, variants[key].picture ? clipReel(variants[key].picture, arrived) : null);
      return reels.get(key);
    },
    soundAddress: (key) => (variants[key].sound ? talkbench.media(variants[key].sound.file) : null),
    whyNoSound: (key) => (variants[key].sound
      ? "left out of this single file for its size: open the report's folder to hear it" : variants[key].why.sound ?? "no sound"),

    // Values per frame, words and timeline of a variant: `known` has what is there already.
    known: (key) => details.get(key) ?? nothing,
    async detail(key) {
      if (!details.has(key)) details.set(key, await api.part(`variant-${key}`));
      return details.get(key);
    },
    frameValues: (key, number) => (details.get(key) ?? nothing).frames[number],

    // Put a variant's picture or sound into a pane.
    use(pane, side, key) {
      // A stream that codes both brings its own sound.
      if (side === "picture" && variants[key].codec !== null && variants[key].codes.includes("audio")) pane.sound = key;
      pane[side] = key;
    },

    letter: (pane) => CLIP_LETTERS[panes.indexOf(pane)],
    badge: (pane) => element("b", { class: "letter" }, model.letter(pane)),
    // Colour of a codec as everywhere; two points of one codec differ by their dash.
    lineOf(pane) {
      const { codec } = variants[pane.picture];
      const look = talkbench.common.systems[codec];
      const same = panes.filter((each) => variants[each.picture].codec === codec);
      return {
        colour: look ? `--c${look.colour % 7}` : "--quiet",
        dash: CLIP_DASHES[(same.indexOf(pane) + (look?.dash ?? 0)) % CLIP_DASHES.length],
      };
    },
  };
  return model;
}
