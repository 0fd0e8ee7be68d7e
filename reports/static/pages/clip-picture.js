"use strict";
// Pictures of a clip's variants: sprite sheets, of which frame k is one cell, drawn on a canvas.

// picture: as in the page's data; sheet addresses may be null (left out of a single file).
// arrived(): a sheet that was missing is there now, or has failed.
function clipReel(picture, arrived) {
  const sheets = picture.sheets.map(() => null);  // { image, state: "loading" | "ready" | "failed" }

  function sheet(at) {
    if (!sheets[at]) {
      const address = talkbench.media(picture.sheets[at]);
      const entry = { image: null, state: "loading" };
      sheets[at] = entry;
      if (address === null) {
        entry.state = "left out";
        return entry;
      }
      entry.image = new Image();
      entry.image.src = address;
      // Decoded before it is drawn, so that no frame waits for a whole sheet.
      entry.image.decode().then(
        () => { entry.state = "ready"; arrived(); },
        () => { entry.state = "failed"; arrived(); },
      );
    }
    return sheets[at];
  }

  const cell = (frame) => {
    const k = Math.max(0, Math.min(picture.frames - 1, frame));
    const place = k % picture.per_sheet;
    return {
      sheet: Math.floor(k / picture.per_sheet),
      x: (place % picture.columns) * picture.width,
      y: Math.floor(place / picture.columns) * picture.height,
    };
  };

  return {
    cell,
    width: picture.width,
    height: picture.height,
    // What state the sheet of a frame is in; asks for it and for the next one.
    state(frame) {
      const at = cell(frame).sheet;
      const found = sheet(at).state;
      if (found === "ready" && sheets.length > 1) sheet((at + 1) % sheets.length);
      return found;
    },
    // Draw a frame, or the box [x, y, w, h] of it, over the whole canvas.
    draw(context, frame, box) {
      const { sheet: at, x, y } = cell(frame);
      const [left, top, width, height] = box ?? [0, 0, picture.width, picture.height];
      context.drawImage(sheets[at].image, x + left, y + top, width, height, 0, 0, context.canvas.width, context.canvas.height);
    },
    address: (frame) => talkbench.media(picture.sheets[cell(frame).sheet]),
  };
}

// Draw one pane. shown: its reel; original: the reference's reel, or null; how: { view, gain, at, box }:
// view: "difference" (times gain: 1, 2, 4 or 8) or "split" (the reference right of `at`, 0 to 1 of the width).
// Only compositing: a page from a file may not read its own canvas.
function clipDraw(canvas, frame, shown, original, { view, gain, at, box }) {
  const [width, height] = box ? [box[2], box[3]] : [shown.width, shown.height];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "copy";
  shown.draw(context, frame, box);
  if (original && view === "difference") {
    context.globalCompositeOperation = "difference";
    original.draw(context, frame, box);
    context.globalCompositeOperation = "lighter";  // adds: each time twice as bright, up to white
    for (let times = 1; times < gain; times *= 2) context.drawImage(canvas, 0, 0);
  }
  if (original && view === "split") {
    context.globalCompositeOperation = "source-over";
    context.save();
    context.beginPath();
    context.rect(Math.round(at * width), 0, width, height);
    context.clip();
    original.draw(context, frame, box);
    context.restore();
    context.fillStyle = "#fff";
    context.fillRect(Math.round(at * width) - 0.5, 0, 1, height);
  }
  const { sheet, x, y } = shown.cell(frame);
  Object.assign(canvas.dataset, { frame, sheet, cell: `${x},${y}` });
}
