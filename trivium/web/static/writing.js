// SPDX-License-Identifier: GPL-3.0-or-later
// Where people write at length (web.md 6); it uses names of trivium.js and changes.js.

// What was typed stays in this browser, for each form, until it has arrived; Escape never empties a field.
if (/^#(comment-|review)/.test(location.hash) || one("main > .note")) localStorage.removeItem(sessionStorage.sent);
sessionStorage.removeItem("sent");
const keep = (form) => {
  const field = one("textarea", form), name = `draft ${form.dataset.kept}`;
  if (!field.value) field.value = localStorage.getItem(name) ?? "";
  const told = () => { one("[data-draft-said]", form).textContent = field.value ? one("#said").dataset.kept : ""; };
  told();
  field.addEventListener("input", () => {
    try { if (field.value) localStorage.setItem(name, field.value); else localStorage.removeItem(name); told(); } catch { /* there is no room */ }
  });
  form.addEventListener("submit", (event) => { if (event.submitter?.value !== "preview") sessionStorage.sent = name; });
};
// How it will look.
addEventListener("click", async (event) => {
  const button = event.target.closest("[data-preview]");
  if (!button) return;
  event.preventDefault();
  const { form } = button, body = new URLSearchParams(new FormData(form));
  const came = await fetch(button.dataset.preview, { method: "POST", body }).catch(() => null);
  if (!came?.ok) return form.requestSubmit(button);
  one(".preview", form)?.remove();
  one("textarea", form).after(make("div", { className: "prose preview", dir: "auto", innerHTML: await came.text(), role: "status" }));
});
for (const form of all("form[data-kept]")) keep(form);

// A comment on a line: one button, at the line under the pointer.
const writer = one("#write-at");
const lineOf = (row) => one("td.no a[href^='#f']:not([href*=p])", row);
const write = (row, focus = true) => {
  const link = lineOf(row), place = link?.hash.slice(1), change = row.closest(".change");
  if (!place || !change) return;
  let below = row.nextElementSibling;
  const reply = below?.matches(".talk") && one("details.reply", below);
  if (reply) {
    reply.open = true;
  } else if (!below?.matches(".writing")) {
    row.after(writer.content.cloneNode(true));
    below = row.nextElementSibling;
    below.classList.add("writing");
    const form = one("form", below);
    form.elements.f_path.value = change.dataset.path ?? change.getAttribute("aria-label");
    form.elements.line.value = place.slice(9);
    form.dataset.kept += place;
    one("textarea", form).id = one("label", form).htmlFor = `text-${place}`;
    const cancel = make("button", { type: "button", className: "button slim", textContent: writer.dataset.close });
    cancel.addEventListener("click", () => { below.remove(); link.focus(); });
    one(".bar", form).append(cancel);
    keep(form);
  }
  if (focus) one("textarea", reply || below).focus();
};
if (writer) {
  const say = make("button", { type: "button", className: "say", ariaLabel: writer.dataset.word, textContent: "+" });
  addEventListener("pointerover", (event) => {
    const row = event.target.closest?.(".change .diff tr:has(> .lc)"), place = row && lineOf(row)?.parentElement;
    if (place && !row.matches(".talk, .gap") && say.parentElement !== place) place.append(say);
  });
  say.addEventListener("click", () => write(say.closest("tr")));
  // `c` answers the thread at hand, else it is about the line.
  keys.c = ["#write-at", () => {
    const row = at?.matches(".talk") ? at.previousElementSibling : at?.matches("tr") ? at : lines()[0];
    if (at?.matches(".remark")) one("#text-general").focus();
    else if (row) write(row);
  }];
  // What was typed at lines is there again.
  const kept = `draft ${one("form", writer.content).dataset.kept}`;
  for (const name of Object.keys(localStorage)) {
    const row = name.startsWith(kept) && document.getElementById(name.slice(kept.length))?.closest("tr");
    if (!row) continue;
    row.closest("details").open = true;
    write(row, false);
  }
}
