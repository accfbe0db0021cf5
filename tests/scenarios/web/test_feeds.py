# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds of repositories: well-formed whatever is in a message, and the same for everybody (system.md 2.6)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Git, Person
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, new_system

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = 'Close ]]> & <script>alert(1)</script> "quoted" \u202e\ufffe é\n\nSecond line'


def entries(browser: Browser, name: str, form: str, key: str = "") -> list[ET.Element]:
    answer = browser.get(f"/{name}/feed/{form}" + (f"?auth_token={key}" if key else ""))
    assert answer.status == 200
    assert answer.headers["content-type"] == f"application/{form}+xml; charset=utf-8"
    root = ET.fromstring(answer.body)
    return list(root.iter(f"{ATOM}entry" if form == "atom" else "item"))


@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_feed_tells_the_latest_changesets(
    kind: str, server: Server, root: Api, ada: Person, browser: Browser, git: Git
) -> None:
    system = new_system(kind, git.home)
    name = system.new_repository(root, ada, private=True)
    copy = system.checkout(server, name, ada)
    assert entries(browser, name, "atom", ada.key) == []
    first = copy.change("first", **{"a.txt": "one\n"})
    second = copy.change(HOSTILE, **{"b.txt": "two\n"})
    found = entries(browser, name, "atom", ada.key)
    start = f"{server.url}/{name}/changeset/"
    lasting = f"{server.url}/_{root('get_repo', repoid=name)['repo_id']}/changeset/"
    assert [entry.findtext(f"{ATOM}id") for entry in found] == [lasting + second, lasting + first]
    assert [link.get("href") for entry in found for link in entry.iter(f"{ATOM}link")] == [
        start + second,
        start + first,
    ]
    title = found[0].findtext(f"{ATOM}title") or ""
    assert title.startswith("Close ]]> & <script>alert(1)</script>") and "\ufffe" not in title
    content = found[0].findtext(f"{ATOM}content") or ""
    assert "&lt;script&gt;" in content and "<script>" not in content and "b.txt" in content
    items = entries(browser, name, "rss", ada.key)
    assert [item.findtext("guid") for item in items] == [start + second, start + first]
    # Nobody is told of old changesets as of news.
    root("update_repo", repoid=name, name=f"{name}-renamed")
    moved = entries(browser, f"{name}-renamed", "atom", ada.key)
    assert [entry.findtext(f"{ATOM}id") for entry in moved] == [lasting + second, lasting + first]


def test_a_feed_needs_a_right_and_takes_a_key(
    server: Server, root: Api, ada: Person, browser: Browser, project: str
) -> None:
    path = f"/{project}/feed/atom"
    assert browser.get(path).location.startswith("/_admin/login")
    for role, status in (("feed", 200), ("http", 200), ("all", 200), ("api", 302), ("vcs", 302)):
        answer = browser.get(f"{path}?api_key={server.new_token(ada.name, role)}")
        assert answer.status == status
    assert browser.get(f"{path}?api_key={root.new_user().key}").status == 403
    answer = browser.get(path, X_Rc_Auth_Token=ada.key)
    assert answer.status == 200 and ada.key.encode() not in answer.body


def test_a_feed_is_not_read_twice(adas: Browser, project: str) -> None:
    first = adas.get(f"/{project}/feed/rss")
    assert first.headers["etag"]
    again = adas.get(f"/{project}/feed/rss", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
