# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text of ours is translated, and longer ones find room: told by a language in which they are marked and long."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.watch import PHONE, WIDE, Watched
from tests.browser.world import World

PAGES = (
    "",
    "files/{last}/{top}",
    "files/{last}/{top}src/tide.py",
    "annotate/{last}/{top}src/tide.py",
    "changelog",
    "changeset/{last}",
    "changeset/{last}?layout=split",
    "compare/rev@{before}...rev@{last}",
    "branches",
    "forks",
    "followers",
    "nothing",
)
SITE = (
    "/",
    "/harbours",
    "/_admin/gists",
    "/_admin/journal",
    "/_admin/my_account/preferences",
    "/_admin/my_account/password",
    "/_admin/my_account",
    "/_admin/my_account/auth_tokens",
    "/_admin/my_account/emails",
    "/_admin/my_account/sessions",
    "/_admin/my_account/perms",
    "/_admin/my_account/perms?of=repositories",
    "/_admin/why?repository=harbours/north/git-tide",
)
# What is not ours: names, messages, code, ids, commands, times, and the words of the systems themselves.
FOREIGN = "[dir=auto], bdi, code, pre, kbd, time, .mono, .id, .kind, .diff, .prose, .brand, .face, .foot > span, script, noscript, option, .files a, .log a, .changed, .tag.ref, .deeds h2"
UNTRANSLATED = """(foreign) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    const ours = (text) => text.replace(/⟦[^⟧]*⟧/g, "").replace(/\\b(Trivium|ada|root|Ada Lovelace|harbours|north|[a-z]+-tide|(git|hg|svn)-\\w+|bare|UTC|Python|RSS|Atom|LICENSE|README\\.md|\\w+\\.py|neap|spring|kB|zip|tar|gz|bz2)\\b/g, "");
    while (walker.nextNode()) {
        const { data, parentElement } = walker.currentNode;
        if (!parentElement.closest(foreign) && /[A-Za-z]{3}/.test(ours(data))) found.push(`${parentElement.outerHTML.slice(0, 160)}`);
    }
    for (const one of document.querySelectorAll("[aria-label], [placeholder], [title]"))
        for (const name of ["aria-label", "placeholder", "title"]) {
            const value = one.getAttribute(name);
            if (value && !one.closest(foreign) && /[A-Za-z]{3}/.test(ours(value)) && !/\\d{4}|\\.(py|md|txt|rst)$/.test(value)) found.push(`${name}: ${value}`);
        }
    return found;
}"""
CLIPPED = """() => [...document.querySelectorAll(".button, .tabs a, .chip, label:not(.sr), h1, h2, th, .facts li, .note p, .hint")]
    .filter((one) => one.offsetParent && one.clientWidth && !one.closest(".sr, [dir=auto]") && one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.outerHTML.slice(0, 160))"""


def test_texts_are_translated_and_have_room(
    window: Callable[..., Watched], world: World, cookies: list[dict[str, object]]
) -> None:
    watched = window(extra_http_headers={"Accept-Language": "x-pseudo"})
    watched.context.add_cookies(cookies)  # type: ignore[arg-type]
    found = []
    kinds = dict.fromkeys(PAGES, "git") | {
        "changelog": "hg",
        "changeset/{last}": "hg",
        "files/{last}/{top}": "svn",
        "branches": "svn",
    }
    paths = [world.exhibits[kinds[page]].at(page) for page in PAGES]
    for path in (*paths, *SITE, *(f"/{name}" for name in world.empty.values())):
        watched.page.goto(path)
        watched.settle()
        found += [f"{path} says in English: {one}" for one in watched.page.evaluate(UNTRANSLATED, FOREIGN)]
        for width in (WIDE, PHONE):
            watched.shown(width, "light")
            found += [f"{path} {width} has no room for: {one}" for one in watched.page.evaluate(CLIPPED)]
            found += [f"{path} {width} scrolls sideways: {one}" for one in watched.sideways()]
        watched.shown(WIDE, "light")
    assert found == []


def test_german(window: Callable[..., Watched], world: World, cookies: list[dict[str, object]]) -> None:
    watched = window(locale="de-AT")
    watched.context.add_cookies(cookies)  # type: ignore[arg-type]
    page = watched.open(world.exhibits["git"].at())
    assert page.locator("html").get_attribute("lang") == "de"
    expect(page.locator(".tabs [aria-current]")).to_have_text("Überblick")
    assert watched.axe() == []
