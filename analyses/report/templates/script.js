"use strict";
// Without this script the page lacks nothing but comfort: it follows links, folds, sorts, filters and saves tables.

// MLflow shows this page in a sandboxed frame, where a browser refuses to follow links within the page.
const open = (element) => {
  for (let at = element; at; at = at.parentElement) {
    if (at.tagName === "DETAILS") at.open = true;
    if (at.tagName === "SECTION") unfold(at);
  }
  if (element.tagName === "DETAILS") element.open = true;
};
for (const link of document.querySelectorAll('a[href^="#"]')) link.addEventListener("click", (event) => {
  event.preventDefault();
  const target = document.getElementById(link.getAttribute("href").slice(1));
  open(target);
  target.scrollIntoView();
});

// The contents follow what is read.
const entries = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.getAttribute("href").slice(1), link]));
const watched = [...entries.keys()].map((id) => document.getElementById(id));
const follow = () => {
  const reached = watched.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 3).pop();
  for (const [id, link] of entries) {
    if (reached && id === reached.id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
};
addEventListener("scroll", follow, { passive: true });
follow();

// A section folds under its heading.
const unfold = (section) => {
  section.classList.remove("folded");
  section.querySelector("h2 > button.fold")?.setAttribute("aria-expanded", "true");
};
for (const heading of document.querySelectorAll("section > h2")) {
  const button = document.createElement("button");
  button.className = "fold";
  button.setAttribute("aria-expanded", "true");
  button.setAttribute("aria-label", `Fold ${heading.textContent}`);
  button.addEventListener("click", () => {
    const folded = heading.parentElement.classList.toggle("folded");
    button.setAttribute("aria-expanded", String(!folded));
  });
  heading.prepend(button);
}

// Tables of one heading row sort by a column, are filtered by a word, and are saved as CSV.
const text = (cell) => cell.innerText.replace(/\s+/g, " ").trim();
const number = (cell) => {
  const found = text(cell).replace(/\u2212/g, "-").match(/^[-+]?[\d\u202f]*\.?\d+(e[-+]?\d+)?/i);
  return found ? Number(found[0].replace(/\u202f/g, "")) : NaN;
};
const compare = (place) => (one, other) => {
  const [a, b] = [number(one.cells[place]), number(other.cells[place])];
  if (Number.isNaN(a) || Number.isNaN(b)) {
    return Number.isNaN(a) - Number.isNaN(b) || text(one.cells[place]).localeCompare(text(other.cells[place]));
  }
  return a - b;
};
const sort = (table, heading, place) => {
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => row.cells.length === table.tHead.rows[0].cells.length);
    rows.sort(compare(place));
    if (down) rows.reverse();
    body.append(...rows);
  }
};
const csv = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => {
  const value = text(cell).replace(/\u2212/g, "-").replace(/\u202f/g, "");
  const safe = /^[=+@]|^-\D/.test(value) ? `'${value}` : value;
  return /[",\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}).join(",")).join("\r\n");
const save = (table) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`\ufeff${csv(table)}\r\n`], { type: "text/csv" }));
  link.download = `${text(table.closest("section")?.querySelector("h2") ?? document.querySelector("h1")).replace(/\W+/g, "_")}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
};
for (const table of document.querySelectorAll("table")) {
  const heads = table.tHead?.rows.length === 1 ? [...table.tHead.rows[0].cells] : [];
  const rows = [...table.tBodies].reduce((n, body) => n + body.rows.length, 0);
  if (rows < 3 || heads.some((cell) => cell.colSpan > 1)) continue;
  heads.forEach((heading, place) => {
    const button = document.createElement("button");
    button.className = "sort";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(table, heading, place));
    heading.append(button);
  });
  const tools = document.createElement("div");
  tools.className = "tools";
  if (rows > 12) {
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "filter rows";
    filter.setAttribute("aria-label", "Filter rows");
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const body of table.tBodies) for (const row of body.rows) {
        row.hidden = !row.classList.contains("view") && !text(row).toLowerCase().includes(wanted);
      }
    });
    tools.append(filter);
  }
  if (self === top) {  // a sandboxed frame saves nothing
    const button = document.createElement("button");
    button.textContent = "save as CSV";
    button.addEventListener("click", () => save(table));
    tools.append(button);
  }
  if (tools.childNodes.length) (table.closest(".scroll") ?? table).after(tools);
}
