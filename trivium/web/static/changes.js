// SPDX-License-Identifier: GPL-3.0-or-later
// What pages of changes do (web.md 6); it is read after trivium.js, whose names it uses.

// Side by side a selection stays in the column where it began.
addEventListener("mousedown", (event) => {
  const cell = event.target.closest(".diff.two td.lc");
  if (cell) cell.closest("table").dataset.side = cell.cellIndex > 1 ? "new" : "old";
});

// What was looked at is folded, and stays so in this browser.
const looked = one("[data-viewed]");
const seen = () => { try { return JSON.parse(localStorage.viewed ?? "{}"); } catch { return {}; } };
const setViewed = (change, is) => {
  one(".viewed", change).ariaPressed = String(is);
  one("details", change).open = !is;
};
const view = (change, is = true) => {
  setViewed(change, is);
  const kept = seen(), key = looked.dataset.viewed, ids = new Set(kept[key] ?? []);
  if (is) ids.add(change.id); else ids.delete(change.id);
  delete kept[key];  // what was looked at last stands last
  if (ids.size) kept[key] = [...ids];
  localStorage.viewed = JSON.stringify(Object.fromEntries(Object.entries(kept).slice(-100)));
  change.scrollIntoView({ block: "nearest" });
};
if (looked) {
  for (const id of seen()[looked.dataset.viewed] ?? []) {
    const change = document.getElementById(id);
    if (change && one(".viewed", change)) setViewed(change, true);
  }
  looked.addEventListener("click", (event) => {
    const button = event.target.closest(".viewed");
    if (button) view(button.closest(".change"), button.ariaPressed !== "true");
  });
}

// Keys: the lines and files of changes, and what people say there.
const lines = () => all(".change details[open] .diff tr:has(> .lc)");
const changed = (row) => row?.matches(":has(> .add, > .del)");
const starts = () => lines().filter((row) => changed(row) && !changed(row.previousElementSibling));
const threads = () => all("tr.talk, .thread:not(.talk *) > .remark");
let at = null;
const go = (list, by) => {
  const side = by > 0 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING;
  const left = at?.isConnected ? list.filter((found) => at.compareDocumentPosition(found) & side) : list;
  const found = left.at(by > 0 ? 0 : -1);
  if (!found) return;
  at?.classList.remove("at");
  (at = found).classList.add("at");
  const fold = at.closest("details");
  if (fold) fold.open = true;
  const whole = at.matches(".change");
  if (whole || at.matches(".talk, .remark")) one("summary, a", at)?.focus({ preventScroll: true });
  at.scrollIntoView({ block: whole ? "start" : "center" });
};
Object.assign(keys, {
  j: [".change", () => go(lines(), 1)],
  k: [".change", () => go(lines(), -1)],
  n: [".change", () => go(starts(), 1)],
  p: [".change", () => go(starts(), -1)],
  N: [".remark", () => go(threads(), 1)],
  P: [".remark", () => go(threads(), -1)],
  "]": [".change", () => go(all(".change"), 1)],
  "[": [".change", () => go(all(".change"), -1)],
  x: [".change details", () => {
    const fold = one("details", (at ?? one(".change")).closest(".change"));
    if (fold) fold.open = !fold.open;
  }],
  v: ["[data-viewed] .change", () => {
    view(at?.closest(".change") ?? one(".change"));
    go(all(".change"), 1);
  }],
});
