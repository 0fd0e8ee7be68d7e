"use strict";
// The contact sheet is written into the page; here its pictures lead to the player.

// show(key, frame): open that variant at that frame.
function clipSheet(root, show) {
  const sheet = root.querySelector(".sheet");
  if (!sheet) return;
  // In a single file pictures are text beside the page.
  for (const picture of sheet.querySelectorAll("img[data-still]")) {
    const address = talkbench.media(picture.dataset.still);
    if (address === null) picture.closest(".moment").replaceWith(element("span", { class: "moment none" }, "left out of this single file for its size"));
    else picture.src = address;
  }
  sheet.addEventListener("click", (event) => {
    const button = event.target.closest("button.moment");
    if (button) show(Number(button.dataset.key), Number(button.dataset.frame));
  });
}
