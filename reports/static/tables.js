"use strict";
// Tables of numbers: sort by a column; copy as text for a spreadsheet, or as LaTeX for a paper.

function sortBy(header) {
  const table = header.closest("table");
  const at = [...header.parentElement.children].indexOf(header);
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = (row) => row.children[at].dataset.sort ?? row.children[at].textContent;
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === "");  // what is missing stays last both ways
    const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    return down ? -order : order;
  };
  const body = [...table.tBodies].find((one) => !one.classList.contains("fixed"));
  body.append(...[...body.rows].sort(compare));
}

// One listener for all tables, those that scripts make later included; and for texts that can be copied.
document.addEventListener("click", (event) => {
  const button = event.target.closest(".sort");
  if (button) sortBy(button.closest("th"));
  const copy = event.target.closest("[data-copy]");
  if (copy) copyText(copy.closest(".copyable").querySelector("pre").textContent, copy);
});

// What a cell says, as one line: pictures and hidden things are not text.
function cellText(cell) {
  if (cell.dataset.text !== undefined) return cell.dataset.text;
  const copy = cell.cloneNode(true);
  for (const away of copy.querySelectorAll("svg, [hidden], .copy-skip")) away.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

// Rows of texts; columns that hold only drawings are left out, cells that span take their columns.
function tableTexts(table) {
  const rows = [...table.rows].filter((row) => !row.hidden).map((row) =>
    [...row.cells].flatMap((cell) => [
      cell.classList.contains("plot") ? null : cellText(cell), ...Array(cell.colSpan - 1).fill(""),
    ]));
  return rows.map((row) => row.filter((text) => text !== null));
}

const asTsv = (table) =>
  tableTexts(table).map((row) => row.map((text) => text.replace(/−/g, "-").replace(/\t/g, " ")).join("\t")).join("\n");

const LATEX = {
  "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
  "−": "$-$", "—": "---", "–": "--", "…": "\\dots{}", "×": "$\\times$", "<": "\\textless{}", ">": "\\textgreater{}",
  "|": "\\textbar{}", '"': "\\textquotedbl{}", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "\u202f": "\\,", "⁠": "",
};
const latex = (text) =>
  [...text].map((c) => LATEX[c] ?? ("#$%&_".includes(c) ? `\\${c}` : c)).join("");

function asLatex(table, caption) {
  const rows = tableTexts(table);
  const heads = table.tHead ? table.tHead.rows.length : 0;
  const width = Math.max(...rows.map((row) => row.length));
  const numeric = (at) => rows.slice(heads).some((row) => /^[−+-]?[\d.,]+/.test(row[at] ?? ""));
  const line = (row) => `  ${[...row, ...Array(width - row.length).fill("")].map(latex).join(" & ")} \\\\`;
  return [
    `% ${caption.replace(/\s+/g, " ").trim()}`,
    `\\begin{tabular}{${Array.from({ length: width }, (_, at) => (at && numeric(at) ? "r" : "l")).join("")}}`,
    "  \\toprule", ...rows.slice(0, heads).map(line), "  \\midrule", ...rows.slice(heads).map(line),
    "  \\bottomrule", "\\end{tabular}", "",
  ].join("\n");
}

async function copyText(text, button) {
  const said = button.textContent;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages from files may lack the clipboard; a selection in a text field is the old way that works there.
    const field = element("textarea", { class: "off-screen" });
    field.value = text;
    document.body.append(field);
    field.select();
    done = document.execCommand("copy");
    field.remove();
  }
  button.textContent = done ? "copied" : "copying is not allowed here";
  setTimeout(() => { button.textContent = said; }, 1500);
}

// Each table in a .scroll box gets its two buttons, under its right edge.
function decorateTables(root) {
  for (const box of root.querySelectorAll(".scroll")) {
    const table = box.querySelector("table");
    if (!table || box.dataset.copies) continue;
    box.dataset.copies = "yes";
    const caption = () => {
      let next = box.nextElementSibling;
      while (next && !next.classList.contains("caption")) next = next.nextElementSibling;
      return next?.textContent ?? "";
    };
    const button = (label, title, make) => {
      const made = element("button", { type: "button", title }, label);
      made.addEventListener("click", () => copyText(make(), made));
      return made;
    };
    box.after(element("p", { class: "copies" },
      button("copy", "as tab-separated text, for a spreadsheet", () => asTsv(table)),
      button("LaTeX", "as a booktabs table", () => asLatex(table, caption()))));
  }
}
