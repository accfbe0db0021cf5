// SPDX-License-Identifier: GPL-3.0-or-later
// What forms do (web.md 2.2, 7); it is read after trivium.js, whose names it uses.
// Fields for names offer those that there are while somebody types.
// A field brings this script along, and perhaps another one does so, too: what is a combobox already is left alone.
for (const field of all("input[data-picks]:not([role])")) {
  const sheet = make("div", { className: "sheet tall picks", id: `${field.id}-picks`, hidden: true });
  let found = [];
  const show = offer(field, sheet, async (query) => {
    if (!query) return [];
    const came = await Promise.all(field.dataset.picks.split(" ").map(async (place) => {
      const [address, type] = place.split("#"), { results } = await (await fetched(`${address}?${new URLSearchParams({ query })}`)).json();
      return results.map(({ text, children }) => ({ text, children: children.filter((one) => !type || one.type === type) }));
    }));
    const groups = came.flat().filter(({ children }) => children.length);
    found = groups.flatMap(({ children }) => children.map(({ text }) => text));
    if (found.length === 1 && found[0] === query) return [];
    return groups.map(({ text, children }) => ({ text, links: children.map((one) => [one.name ? `${one.text} · ${one.name}` : one.text, one.url]) }));
  }, -1);
  Object.assign(field, { ariaAutoComplete: "list", autocomplete: "off" });
  (field.closest(".row") ?? field.parentElement).classList.add("picking");
  field.after(sheet);
  sheet.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    field.value = found[link.id.split("-").pop()];
    field.focus();
    sheet.hidden = true;
    field.ariaExpanded = "false";
    field.removeAttribute("aria-activedescendant");
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || !sheet.hidden) return;
    event.preventDefault();
    show();
  });
}

// A file that somebody changes stays in this browser until it was recorded, with the head on which the change is based.
for (const mark of all("[data-keep]")) {
  const form = mark.closest("form"), name = `form ${mark.dataset.keep}`, fields = all("textarea, [name=filename], [name=branch], [name=head]", form);
  const typed = () => fields.map(({ value }) => value), put = (values) => fields.forEach((field, number) => { field.value = values[number]; });
  const shown = typed(), kept = JSON.parse(localStorage.getItem(name) ?? "null");
  sessionStorage.removeItem("sent");
  if (kept?.length === shown.length && `${kept}` !== `${shown}` && !one(".errors")) {
    put(kept);
    const note = make("p", { className: "bar small", role: "status", textContent: mark.dataset.back });
    note.append(make("button", { type: "button", className: "button slim", textContent: mark.dataset.discard, onclick: () => { put(shown); localStorage.removeItem(name); note.remove(); } }));
    mark.after(note);
  }
  form.addEventListener("input", () => { try { localStorage.setItem(name, JSON.stringify(typed())); } catch { /* there is no room */ } });
  form.addEventListener("submit", () => { sessionStorage.sent = name; });
}
