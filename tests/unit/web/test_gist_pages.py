# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists, to read: who finds them, who opens them, and what is in them (system.md 6.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.forge.accounts import users as accounts
from trivium.forge.gists import gists
from trivium.forge.gists.gists import Gist, GistChanges
from trivium.forge.site import Site
from trivium.store import tables

HOSTILE = "<script>alert(1)</script>\n"


def made(site: Site, owner: Caller, files: Mapping[str, str] | None = None, **more: Any) -> Gist:
    with site.store.read() as db:
        account = accounts.by_id(db, owner.user_id)
    return gists.create(site, owner, files=files or {"b.txt": "two\n", "a.py": "x = 1\n"}, owner=account, **more)


@pytest.fixture
def open_to_visitors(site: Site) -> None:
    with site.store.write() as db:
        db.exec_driver_sql("UPDATE users SET active = true WHERE username = 'default'")


def test_public_ones_are_listed_and_private_ones_opened(
    doorway: Doorway, site: Site, open_to_visitors: None, ada: Caller, ben: Caller
) -> None:
    public = made(site, ada, description="All may see this")
    private = made(site, ada, kind="private", description="None may find this")
    for visitor in (doorway.visitor(ben), doorway.visitor()):
        page = visitor.get("/_admin/gists").page
        assert "All may see this" in page.text and "None may find this" not in page.text
        assert f"/_admin/gists/{public.access_id}" in page.links
        for gist in (public, private):
            shown = visitor.get(f"/_admin/gists/{gist.access_id}").page
            assert "a.py" in shown.text and "x = 1" in " ".join(shown.text.split())
        assert visitor.get(f"/_admin/gists/{private.id}").status == 404
    assert doorway.visitor(ben).get("/_admin/gists?private=1").page.text.count("may find this") == 0
    assert doorway.visitor().get("/_admin/gists?private=1").location.startswith("/_admin/login")
    own = doorway.visitor(ada)
    assert "None may find this" in own.get("/_admin/gists?private=1").page.text
    assert "All may see this" not in own.get("/_admin/gists?private=1").page.text
    assert "None may find this" not in own.get("/_admin/gists?public=1").page.text
    both = own.get("/_admin/gists?private=1&public=1").page.text
    assert "None may find this" in both and "All may see this" in both
    # Everybody's are for super-admins.
    assert "None may find this" not in doorway.visitor(ben).get("/_admin/gists?all=1").page.text


def test_where_visitors_may_not_look_they_sign_in(doorway: Doorway, site: Site, ada: Caller) -> None:
    gist = made(site, ada)
    for path in ("", f"/{gist.access_id}", f"/{gist.access_id}/tip/raw"):
        assert doorway.visitor().get(f"/_admin/gists{path}").location.startswith("/_admin/login?came_from=")


def test_raw_is_text_whatever_is_in_it(doorway: Doorway, site: Site, ada: Caller, ben: Caller) -> None:
    gist = made(site, ada, {"a.html": HOSTILE, "b.svg": "<svg onload=alert(1)>", "ü.txt": "Grüße"})
    visitor = doorway.visitor(ben)
    start = f"/_admin/gists/{gist.access_id}"
    for path, content in (
        (f"{start}/tip/raw", f"{HOSTILE}\n\n<svg onload=alert(1)>\n\nGrüße"),
        (f"{start}/tip/raw/a.html", HOSTILE),
        (f"{start}/raw/tip/b.svg", "<svg onload=alert(1)>"),
        (f"{start}/raw/tip", f"{HOSTILE}\n\n<svg onload=alert(1)>\n\nGrüße"),
    ):
        answer = visitor.get(path)
        assert (answer.status, answer.body) == (200, content.encode())
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-security-policy"].startswith("sandbox")
    assert b"<script>alert" not in visitor.get(start).body
    for wrong in ("tip/raw/none", "tip/raw/../config", "raw/tip/a.html/x", "fffffff/raw"):
        answer = visitor.get(f"{start}/{wrong}")
        assert answer.status == 404 and answer.headers["content-type"].startswith("text/plain")


def test_revisions_last(doorway: Doorway, site: Site, ada: Caller, ben: Caller) -> None:
    gist = made(site, ada, {"a.txt": "old\n"})
    gists.update_gist(site, ada, gist, GistChanges(files={"a.txt": "new\n", "b.txt": "more\n"}))
    visitor = doorway.visitor(ben)
    start = f"/_admin/gists/{gist.access_id}"
    page = visitor.get(start).page
    newest, oldest = (link for link in page.links if link.startswith(f"{start}/") and "raw" not in link)
    assert visitor.get(f"{oldest}/raw").body == b"old\n"
    assert visitor.get(f"{newest}/raw/a.txt").body == visitor.get(f"{start}/tip/raw/a.txt").body == b"new\n"
    assert visitor.get(f"{oldest[:-30]}/raw/a.txt").body == b"old\n"
    assert "b.txt" not in visitor.get(oldest).page.text
    for wrong in ("deadbee", "0" * 40, "tipp", "HEAD", "-1", "%00", "master"):
        assert visitor.get(f"{start}/{wrong}").status == 404


def test_what_is_over_is_nowhere(doorway: Doorway, site: Site, ada: Caller) -> None:
    gist = made(site, ada, description="Soon gone", lifetime=5)
    visitor = doorway.visitor(ada)
    assert "until 2" in visitor.get(f"/_admin/gists/{gist.access_id}").page.text
    with site.store.write() as db:
        db.execute(update(tables.gists).values(expires=1))
    for path in (gist.access_id, f"{gist.access_id}/tip", f"{gist.access_id}/tip/raw", "99", "x" * 5000):
        assert visitor.get(f"/_admin/gists/{path}").status == 404
    assert "Soon gone" not in visitor.get("/_admin/gists?public=1").page.text


def test_odd_and_large_files(doorway: Doorway, site: Site, ada: Caller) -> None:
    files = {"empty.txt": "", "binary.dat": "\0\1", "large.txt": "line\n" * 30_000, "<img src=x>.py": "y = 2\n"}
    gist = made(site, ada, files, description="<b>bold</b>")
    answer = doorway.visitor(ada).get(f"/_admin/gists/{gist.access_id}")
    page = answer.page
    for told in ("This file is empty.", "This file is not text.", "only its beginning is shown", "<b>bold</b>"):
        assert told in page.text
    assert len(answer.body) < 4 << 20 and not page.all("img")


def test_lists_page_by_key(doorway: Doorway, site: Site, ada: Caller) -> None:
    visitor = doorway.visitor(ada)
    assert "There are no public gists yet" in visitor.get("/_admin/gists").page.text
    assert "You have no such gist" in visitor.get("/_admin/gists?private=1").page.text
    first = made(site, ada, description="The oldest")
    with site.store.write() as db:
        row = db.execute(tables.gists.select().where(tables.gists.c.id == first.id)).one()._asdict()
        for number in range(60):
            other = str(first.id + 1 + number)
            values = {"id": int(other), "access_id": other, "directory": other, "description": "next"}
            db.execute(tables.gists.insert().values(**(row | values)))
    page = visitor.get("/_admin/gists").page
    (older,) = (found["href"] for found in page.all("a", rel="next"))
    assert "The oldest" not in page.text and "The oldest" in visitor.get(older).page.text
