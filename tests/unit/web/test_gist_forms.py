# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists are made, changed and deleted on pages (system.md 2.8, 6.4)."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller
from trivium.forge.gists import gists
from trivium.forge.site import Site


def fields(visitor: Visitor, address: str) -> dict[str, str]:
    """What the form of a page would send unchanged."""
    answer = visitor.get(address)
    of_one_line = (None, "hidden", "text")
    found = {one["name"]: one.get("value", "") for one in answer.page.all("input") if one.get("type") in of_one_line}
    found |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL))
    return {name: value for name, value in found.items() if name not in ("csrf_token", "query", "confirm", "_method")}


def made(visitor: Visitor, **more: str) -> str:
    answer = visitor.post(
        "/_admin/gists", **({"description": "Tides", "filename-1": "a.py", "content-1": "x = 1\r\n"} | more)
    )
    assert answer.status == 302, answer.text
    return answer.location


def test_one_of_several_files_and_another_revision(doorway: Doorway, ada: Caller, ben: Caller) -> None:
    mine, other = doorway.visitor(ada), doorway.visitor(ben)
    assert mine.get("/_admin/gists/new").status == 200
    more = mine.post("/_admin/gists", **{"content-1": "kept", "act": "more"})
    assert more.status == 200 and "kept" in more.text and more.page.all("textarea", name="content-2")
    address = made(mine, **{"filename-2": "", "content-2": "two\n", "content-3": "", "gist_type": "private"})
    assert mine.get(f"{address}/tip/raw/a.py").text == "x = 1\n"
    assert mine.get(f"{address}/tip/raw/gistfile2.txt").text == "two\n"
    assert address.rpartition("/")[2] not in mine.get("/_admin/gists").text
    sent = fields(mine, f"{address}/edit") | {"content-1": "x = 2\n", "lifetime": "60"}
    check = f"{address}/edit/check_revision?revision={sent['revision']}"
    assert json.loads(mine.get(check).body) == {"success": True}
    for who in (other.get(f"{address}/edit"), other.post(f"{address}/edit", **sent), other.get(check)):
        assert who.status == 403
    assert mine.post(f"{address}/edit", **sent).location == address
    assert json.loads(mine.get(check).body) == {"success": False}
    assert mine.get(f"{address}/tip/raw/a.py").text == "x = 2\n" and "until 2" in mine.get(address).page.text
    assert mine.get(f"{address}/{sent['revision']}/raw/a.py").text == "x = 1\n"


def test_two_who_edit_at_once_see_both_texts(doorway: Doorway, ada: Caller) -> None:
    mine = doorway.visitor(ada)
    address = made(mine)
    sent = fields(mine, f"{address}/edit")
    assert mine.post(f"{address}/edit", **(sent | {"content-1": "theirs = 1\n"})).status == 302
    conflict = mine.post(f"{address}/edit", **(sent | {"content-1": "mine = 1\n", "description": "Mine"}))
    assert conflict.status == 409
    text = " ".join(conflict.page.text.split())
    assert "mine = 1" in text and "theirs = 1" in text and "Mine" in text
    assert mine.get(f"{address}/tip/raw/a.py").text == "theirs = 1\n"
    (present,) = (one["value"] for one in conflict.page.all("input", name="revision"))
    knowing = sent | {"content-1": "mine = 1\n", "revision": present}
    assert mine.post(f"{address}/edit", **knowing).status == 302
    assert mine.get(f"{address}/tip/raw/a.py").text == "mine = 1\n"


def test_line_ends_stay_with_their_texts_whatever_files_are_called(site: Site, doorway: Doorway, ada: Caller) -> None:
    """No form sends them."""
    before = {"a.bat": "a\r\nb\r\n", "b.bat": "c\r\n", "c.txt": "d\ne\n", "d.bat": "f\r\n"}
    gist = gists.create(site, ada, files=before, kind="public")
    mine, address = doorway.visitor(ada), f"/_admin/gists/{gist.access_id}"
    sent = fields(mine, f"{address}/edit")
    named = {sent[f"filename-{number}"]: number for number in range(1, 5)}
    for old, new in (("a.bat", "b.bat"), ("b.bat", "a.bat"), ("c.txt", "x.txt")):
        sent[f"filename-{named[old]}"] = new
    sent[f"content-{named['d.bat']}"] = "f\r\ng\r\n"
    assert mine.post(f"{address}/edit", **sent).status == 302
    after = {"b.bat": b"a\r\nb\r\n", "a.bat": b"c\r\n", "x.txt": b"d\ne\n", "d.bat": b"f\r\ng\r\n"}
    assert {name: mine.get(f"{address}/tip/raw/{name}").body for name in after} == after


def test_a_number_that_is_missing_loses_no_file(doorway: Doorway, ada: Caller) -> None:
    mine = doorway.visitor(ada)
    address = made(mine, **{"filename-7": "b.py", "content-7": "two"})
    assert mine.get(f"{address}/tip/raw/b.py").text == "two"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"filename-1": "../a"}, "no directory"),
        ({"filename-2": "a.py", "content-2": "y"}, "Two files are called a.py."),
        ({"lifetime": "soon"}, "no whole number"),
        ({"lifetime": "-7"}, "A lifetime is a number of minutes"),
        ({"filename-1": "", "content-1": ""}, "at least one file"),
        ({"content-1": "\ud800".encode("utf-8", "replace").decode() + "\0"}, "cannot be stored"),
        ({"gist_type": "secret"}, "none of the choices"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_typed_is_lost(
    doorway: Doorway, ada: Caller, wrong: dict[str, str], said: str
) -> None:
    sent = {"description": "Kept <b>", "filename-1": "a.py", "content-1": "x", **wrong}
    answer = doorway.visitor(ada).post("/_admin/gists", **sent)
    assert answer.status == 422 and said in answer.page.text and "Kept &lt;b&gt;" in answer.text
    assert "There are no public gists yet" in doorway.visitor(ada).get("/_admin/gists").page.text


def test_who_opens_it_and_who_deletes_it(doorway: Doorway, ada: Caller, ben: Caller) -> None:
    with doorway.site.store.write() as db:
        db.exec_driver_sql("UPDATE users SET active = true WHERE username = 'default'")
    mine, other, visitor = doorway.visitor(ada), doorway.visitor(ben), doorway.visitor()
    address = made(mine, acl_level="acl_private", description="For accounts")
    assert visitor.get(address).status == 404 and "For accounts" not in visitor.get("/_admin/gists").page.text
    assert visitor.get(f"{address}/tip/raw").status == 404
    assert "x = 1" in " ".join(other.get(address).page.text.split())
    assert "For accounts" in other.get("/_admin/gists").page.text
    assert other.post(address, _method="DELETE", confirm=address.rpartition("/")[2]).status == 403
    assert mine.post(address, token=False, _method="DELETE").status == 403
    assert mine.post(address, _method="DELETE", confirm="x").status == 422
    assert mine.post(address, _method="DELETE", confirm=address.rpartition("/")[2]).status == 302
    assert mine.get(address).status == 404
