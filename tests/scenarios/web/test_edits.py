# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are changed, added and removed in a browser: each time a push of one commit (system.md 2.3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Person, Thing
from tests.support.servers import Server
from tests.support.systems import Copy, new_system

BRANCH = {"git": "master", "hg": "default", "svn": "tip"}


@pytest.fixture(params=sorted(BRANCH))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mine(root: Api, ada: Person, kind: str) -> Thing:
    return root.new_repo(owner=ada.name, kind=kind)


@pytest.fixture
def copy(server: Server, ada: Person, mine: Thing, kind: str, tmp_path: Path) -> Copy:
    """Ada's, with two files in it."""
    found = new_system(kind, tmp_path / "clients").checkout(server, mine.name, ada)
    found.change("first", **{"docs/a.txt": "one\ntwo\n", "run.sh": "#!/bin/sh\n", "dos.txt": b"x\r\ny\r\n"})
    return found


def fields(page: Answer) -> dict[str, str]:
    """What the form of a page would send as it is, but for texts of several lines."""
    assert page.status in (200, 409), page.text[:3000]
    return {
        one["name"]: one.get("value", "") for one in page.page.all("input") if "name" in one and one["name"] != "query"
    }


def send(browser: Browser, address: str, **typed: str) -> Answer:
    return browser.post(address, fields(browser.get(address)) | typed)


def recorded(browser: Browser, answer: Answer) -> None:
    assert answer.status == 302 and "/changeset/" in answer.location, answer.text[:3000]
    assert "Recorded." in browser.get(answer.location).page.text


def test_a_file_is_changed_added_and_removed(
    root: Api, ada: Person, adas: Browser, mine: Thing, copy: Copy, kind: str
) -> None:
    branch = BRANCH[kind]
    files = f"/{mine.name}/files/{branch}"
    assert f"/{mine.name}/edit/{branch}/docs/a.txt" in adas.get(f"{files}/docs/a.txt").page.links
    recorded(adas, send(adas, f"/{mine.name}/edit/{branch}/docs/a.txt", content="one\r\nthree\r\n", message="Three"))
    recorded(adas, send(adas, f"/{mine.name}/edit/{branch}/dos.txt", content="x\r\nz\r\n", message="Z"))
    new = f"/{mine.name}/add/{branch}/docs"
    recorded(adas, send(adas, new, filename="deep/b.txt", content="b\r\n", message="B"))
    recorded(adas, send(adas, f"/{mine.name}/delete/{branch}/run.sh", message="Away"))
    copy.update()
    assert copy.files() == {"docs/a.txt": b"one\nthree\n", "docs/deep/b.txt": b"b\n", "dos.txt": b"x\r\nz\r\n"}
    told = root("get_repo_changesets", repoid=mine.id, start_rev="0", limit=-1)
    assert [one["message"].strip() for one in told] == ["first", "Three", "Z", "B", "Away"]
    assert ada.name in told[-1]["author"]
    # A clone and a push go on from there.
    assert copy.change("after", **{"docs/a.txt": "four\n"})


def test_what_others_did_meanwhile_is_kept(adas: Browser, mine: Thing, copy: Copy, kind: str) -> None:
    address = f"/{mine.name}/edit/{BRANCH[kind]}/docs/a.txt"
    opened = fields(adas.get(address))
    copy.change("another file", **{"other.txt": "other\n"})
    recorded(adas, adas.post(address, opened | {"content": "mine\n", "message": "Mine"}))
    opened = fields(adas.get(address))
    copy.update()
    assert copy.files()["docs/a.txt"] == b"mine\n" and copy.files()["other.txt"] == b"other\n"
    copy.change("the same file", **{"docs/a.txt": "theirs\n"})
    conflict = adas.post(address, opened | {"content": "mine again\n", "message": "Mine"})
    assert conflict.status == 409
    assert "theirs" in conflict.text and "mine again" in conflict.text
    copy.update()
    assert copy.files()["docs/a.txt"] == b"theirs\n"
    recorded(adas, adas.post(address, fields(conflict) | {"content": "both\n", "message": "Both"}))
    opened = fields(adas.get(address))
    copy.update()
    copy.change("gone", **{"docs/a.txt": None, "docs/b.txt": "b\n"})
    gone = adas.post(address, opened | {"content": "mine", "message": "Mine"})
    assert gone.status == 409 and "The file is gone" in gone.page.text
    taken = send(adas, f"/{mine.name}/add/{BRANCH[kind]}/docs", filename="b.txt", content="c\n", message="B")
    assert taken.status == 409 and "There is such a file already" in taken.page.text


