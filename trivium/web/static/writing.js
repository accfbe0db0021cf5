// SPDX-License-Identifier: GPL-3.0-or-later
// What forms do in which people write at length (web.md 6); it is read after trivium.js and changes.js, whose names it uses.

// What somebody has typed and not sent stays in this browser, a draft for each form; Escape never empties a field.
const keep = (form) => {
  const field = one("textarea", form), said = one("[data-draft-said]", form), name = `draft ${form.dataset.kept}`;
  if (!field.value) field.value = localStorage.getItem(name) ?? "";
  const told = () => { if (said) said.textContent = field.value ? one("#said").dataset.kept : ""; };
  told();
  field.addEventListener("input", () => {
    try { if (field.value) localStorage.setItem(name, field.value); else localStorage.removeItem(name); told(); } catch { /* there is no room */ }
  });
  form.addEventListener("submit", (event) => { if (event.submitter?.value !== "preview") localStorage.removeItem(name); });
};
// How it will look, below the field; without a script it is a page of its own.
addEventListener("click", async (event) => {
  const button = event.target.closest("[data-preview]");
  if (!button) return;
  event.preventDefault();
  const form = button.form, body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, text: form.elements.text.value });
  const came = await fetch(button.dataset.preview, { method: "POST", body }).catch(() => null);
  if (!came?.ok) return form.requestSubmit(button);
  one(".preview", form)?.remove();
  const shown = make("div", { className: "prose preview", dir: "auto", innerHTML: await came.text(), role: "status" });
  one("textarea", form).after(shown);
});
for (const form of all("form[data-kept]")) keep(form);

// A comment on a line: one button, at the line under the pointer or the cursor.
const writer = one("#write-at");
const lineOf = (row) => one("td.no a[href^='#f']", row);
const write = (row) => {
  const link = lineOf(row), [, file, line] = /^#(f[0-9a-f]{8})([no]\d+)$/.exec(link?.hash) ?? [], change = row.closest(".change");
  if (!file || !change) return;
  let below = row.nextElementSibling;
  if (below?.matches(".talk") && one("details.reply", below)) {
    one("details.reply", below).open = true;
  } else if (!below?.matches(".writing")) {
    row.after(writer.content.cloneNode(true));
    below = row.nextElementSibling;
    below.classList.add("writing");
    const form = one("form", below), id = `text-${file}${line}`;
    form.elements.f_path.value = change.dataset.path ?? change.getAttribute("aria-label");
    form.elements.line.value = line;
    form.dataset.kept += file + line;
    one("textarea", form).id = one("label", form).htmlFor = id;
    const cancel = make("button", { type: "button", className: "button slim", textContent: writer.dataset.close });
    cancel.addEventListener("click", () => { below.remove(); link.focus(); });
    one(".bar", form).append(cancel);
    keep(form);
  }
  one("textarea", below)?.focus();
};
if (writer) {
  const say = make("button", { type: "button", className: "say", ariaLabel: writer.dataset.word, textContent: "+" });
  const move = (event) => {
    const row = event.target.closest?.(".change .diff tr:has(> .lc)"), link = row && lineOf(row);
    if (link && !row.matches(".talk, .gap") && say.parentElement !== link.parentElement) link.parentElement.append(say);
  };
  addEventListener("pointerover", move);
  say.addEventListener("click", () => write(say.closest("tr")));
  keys.c = ["#write-at", () => { const row = at?.matches("tr") ? at : lines()[0]; if (row) write(row); }];
}
