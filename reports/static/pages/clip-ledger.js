"use strict";
// Bits over time: a bar for each frame, stacked by part of the bitstream.

// Bits of each part that fall into each of `frames` frames. A step that spans several frames is distributed by
// time; bits after the last frame (a codec's own delay) are attributed to it, so that no bit is lost.
function clipBits(timeline, frames, fps) {
  return Object.fromEntries(Object.entries(timeline).map(([part, { step_s, bits }]) => {
    const found = new Float64Array(frames);
    bits.forEach((count, step) => {
      if (!count) return;
      const from = step * step_s * fps, to = (step + 1) * step_s * fps;
      for (let frame = Math.floor(from + 1e-9); frame < to - 1e-9; frame += 1) {
        const share = (Math.min(to, frame + 1) - Math.max(from, frame)) / (to - from);
        found[Math.min(frame, frames - 1)] += count * share;
      }
    });
    return [part, found];
  }));
}

// Rows of bars, all on one scale. rows: { parts: [{ name, bits: one number a frame, colour }], … }; sum: whether
// to add up over time.
function clipLedgerRows(rows, { frames, fps, seconds, height, sum }) {
  const bars = rows.map(({ parts }) => parts.map((part) => {
    let total = 0;
    return sum ? part.bits.map((value) => (total += value)) : part.bits;
  }));
  const totals = bars.map((own) => Array.from({ length: frames }, (_, frame) => own.reduce((all, bar) => all + bar[frame], 0)));
  const sorted = totals.map((own) => [...own].sort((a, b) => a - b));
  const most = Math.max(1, ...sorted.map((own) => own.at(-1)));
  // A keyframe may take a hundred times the bits of the frames behind it: then those set the scale.
  const usual = Math.max(1, ...sorted.map((own) => own[Math.floor(0.95 * (frames - 1))]));
  const cut = !sum && most > 4 * usual;
  const high = 1.04 * (cut ? 2.2 * usual : most);
  const ticks = clipTicks(0, high, 3);
  return rows.map((row, at) => ({
    ...row, height,
    cut: totals[at].some((total) => total > high),
    ticks: ticks.map((value) => [value / high, clipCount(value)]),
    draw(context, width, tall) {
      const wide = width / seconds / fps;
      const y = (value) => tall * (1 - Math.min(value, high) / high);
      const below = new Float64Array(frames);
      clipGrid(context, width, ticks.map(y));
      bars[at].forEach((bar, part) => {
        context.fillStyle = css(row.parts[part].colour);
        for (let frame = 0; frame < frames; frame += 1) {
          const top = y(below[frame] + bar[frame]);
          context.fillRect(frame * wide, top, Math.max(wide - (wide > 4 ? 1 : 0), 0.7), y(below[frame]) - top);
          below[frame] += bar[frame];
        }
      });
      let free = -Infinity;  // where the next label may begin
      context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
      const [ground, quiet] = [css("--ground"), css("--quiet")];
      totals[at].forEach((total, frame) => {
        if (total <= high) return;
        // The bar goes on: a gap in it, and its own number.
        context.fillStyle = ground;
        context.fillRect(frame * wide - 1, tall * 0.16, wide + 2, 3);
        const text = `${clipCount(total)} ↑`;
        const left = (frame + 1) * wide + 3;
        const end = left + context.measureText(text).width;
        if (left < free || end > width) return;
        context.fillStyle = quiet;
        context.fillText(text, left, 11);
        free = end + 6;
      });
    },
  }));
}

const clipCount = (bits) => (bits >= 1e6 ? `${show(bits / 1e6, 3)} M` : bits >= 1e4 ? `${show(bits / 1e3, 3)} k` : show(bits, 3));