def test_nothing_is_recorded_that_no_client_could_check_out(
    server: Server, ada: Person, adas: Browser, mine: Thing, copy: Copy, kind: str, tmp_path: Path
) -> None:
    address = f"/{mine.name}/add/{BRANCH[kind]}"
    opened = fields(adas.get(address)) | {"content": "x", "message": "x"}
    own = {"git": ".git", "hg": ".hg", "svn": ".svn"}[kind]
    for name in (f"{own}/x", f"docs/{own.upper()}", f"docs/{own}/a/b"):
        assert adas.post(address, opened | {"filename": name}).status == 422, name
    new_system(kind, tmp_path / "others").checkout(server, mine.name, ada)


def test_only_at_the_head_of_a_branch_and_by_who_may_write(
    server: Server, root: Api, ada: Person, adas: Browser, mine: Thing, copy: Copy, kind: str
) -> None:
    first = copy.published()
    copy.change("second", **{"docs/a.txt": "two\n"})
    answer = adas.get(f"/{mine.name}/edit/{first}/docs/a.txt")
    assert answer.status == 302 and answer.location == f"/{mine.name}/files/{first}/docs/a.txt"
    assert "at the head of a branch" in adas.get(answer.location).page.text
    reader = root.new_user()
    browser = Browser(server.url)
    browser.sign_in(reader)
    address = f"/{mine.name}/edit/{BRANCH[kind]}/docs/a.txt"
    assert browser.get(address).status == 403
    assert address not in browser.get(f"/{mine.name}/files/{BRANCH[kind]}/docs/a.txt").page.links
    opened = fields(adas.get(address))
    stolen = opened | {"csrf_token": browser.get("/_admin/create_repository").page.token}
    assert browser.post(address, stolen | {"content": "x", "message": "x"}).status == 403
    holder = root.new_user()
    root("lock", repoid=mine.id, userid=holder.name, locked=True)
    locked = adas.post(address, opened | {"content": "x", "message": "x"})
    assert locked.status == 423 and f"locked by user `{holder.name}`" in locked.page.text
    root("lock", repoid=mine.id, locked=False)
    for wrong in ({"message": " "}, {"message": ""}):
        assert adas.post(address, opened | {"content": "x"} | wrong).status == 422
    for name in ("../x", "a\\b", ".git/config", "docs/a.txt/b"):
        bad = send(adas, f"/{mine.name}/add/{BRANCH[kind]}", filename=name, content="x", message="x")
        assert bad.status == 422, (name, bad.status)
    long = send(adas, f"/{mine.name}/add/{BRANCH[kind]}", filename="ü" * 128, content="x", message="x")
    assert long.status == 422 and "at most 255 bytes" in long.page.text
    if kind == "git":  # what git refuses in a push is refused here (security.md S-6)
        for name in (
            "GIT~1/x",
            "a/.g\u200cit/x",
            ".git./x",
            ".git::$DATA",
        ):
            bad = send(adas, f"/{mine.name}/add/{BRANCH[kind]}", filename=name, content="x", message="x")
            assert bad.status == 422, (name, bad.status)
        evil = '[submodule "x"]\n\tpath = -x\n\turl = https://example.org/x\n'
        for name, content, reason in (
            ("b/.gitmodules", evil, "gitmodulesPath"),
            ("GITMOD~1", evil, "gitmodulesPath"),
            (".gitmodule\u200ds", evil, "gitmodulesPath"),
            ("b/.gitattributes", "a" * 3000, "gitattributesLineLength"),
        ):
            bad = send(adas, f"/{mine.name}/add/{BRANCH[kind]}", filename=name, content=content, message="x")
            assert bad.status == 422 and reason in bad.page.text, (name, bad.status)
    assert copy.published() == root("get_repo", repoid=mine.id)["last_changeset"]["raw_id"]


