"use strict";
// The worst and the best frames of a pane by one metric, each a button that goes there.

const CLIP_APART_S = 0.2;

// Frames from worst to best (or the other way), no two of them nearer than `apart` frames.
function clipExtremes(values, higher, best, apart, count) {
  const order = values.map((value, frame) => [value, frame]).filter(([value]) => value !== null);
  const sign = higher === best ? -1 : 1;
  order.sort(([a, i], [b, j]) => sign * (a - b) || i - j);
  const found = [];
  for (const [value, frame] of order) {
    if (found.length === count) break;
    if (found.every((each) => Math.abs(each.frame - frame) >= apart)) found.push({ frame, value });
  }
  return found;
}

// A frame's picture, small, as a button.
function clipFrameButton({ frame, value }, reel, picture, go, word) {
  const button = element("button", { type: "button", class: "frame", "data-frame": frame, "aria-label": `frame ${frame + 1}, ${word}, ${show(value)}` });
  const thumb = element("span", { class: "cell" });
  const address = reel?.address(frame);
  if (address) {
    const { x, y } = reel.cell(frame);
    const rows = Math.ceil(Math.min(picture.frames - picture.per_sheet * reel.cell(frame).sheet, picture.per_sheet) / picture.columns);
    const columns = Math.min(picture.columns, picture.frames);
    thumb.style.backgroundImage = `url("${address}")`;
    thumb.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    const part = (at, size, count) => (count > 1 ? `${(100 * (at / size)) / (count - 1)}%` : "0");
    thumb.style.backgroundPosition = `${part(x, picture.width, columns)} ${part(y, picture.height, rows)}`;
    thumb.style.aspectRatio = `${picture.width} / ${picture.height}`;
  }
  button.append(thumb, element("span", {}, `${frame + 1}`), element("b", {}, show(value)));
  button.addEventListener("click", () => go(frame));
  return button;
}
