# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs and patches are taken by the programs of their systems, byte for byte (system.md 2.4)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.browser import Answer, Browser
from tests.support.changed import LATIN, Changed
from tests.support.clients import Api, Git, unique
from tests.support.hg_client import Hg
from tests.support.servers import Server
from tests.support.svn_client import Svn


def body(browser: Browser, changed: Changed, what: str, revision: str, query: str = "") -> Answer:
    answer = browser.get(f"/{changed.name}/{what}/{revision}{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    return answer


def files_at(changed: Changed, revision: str, target: Path) -> dict[str, bytes]:
    """What the system's own client has at a revision."""
    copy = changed.copy
    match changed.kind:
        case "git":
            copy.run("worktree", "add", "--detach", str(target), revision)
        case "hg":
            copy.run("clone", "--updaterev", revision, str(copy.path), str(target))
        case _:
            copy.run("export", "--quiet", f"--revision={revision}", ".", str(target))
    found = type(copy)(None, target).files()  # type: ignore[call-arg]
    return {name: content for name, content in found.items() if name != ".git"}


def test_git_applies_the_diff_of_every_system(git: Git, readers: Browser, changed: Changed, tmp_path: Path) -> None:
    """The diffs of all changesets, one after the other, lead to the files that the last one has."""
    work = git.new_work()
    for revision in changed.ids:
        diff = body(readers, changed, "changeset-diff", revision).body
        git.run("apply", "--whitespace=nowarn", stdin=diff, cwd=work)
        found = {str(path.relative_to(work)): path.read_bytes() for path in work.rglob("*") if path.is_file()}
        found = {name: content for name, content in found.items() if not name.startswith(".git/")}
        assert found == files_at(changed, revision, tmp_path / f"files-{revision[:6]}")


def test_the_bytes_are_those_of_the_files(readers: Browser, changed: Changed) -> None:
    """What is not UTF-8 stays as it is; the same bytes come under all addresses."""
    answer = body(readers, changed, "changeset-diff", changed.second)
    assert b"\n+" + LATIN in answer.body
    assert "content-disposition" not in answer.headers
    assert body(readers, changed, "raw-changeset", changed.second).body == answer.body
    saved = body(readers, changed, "changeset-download", changed.second)
    assert saved.body == answer.body
    assert saved.headers["content-disposition"] == f"attachment; filename={changed.second[:12]}.diff"
    patch = body(readers, changed, "changeset-patch", changed.second)
    assert "content-disposition" not in patch.headers
    assert patch.body.endswith(answer.body)
    assert len(patch.body) > len(answer.body)
    for one in (answer, saved, patch):
        assert one.headers["etag"].startswith('"')
        assert one.headers["cache-control"].startswith("private")
        assert one.headers["content-security-policy"].startswith("sandbox")
        assert one.headers["x-content-type-options"] == "nosniff"
    tag = answer.headers["etag"]
    assert tag != patch.headers["etag"]
    again = readers.get(f"/{changed.name}/changeset-diff/{changed.second}", If_None_Match=tag)
    assert (again.status, again.body) == (304, b"")
    head = readers.request("HEAD", f"/{changed.name}/changeset-diff/{changed.second}")
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", tag)


def test_options_of_diffs(readers: Browser, changed: Changed) -> None:
    plain = body(readers, changed, "changeset-diff", changed.last).body
    assert b"\n-one\n" in plain
    assert b"\n-one\n" not in body(readers, changed, "changeset-diff", changed.last, "?ignorews=1").body
    wide, narrow = (
        body(readers, changed, "changeset-diff", changed.second, f"?context={lines}").body for lines in (10, 0)
    )
    assert wide.count(b"\n #") > narrow.count(b"\n #") == 0


def test_what_is_not_there(server: Server, readers: Browser, changed: Changed) -> None:
    for what in ("changeset-diff", "raw-changeset", "changeset-patch", "changeset-download"):
        answer = readers.get(f"/{changed.name}/{what}/nowhere")
        assert answer.status == 404
        assert answer.headers["content-type"].startswith("text/plain")
        refused = Browser(server.url).get(f"/{changed.name}/{what}/{changed.first}")
        assert refused.status == 302
        assert refused.location.startswith("/_admin/login?")


@pytest.mark.parametrize("kind", ["git"])
def test_git_am(git: Git, readers: Browser, changed: Changed) -> None:
    """One patch, and a series of all: the same trees, authors, dates and messages."""
    work = git.new_work()
    form = "%T %an %ae %aI %s %b"
    series = body(readers, changed, "changeset-patch", f"{changed.first}...{changed.last}").body
    git.run("am", "--quiet", stdin=series, cwd=work)
    made = git.out("log", "--reverse", f"--format={form}", cwd=work)
    assert made == changed.copy.run("log", "--reverse", f"--format={form}", changed.last)
    git.run("reset", "--hard", "--quiet", "HEAD~2", cwd=work)
    git.run("am", "--quiet", stdin=body(readers, changed, "changeset-patch", changed.many).body, cwd=work)
    assert git.out("rev-parse", "HEAD^{tree}", cwd=work) == changed.copy.run("rev-parse", f"{changed.many}^{{tree}}")


@pytest.mark.parametrize("kind", ["hg"])
def test_hg_import(hg: Hg, readers: Browser, changed: Changed, tmp_path: Path) -> None:
    """The same changesets, ids and all."""
    work = tmp_path / "work"
    hg.run("init", str(work))
    file = tmp_path / "patch"
    for number, revision in enumerate(changed.ids):
        file.write_bytes(body(readers, changed, "changeset-patch", revision).body)
        hg.run("import", "--quiet", "--exact", str(file), cwd=work)
        assert hg.id_of(work, str(number)) == revision
    shutil.rmtree(work)
    hg.run("init", str(work))
    file.write_bytes(body(readers, changed, "changeset-patch", f"{changed.first}...{changed.last}").body)
    hg.run("import", "--quiet", str(file), cwd=work)
    assert hg.id_of(work, "tip") == changed.last


@pytest.mark.parametrize("kind", ["svn"])
def test_svn_patch(readers: Browser, changed: Changed, tmp_path: Path) -> None:
    svn = Svn(tmp_path / "home")
    subprocess.run(["svnadmin", "create", str(tmp_path / "made")], check=True)
    work = svn.checkout((tmp_path / "made").as_uri())
    file = tmp_path / "patch"
    for revision in changed.ids:
        file.write_bytes(body(readers, changed, "changeset-patch", revision).body)
        said = svn.out("patch", str(file), cwd=work)
        assert "conflict" not in said
        assert "rejected" not in said
        expected = files_at(changed, revision, tmp_path / f"files-{revision}")
        found = {
            str(path.relative_to(work)): path.read_bytes()
            for path in work.rglob("*")
            if path.is_file() and ".svn" not in path.parts
        }
        assert found == expected


@pytest.mark.parametrize("kind", ["git"])
def test_a_series_over_a_merge(git: Git, root: Api, server: Server, changed: Changed, kind: str) -> None:
    """Each patch fits on the one before, also where two lines of work were joined."""
    name = root.new_repo(owner=changed.owner.name, private=True).name
    work = git.new_work("joined")
    start = git.commit(work, "start", a="a\n")
    git.run("checkout", "--quiet", "-b", "side", cwd=work)
    git.commit(work, "aside", b="b\n")
    git.run("checkout", "--quiet", "master", cwd=work)
    git.commit(work, "ahead", c="c\n")
    git.run("merge", "--quiet", "--no-ff", "-m", "joined", "side", cwd=work)
    end = git.commit(work, "after", a="a, at last\n")
    git.run("push", "--quiet", server.clone_url(name, changed.owner), "master", "side", cwd=work)
    browser = Browser(server.url)
    assert browser.sign_in(changed.owner).status == 302
    series = browser.get(f"/{name}/changeset-patch/{start}...{end}")
    assert series.status == 200
    empty = git.new_work(unique("work"))
    git.run("am", "--quiet", stdin=series.body, cwd=empty)
    assert git.out("rev-parse", "HEAD^{tree}", cwd=empty) == git.out("rev-parse", "HEAD^{tree}", cwd=work)
    assert git.out("log", "--format=%s", cwd=empty).split() == ["after", "joined", "ahead", "start"]
    merge = git.out("rev-parse", "HEAD~1", cwd=work)
    pages = [browser.get(f"/{name}/changeset/{merge}{query}").page for query in ("", "?parent=2")]
    both = [page.all("section", class_="change") for page in pages]
    assert [[one["aria-label"] for one in sections] for sections in both] == [["b"], ["c"]]
    assert browser.get(f"/{name}/changeset/{merge}?parent=3").status == 404
    assert browser.get(f"/{name}/changeset/{merge}?parent=x").status == 404


def test_the_diff_of_a_file(readers: Browser, changed: Changed) -> None:
    address = f"/{changed.name}/diff/src/tide.py?diff1={changed.first}&diff2={changed.second}"
    page = readers.get(address)
    assert page.status == 200
    assert [one["aria-label"] for one in page.page.all("section", class_="change")] == ["src/tide.py"]
    raw = readers.get(f"{address}&diff=raw")
    assert raw.headers["content-type"].startswith("text/plain")
    assert "content-disposition" not in raw.headers
    assert raw.body.count(b"diff --git ") == 1
    assert raw.body in readers.get(f"/{changed.name}/changeset-diff/{changed.second}").body
    saved = readers.get(f"{address}&diff=download")
    assert saved.body == raw.body
    name = f"{changed.first}_vs_{changed.second}.diff"
    assert saved.headers["content-disposition"] == f"attachment; filename={name}"
    two = readers.get(address.replace("/diff/", "/diff-2way/"))
    assert two.page.all("table", class_="diff two")
    assert readers.get(f"{address}&ignorews=1&context=0").status == 200
    everything = readers.get(f"/{changed.name}/diff/latin?diff1={'0' * 40}&diff2={changed.first}&diff=raw")
    assert b"new file mode" in everything.body
    same = readers.get(f"/{changed.name}/diff/latin?diff1={changed.second}&diff2={changed.last}")
    assert "nothing has changed" in same.page.text
    for query, status in (("", 400), ("?diff1=&diff2=", 400), ("?diff1=nowhere&diff2=tip", 404)):
        assert readers.get(f"/{changed.name}/diff/latin{query}").status == status
    for path in ("nowhere", "%2e%2e/latin", "--help", "latin/x", "-"):
        for form in ("", "&diff=raw", "&diff=download"):
            query = f"diff1={changed.first}&diff2={changed.second}{form}"
            assert readers.get(f"/{changed.name}/diff/{path}?{query}").status == 404, (path, form)
