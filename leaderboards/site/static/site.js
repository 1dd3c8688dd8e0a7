// Without this script every table stands in rank order and nothing is lost.
"use strict";

const LONG = 12; // rows from which a filter is worth its place

function key(row, column) {
  const text = row.cells[column].dataset.sort;
  if (text === undefined || text === "") return null;
  const value = Number(text);
  return Number.isNaN(value) ? text.toLowerCase() : value;
}

// What has no value goes last, whichever way the others are sorted.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
}

function sort(table, header, column) {
  const down = header.getAttribute("aria-sort") === "descending";
  const up = header.getAttribute("aria-sort") === "ascending";
  const ascending = up ? false : down ? true : header.dataset.first !== "descending";
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => [key(row, column), row]);
  keyed.sort((a, b) => compare(a[0], b[0], ascending ? 1 : -1));
  body.append(...keyed.map((pair) => pair[1]));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  table.classList.add("sorted"); // ties are drawn in rank order alone
}

function sortable(table) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sort(table, header, column));
    header.append(button);
  });
}

function filterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < LONG) return;
  const before = table.closest(".scroll") ?? table;
  const label = document.createElement("label");
  const input = document.createElement("input");
  const count = document.createElement("output");
  label.className = "find";
  input.type = "search";
  input.autocomplete = "off";
  label.append("Show rows with", input, count);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    count.textContent = words.length ? `${shown} of ${rows.length}` : "";
  });
  before.before(label);
}

// Moving pictures can be stopped, all at once (and do not move for readers who asked for that).
function stoppable(pictures) {
  const films = pictures.map((picture) => {
    const image = picture.querySelector("img");
    const source = picture.querySelector("source");
    return { image, source, moving: image.getAttribute("src"), still: source.getAttribute("srcset") };
  });
  const button = document.createElement("button");
  const what = films.length > 1 ? "the animations" : "the animation";
  let playing = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const name = () => { button.textContent = `${playing ? "Stop" : "Play"} ${what}`; };
  button.type = "button";
  button.className = "play";
  button.addEventListener("click", () => {
    playing = !playing;
    for (const film of films) {
      film.source.remove(); // from here on the button decides
      film.image.setAttribute("src", playing ? film.moving : film.still);
    }
    name();
  });
  name();
  if (films.length > 1) pictures[0].closest("ul").before(button);
  else pictures[0].after(button);
}

// The menu closes with Escape, and gives the focus back.
function closable(menu) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

document.querySelectorAll("table.sortable").forEach((table) => {
  sortable(table);
  filterable(table);
});
document.querySelectorAll("table.filterable").forEach(filterable);
document.querySelectorAll(".menu").forEach(closable);
const moving = [...document.querySelectorAll("picture.moving")];
if (moving.length) stoppable(moving);
