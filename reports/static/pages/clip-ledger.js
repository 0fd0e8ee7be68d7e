"use strict";
// Bits over time: a bar for each frame, stacked by part of the bitstream.

// Bits of each part that fall into each of `frames` frames. A step that lies in several frames is shared out by
// time; what lies behind the last frame (a codec's own delay) counts there, so that no bit is lost.
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

// parts: [{ name, bits: one number a frame, colour }]; sum: whether to add up over time.
function clipLedgerRow({ parts, frames, fps, seconds, height, sum, ...rest }) {
  const bars = parts.map((part) => {
    if (!sum) return part.bits;
    let total = 0;
    return part.bits.map((value) => (total += value));
  });
  const totals = Array.from({ length: frames }, (_, frame) => bars.reduce((all, bar) => all + bar[frame], 0));
  const sorted = [...totals].sort((a, b) => a - b);
  const most = sorted[frames - 1] || 1;
  // A keyframe may take a hundred times the bits of the frames behind it: then those set the scale.
  const usual = sorted[Math.floor(0.95 * (frames - 1))] || most;
  const cut = !sum && most > 4 * usual ? 2.2 * usual : null;
  const high = (cut ?? most) * 1.04;
  const ticks = clipTicks(0, high, 3);
  return {
    ...rest, height,
    ticks: ticks.map((value) => [value / high, clipCount(value)]),
    draw(context, width, tall) {
      const wide = width / seconds / fps;
      const y = (value) => tall * (1 - Math.min(value, high) / high);
      clipGrid(context, width, ticks.map(y));
      let free = -Infinity;  // where the next label may begin
      for (let frame = 0; frame < frames; frame += 1) {
        let below = 0;
        bars.forEach((bar, at) => {
          context.fillStyle = css(parts[at].colour);
          const top = y(below + bar[frame]);
          context.fillRect(frame * wide, top, Math.max(wide - (wide > 4 ? 1 : 0), 0.7), y(below) - top);
          below += bar[frame];
        });
        if (cut && totals[frame] > high) {
          // The bar goes on: a gap in it, and its own number.
          context.fillStyle = css("--ground");
          context.fillRect(frame * wide - 1, tall * 0.16, wide + 2, 3);
          const text = `${clipCount(totals[frame])} ↑`;
          const left = (frame + 1) * wide + 3;
          context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
          if (left > free && left + context.measureText(text).width < width) {
            context.fillStyle = css("--quiet");
            context.fillText(text, left, 11);
            free = left + context.measureText(text).width + 6;
          }
        }
      }
    },
    cut: cut !== null,
  };
}

const clipCount = (bits) => (bits >= 1e6 ? `${show(bits / 1e6, 3)} M` : bits >= 1e4 ? `${show(bits / 1e3, 3)} k` : show(bits, 3));
