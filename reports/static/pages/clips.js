"use strict";
// The list of clips: their thumbnails, and the metric that its columns show.

talkbench.page("clips", (root, data, api) => {
  for (const row of root.querySelectorAll("tr[data-clip]")) {
    const thumb = data.thumbs[row.dataset.clip];
    const box = row.querySelector(".thumb");
    const source = thumb && talkbench.media(thumb.media);
    if (!box || !source) continue;
    // One picture of a sheet: the box shows its cell, the rest is clipped.
    const picture = element("img", { src: source, alt: "", loading: "lazy" });
    picture.style.width = `${100 * thumb.columns}%`;
    picture.style.height = `${100 * thumb.rows}%`;
    picture.style.left = `${-100 * thumb.column}%`;
    picture.style.top = `${-100 * thumb.row}%`;
    box.style.aspectRatio = String(thumb.ratio);
    box.append(picture);
  }

  const select = root.querySelector("#clips-metric");
  if (!select) return {};
  options(select, data.metrics.map((metric) => [String(metric.key), metric.label]), String(data.metrics[0].key));
  select.addEventListener("change", async () => {
    const chosen = data.metrics.find((metric) => String(metric.key) === select.value);
    const rows = await api.part(`metric-${chosen.key}`);
    if (select.value !== String(chosen.key)) return;  // another one was chosen meanwhile
    const { unit, higher } = talkbench.common.metrics[chosen.metric];
    const caption = root.querySelector("#clips-caption");
    caption.replaceChildren(element("b", {}, chosen.label),
      `${unit ? ` (${unit})` : ""}, ${higher ? "higher" : "lower"} is better`);
    const lines = [...root.querySelectorAll("tr[data-clip]")];
    // The parts are in the order of the template, whatever the table is sorted by.
    lines.sort((a, b) => Number(a.dataset.clip.slice(5)) - Number(b.dataset.clip.slice(5)));
    lines.forEach((line, at) => {
      const cells = [...line.children].slice(-4);
      const row = rows[at];
      cells.forEach((cell, column) => {
        cell.removeAttribute("title");
        if (!row) {
          cell.dataset.sort = "";
          cell.replaceChildren(element("span", { class: "none" }, "—", ...(column < 3 ? [" ", element("small", {}, "not scored")] : [])));
        } else if (column < 3) {
          cell.dataset.sort = row[column];
          const where = [row[3], null, row[4]][column];
          cell.replaceChildren(show(row[column]), ...(where ? [" ", element("small", {}, where)] : []));
        } else {
          cell.dataset.sort = row[5];
          cell.classList.toggle("short", row[5] < row[6]);
          cell.replaceChildren(`${row[5]} of ${row[6]}`);
        }
      });
    });
  });
  return {};
});
