# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers put into repositories runs nothing, loads nothing and changes no page (design: web.md 8)."""

from __future__ import annotations

import pytest

from tests.browser.watch import PHONE, Watched
from tests.browser.world import HANDLER, World
from tests.support.browser import Browser

PAGES = (
    "",
    "files/{last}/",
    "files/{last}/README.md",
    "files/{last}/docs",
    "files/{last}/docs/README.rst",
    "files/{last}/picture.svg",
    "files/{last}/code.html",
    "files/{last}/code.py",
    "files/{last}/far",
    "files/{last}/?find=hit",
    "annotate/{last}/code.py",
    "changelog",
    "changelog/{last}/code.py",
    "changeset/{last}",
    "changeset/{first}?layout=split",
    "compare/rev@{first}...rev@{last}",
    "diff/code.py?diff1={first}&diff2={last}",
    "branches",
    "tags",
)
# No attribute that only a stranger's text could have brought, and no element that our templates never write.
ESCAPED = """() => {
    const ours = new Set(["SCRIPT"]), wrong = [];
    for (const one of document.querySelectorAll("*")) {
        for (const { name, value } of one.attributes)
            if (/^(on|style$|srcdoc$|hx-|formaction$)/.test(name) || /^\\s*(javascript|vbscript|data:text)/i.test(value) && /^(href|src|action|xlink:href)$/.test(name))
                wrong.push(`${one.tagName} ${name}=${value}`);
        const written = one.tagName === "TEXTAREA" && !one.closest("form.write");
        if (written || ["IFRAME", "OBJECT", "EMBED", "STYLE", "BASE"].includes(one.tagName)) wrong.push(one.outerHTML.slice(0, 200));
        if (one.tagName === "SCRIPT" && !one.src.startsWith(`${location.origin}/_static/`)) wrong.push(one.outerHTML.slice(0, 200));
        if (one.tagName === "IMG" && !/^(data:image|http:\\/\\/127)/.test(one.src)) wrong.push(one.outerHTML.slice(0, 200));
    }
    for (const id of ["main", "keys", "said", "q"]) if (document.querySelectorAll(`#${id}`).length !== 1) wrong.push(`two ${id}`);
    return wrong;
}"""


@pytest.mark.parametrize("kind", ["git", "hg", "svn"])
def test_nothing_of_a_stranger_runs(adas: Watched, world: World, kind: str) -> None:
    exhibit = world.hostile[kind]
    found = []
    for page in PAGES:
        adas.open(exhibit.at(page))
        adas.shown(PHONE, "light")
        found += [f"{page}: {one}" for one in (*adas.page.evaluate(ESCAPED), *adas.ran(), *adas.sideways())]
    searches = [f"/_admin/search?q=o&type={among}" for among in ("repository", "path", "commit")]
    for path in (
        "/",
        "/_admin/journal",
        f"/_admin/login?came_from={HANDLER}",
        f"/_admin/search?q={HANDLER}",
        *searches,
    ):
        adas.page.goto(path)
        found += [f"{path}: {one}" for one in (*adas.page.evaluate(ESCAPED), *adas.ran())]
    assert found + adas.wrong == []


@pytest.mark.parametrize("kind", ["git", "svn"])
def test_nothing_runs_in_what_a_browser_shows_by_itself(adas: Watched, world: World, kind: str) -> None:
    """A picture and a page of a stranger, opened as they are: their policy is a sandbox, or they are downloaded."""
    exhibit = world.hostile[kind]
    browser = Browser(world.server.url)
    assert browser.sign_in(world.owner).status == 302
    for name in ("picture.svg", "code.html"):
        answer = browser.get(exhibit.at("raw/{last}/" + name))
        assert answer.status == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        if "attachment" in answer.headers.get("content-disposition", ""):
            continue
        adas.page.goto(exhibit.at("raw/{last}/" + name))
        assert adas.page.evaluate("[window.hits ?? [], document.contentType]")[0] in ([], None)
