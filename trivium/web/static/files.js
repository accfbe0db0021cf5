// SPDX-License-Identifier: GPL-3.0-or-later
// What pages of files do (web.md 6); it is read after trivium.js, whose names it uses.

// Lines are chosen by the address: `#L10` or `#L10-20`; with Shift up to the line that is clicked.
const chosenLines = () => /^#L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(location.hash);
const markLines = () => {
  for (const row of all("tr.chosen")) row.classList.remove("chosen");
  const found = chosenLines();
  if (!found) return;
  const first = document.getElementById(`L${found[1]}`), source = one("a[data-source]:not([aria-current])");
  if (!first && source) return location.replace(source.href + location.hash);
  for (let row = first, left = (found[2] || found[1]) - found[1]; row && left >= 0; left--, row = row.nextElementSibling) row.classList.add("chosen");
  if (found[2]) first?.scrollIntoView({ block: "center" });
};
addEventListener("hashchange", markLines);
markLines();
one("table.text")?.addEventListener("click", (event) => {
  const link = event.target.closest("td.no a"), from = chosenLines();
  if (!link || !event.shiftKey || !from) return;
  event.preventDefault();
  const ends = [from[1], link.textContent].map(Number);
  location.hash = `L${Math.min(...ends)}-${Math.max(...ends)}`;
});
if (one("table.text")) {
  keys.l = ["table.text", () => {
    const number = parseInt(prompt(one('[data-keys="l"]').lastChild.textContent), 10);
    if (number > 0) location.hash = `L${number}`;
  }];
}

// Finding a file of this revision.
const seek = one("form.seek");
if (seek) {
  let names;
  offer(one("input", seek), one(".sheet", seek), async (text) => {
    names ??= fetched(seek.dataset.finder).then((came) => came.json())
      .then(({ nodes }) => nodes.filter(({ type }) => type === "file").map(({ name }) => name));
    const words = text.toLowerCase().split(/\s+/), found = await names;
    const hits = text ? found.filter((name) => words.every((word) => name.toLowerCase().includes(word))) : [];
    hits.sort((one, other) => one.length - other.length || (one < other ? -1 : 1));
    const address = (name) => `${seek.dataset.files}/${encodeURIComponent(name.toWellFormed()).replaceAll("%2F", "/")}`;
    return [{ links: hits.slice(0, 20).map((name) => [name, address(name)]) }];
  }, 0);
}