def test_a_push_of_a_browser_releases_the_lock_and_is_told(
    root: Api, ada: Person, adas: Browser, mine: Thing, copy: Copy, kind: str
) -> None:
    root("update_repo", repoid=mine.id, enable_locking=True)
    root("lock", repoid=mine.id, userid=ada.name, locked=True)
    recorded(adas, send(adas, f"/{mine.name}/edit/{BRANCH[kind]}/docs/a.txt", content="x\n", message="Mine"))
    assert root("get_repo", repoid=mine.id)["locked_by"] is None
    assert mine.name in adas.get("/_admin/journal").page.text


def test_a_file_that_a_client_of_subversion_has_locked_is_left_alone(
    server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    name = root.new_repo(owner=ada.name, kind="svn").name
    copy = new_system("svn", tmp_path / "clients").checkout(server, name, ada)
    copy.change("first", **{"a.txt": "one\n", "b.txt": "b\n"})
    copy.run("lock", "a.txt")
    refused = send(adas, f"/{name}/edit/tip/a.txt", content="two\n", message="Two")
    assert refused.status == 422 and f"the file is locked by {ada.name}" in refused.page.text
    recorded(adas, send(adas, f"/{name}/edit/tip/b.txt", content="two\n", message="Two"))
    # Apache's own account goes on from there.
    copy.update()
    assert copy.change("after", **{"b.txt": "three\n"}) == "3"


def test_the_first_file_of_an_empty_repository(
    server: Server, root: Api, ada: Person, adas: Browser, mine: Thing, kind: str, tmp_path: Path
) -> None:
    new = f"/{mine.name}/add/tip?filename=README.md"
    assert new in adas.get(f"/{mine.name}").page.links
    assert "Or write the first file here" not in Browser(server.url).get(f"/{mine.name}").text
    form = adas.get(new)
    opened = fields(form)
    assert (opened["branch"], opened["filename"]) == (BRANCH[kind], "README.md")
    assert ("usual_layout" in opened) == (kind == "svn")
    (address,) = [one["action"] for one in form.page.all("form") if "/add/" in one.get("action", "")]
    for wrong in ({"filename": "../x"}, {"message": " "}):
        refused = adas.post(address, opened | {"content": "# Tides\n", "message": "First"} | wrong)
        assert refused.status == 422 and "# Tides" in refused.text
        assert ("usual_layout" in refused.text) == (kind == "svn")
    recorded(adas, adas.post(address, opened | {"content": "# Tides\r\n", "message": "First"}))
    copy = new_system(kind, tmp_path / "clients").checkout(server, mine.name, ada)
    copy.update()
    assert copy.files() == {("trunk/README.md" if kind == "svn" else "README.md"): b"# Tides\n"}
    if kind == "svn":
        assert copy.run("list", f"{server.url}/{mine.name}").split() == ["branches/", "tags/", "trunk/"]
    if kind == "git":
        assert root("get_repo", repoid=mine.id)["landing_rev"] == ["rev", "tip"]
        assert BRANCH[kind] in adas.get(f"/{mine.name}/branches").page.text
    # Who had the same form open adds to what is there, or is told that it is.
    again = adas.post(address, opened | {"content": "# Mine\n", "message": "Mine"})
    assert again.status == 409 and "There is such a file already" in again.page.text
    recorded(adas, adas.post(address, opened | {"filename": "b.txt", "content": "b\n", "message": "B"}))
    copy.update()
    assert len(copy.files()) == 2


def test_without_the_usual_layout_the_first_file_of_subversion_stands_at_the_top(
    server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    name = root.new_repo(owner=ada.name, kind="svn").name
    opened = fields(adas.get(f"/{name}/add/tip"))
    del opened["usual_layout"]
    recorded(adas, adas.post(f"/{name}/add/tip", opened | {"filename": "a/b.txt", "content": "b\n", "message": "B"}))
    copy = new_system("svn", tmp_path / "clients").checkout(server, name, ada)
    assert copy.files() == {"a/b.txt": b"b\n"}
    assert "trunk" not in copy.run("list", "-R", f"{server.url}/{name}")
