"use strict";

const root = document.documentElement;
document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const compare = (a, b) => sign * key(a).localeCompare(key(b), "en", { numeric: true });
      const number = (row) => Number.parseFloat(row.cells[column].dataset.value);
      const byNumber = (a, b) => {
        const [x, y] = [number(a), number(b)];
        return Number.isNaN(x) - Number.isNaN(y) || sign * (x - y);
      };
      const rows = [...table.tBodies[0].rows];
      rows.sort(head.hasAttribute("data-number") ? byNumber : compare);
      table.tBodies[0].append(...rows);
    });
  });
}

const find = document.getElementById("find");
const shown = document.getElementById("shown");
const examples = [...document.querySelectorAll(".example")];
find?.addEventListener("input", () => {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const example of examples) {
    const text = example.textContent.toLowerCase();
    example.hidden = !words.every((word) => text.includes(word));
    count += !example.hidden;
  }
  shown.textContent = `${count} of ${examples.length}`;
});
