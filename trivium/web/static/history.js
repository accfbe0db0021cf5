// SPDX-License-Identifier: GPL-3.0-or-later
// What pages of the history and of branches do (web.md 6); it is read after trivium.js, whose names it uses.

// How far branches are from the main one.
const far = one("[data-distances]");
if (far) {
  fetched(far.dataset.distances).then((came) => came.json()).catch(() => ({})).then((found) => {
    for (const cell of all(".far[data-name]")) cell.textContent = found[cell.dataset.name] ?? "";
  });
}

// The files of a changeset, below its row in the history.
for (const log of all("[data-details]")) {
  log.addEventListener("click", async (event) => {
    const button = event.target.closest("button.more"), row = button?.closest("li");
    if (!button || button.ariaBusy === "true") return;
    const open = button.ariaExpanded !== "true";
    if (open && !one(".details", row)) {
      button.ariaBusy = "true";
      const id = one("a.id", row).pathname.split("/").pop();
      const came = await fetched(log.dataset.details + id).catch(() => {});
      button.ariaBusy = "false";
      if (!came) return;
      row.append(make("div", { className: "details", innerHTML: await came.text() }));
    }
    button.ariaExpanded = String(open);
    row.classList.toggle("open", open);
    one(".details", row).hidden = !open;
  });
}

// A row is chosen for a comparison: first what is compared, then with what.
const mark = () => {
  const [left, right] = all("input", current());
  if (!left) return;
  if (left.checked || right.checked) left.checked = right.checked = false;
  else (one(".log input[name=left]:checked") ? right : left).checked = true;
};
keys.x = [".log input", mark];
