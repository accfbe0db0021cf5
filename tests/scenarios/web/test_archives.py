# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives: of all three systems, with modes and links, and always the same bytes (system.md 2.5)."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Git, Person
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, Copy, new_system

LARGE = os.urandom(3 << 20)


@dataclass
class Hosted:
    """A repository with a few files, in one system."""

    kind: str
    name: str
    raw_id: str
    copy: Copy


@pytest.fixture(params=SYSTEMS)
def hosted(request: pytest.FixtureRequest, server: Server, root: Api, ada: Person, git: Git) -> Hosted:
    kind = request.param
    system = new_system(kind, git.home)
    name = system.new_repository(root, ada, private=True, enable_downloads=True)
    copy = system.checkout(server, name, ada)
    copy.write(**{"a.txt": "one\r\n", "dir/tool.sh": "#!/bin/sh\n", "dir/büro.bin": LARGE})
    (copy.path / "link").symlink_to("a.txt")
    copy.change("all of it", empty="")
    copy.make_executable("dir/tool.sh")
    raw_id = copy.change("a program", empty="")
    return Hosted(kind, name, raw_id, copy)


def archive(browser: Browser, hosted: Hosted, ending: str, query: str = "") -> bytes:
    answer = browser.get(f"/{hosted.name}/archive/{hosted.raw_id}{ending}{query}")
    assert answer.status == 200, answer.body
    types = {".zip": "application/zip", ".tar.gz": "application/x-gzip", ".tar.bz2": "application/x-bzip2"}
    assert answer.headers["content-type"] == types[ending]
    name = f"{hosted.name}-{hosted.raw_id[:12]}{ending}"
    assert answer.headers["content-disposition"] == f"attachment; filename={name}"
    return answer.body


def test_an_archive_holds_what_is_in_the_revision(adas: Browser, hosted: Hosted, tmp_path: Path) -> None:
    folder = f"{hosted.name}-{hosted.raw_id[:12]}"
    for ending in (".tar.gz", ".tar.bz2"):
        body = archive(adas, hosted, ending)
        with tarfile.open(fileobj=io.BytesIO(body)) as found:
            members = {member.name: member for member in found.getmembers()}
            files = ("a.txt", "dir/büro.bin", "dir/tool.sh", "empty", "link")
            assert sorted(members) == [f"{folder}/{name}" for name in sorted(files)]
            assert members[f"{folder}/link"].linkname == "a.txt"
            assert members[f"{folder}/dir/tool.sh"].mode == 0o755
            assert members[f"{folder}/a.txt"].mode == 0o644
            content = found.extractfile(f"{folder}/dir/büro.bin")
            assert content is not None and content.read() == LARGE
        # The program that people use takes it as well.
        place = tmp_path / ending
        place.mkdir()
        unpack = "xz" if ending == ".tar.gz" else "xj"
        subprocess.run(["tar", unpack, "-C", place], input=body, check=True)
        assert (place / folder / "a.txt").read_bytes() == b"one\r\n"
        assert os.access(place / folder / "dir/tool.sh", os.X_OK)
    with zipfile.ZipFile(io.BytesIO(archive(adas, hosted, ".zip"))) as zipped:
        assert zipped.testzip() is None
        assert zipped.read(f"{folder}/dir/büro.bin") == LARGE
        assert zipped.getinfo(f"{folder}/dir/tool.sh").external_attr >> 16 == 0o100755
        link = zipped.getinfo(f"{folder}/link")
        assert link.external_attr >> 16 == 0o120777 and zipped.read(link) == b"a.txt"


def test_one_revision_is_always_the_same_bytes(adas: Browser, hosted: Hosted) -> None:
    for ending in (".zip", ".tar.gz", ".tar.bz2"):
        made = {
            hashlib.sha256(archive(adas, hosted, ending, query)).hexdigest()
            for query in ("", "", "?no_cache=1", "?no_cache=1")
        }
        assert len(made) == 1
    hosted.copy.change("later", **{"a.txt": "two\n"})
    assert adas.get(f"/{hosted.name}/archive/{hosted.raw_id}.zip").headers["etag"]


def test_a_download_that_broke_off_goes_on(adas: Browser, hosted: Hosted) -> None:
    """Of an archive that is kept; one that is still made does not say that it has parts."""
    path = f"/{hosted.name}/archive/{hosted.raw_id}.tar.gz"
    made = adas.get(f"{path}?no_cache=1")
    assert "accept-ranges" not in made.headers
    whole, tag = adas.get(path).body, made.headers["etag"]
    half = len(whole) // 2
    kept = adas.get(path)
    assert (kept.headers["accept-ranges"], kept.headers["content-length"]) == ("bytes", str(len(whole)))
    assert kept.body == whole == made.body
    rest = adas.get(path, Range=f"bytes={half}-", If_Range=tag)
    assert (rest.status, rest.body) == (206, whole[half:])
    assert rest.headers["content-range"] == f"bytes {half}-{len(whole) - 1}/{len(whole)}"
    assert adas.get(path, Range="bytes=0-0").body == whole[:1]
    assert adas.get(path, Range="bytes=-7").body == whole[-7:]
    assert adas.get(path, Range=f"bytes={len(whole)}-").status == 416
    assert adas.get(path, Range="bytes=1-", If_Range='"another"').body == whole
    for query in ("", "?no_cache=1"):
        assert adas.get(path + query, Range="bytes=1-", If_None_Match=tag).status == 304


def test_another_archive_at_the_same_address_has_another_tag(
    server: Server, root: Api, ada: Person, adas: Browser, hosted: Hosted, git: Git
) -> None:
    number = root("get_repo", repoid=hosted.name)["repo_id"]
    address = f"/_{number}/archive/{hosted.raw_id}.tar.gz"
    old = adas.get(address)
    renamed = f"{hosted.name}-renamed"
    root("update_repo", repoid=hosted.name, name=renamed)
    new = adas.get(address, If_None_Match=old.headers["etag"])
    assert new.status == 200
    with tarfile.open(fileobj=io.BytesIO(new.body)) as found:
        assert found.getnames()[0].startswith(f"{renamed}-{hosted.raw_id[:12]}/")
    # Another repository of this name, in which a number means something else.
    root("delete_repo", repoid=renamed)
    system = new_system(hosted.kind, git.home)
    system.new_repository(root, ada, renamed, private=True, enable_downloads=True)
    copy = system.checkout(server, renamed, ada)
    for _ in range(3):
        last = copy.change()
    address = f"/{renamed}/archive/{hosted.raw_id if hosted.kind == 'svn' else last}.tar.gz"
    assert adas.get(address, If_None_Match=new.headers["etag"]).status == 200


def test_an_empty_directory_is_kept_where_the_system_keeps_it(
    server: Server, root: Api, ada: Person, adas: Browser, git: Git
) -> None:
    system = new_system("svn", git.home)
    name = system.new_repository(root, ada, private=True, enable_downloads=True)
    copy = system.checkout(server, name, ada)
    for directory in ("trunk/nothing", "trunk/d/nothing", "branches"):
        (copy.path / directory).mkdir(parents=True)
    raw_id = copy.change("A layout", **{"trunk/a": "a\n", "trunk/d/a": "a\n"})
    folder = f"{name}-{raw_id}"
    expected = [f"{folder}/{path}" for path in ("branches", "trunk/a", "trunk/d/a", "trunk/d/nothing", "trunk/nothing")]
    with tarfile.open(fileobj=io.BytesIO(adas.get(f"/{name}/archive/tip.tar.gz").body)) as found:
        assert found.getnames() == expected
        member = found.getmember(f"{folder}/branches")
        assert (member.isdir(), member.mode, member.size) == (True, 0o755, 0)
    body = adas.get(f"/{name}/archive/tip.zip").body
    with zipfile.ZipFile(io.BytesIO(body)) as zipped:
        assert zipped.testzip() is None
        assert [one.filename.rstrip("/") for one in zipped.infolist()] == expected
        entry = zipped.getinfo(f"{folder}/branches/")
        assert (entry.is_dir(), entry.external_attr >> 16) == (True, 0o040755)
    (git.home / "a.zip").write_bytes(body)
    subprocess.run(["unzip", "-q", "a.zip"], cwd=git.home, check=True)
    assert (git.home / folder / "trunk/nothing").is_dir()


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Server]:
    """A server that gives only small archives away."""
    running = prepared.copied(tmp_path_factory.mktemp("narrow") / "data")
    running.start(TRIVIUM_MAX_ARCHIVE_BYTES="100000")
    yield running
    running.stop()


@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_archive_that_would_be_too_large_does_not_begin(kind: str, narrow: Server, tmp_path: Path) -> None:
    root = narrow.api(narrow.admin_key)
    owner = root.new_user()
    system = new_system(kind, tmp_path / "home")
    name = system.new_repository(root, owner, private=True, enable_downloads=True)
    copy = system.checkout(narrow, name, owner)
    small = copy.change("Small", one=b"x" * 40_000, two=b"x" * 40_000)
    copy.change("Large", three=b"x" * 40_000)
    browser = Browser(narrow.url)
    browser.sign_in(owner)
    for method in ("GET", "HEAD"):
        answer = browser.request(method, f"/{name}/archive/tip.tar.gz")
        assert answer.status == 413
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "max_archive_bytes" in browser.get(f"/{name}/archive/tip.zip").text
    assert narrow.journal("repository.download", name) == []
    assert browser.get(f"/{name}/archive/{small}.zip").status == 200


def test_downloads_have_to_be_allowed(server: Server, adas: Browser, root: Api, project: str) -> None:
    roots = Browser(server.url)
    roots.sign_in(server.administrator)
    for browser in (adas, roots):
        answer = browser.get(f"/{project}/archive/tip.zip")
        assert (answer.status, answer.text.strip()) == (403, "Downloads disabled")
        assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("name", "text"),
    [("tip.rar", "Unknown archive type"), ("tip", "Unknown archive type"), ("tip.zip", "Empty repository")],
)
def test_what_there_is_not_is_told(adas: Browser, root: Api, ada: Person, name: str, text: str) -> None:
    repository = root.new_repo(owner=ada.name, enable_downloads=True).name
    answer = adas.get(f"/{repository}/archive/{name}")
    assert (answer.status, answer.text.strip()) == (404, text)


def test_an_unknown_revision_is_told(adas: Browser, hosted: Hosted) -> None:
    answer = adas.get(f"/{hosted.name}/archive/nothing%2Fhere.zip")
    assert (answer.status, answer.text.strip()) == (404, "Unknown revision nothing/here")


def test_a_download_is_in_the_journal(server: Server, adas: Browser, root: Api, ada: Person, git: Git) -> None:
    system = new_system("git", git.home)
    name = system.new_repository(root, ada, enable_downloads=True)
    raw_id = system.checkout(server, name, ada).change("one", **{"a.txt": "one\n"})
    assert adas.request("HEAD", f"/{name}/archive/{raw_id}.zip").status == 200
    assert server.journal("repository.download", name) == []
    adas.get(f"/{name}/archive/{raw_id}.zip")
    assert len(server.journal("repository.download", name)) == 1


def test_subrepositories_are_in_an_archive_as_far_as_its_reader_may_read_them(
    server: Server, root: Api, ada: Person, adas: Browser, git: Git
) -> None:
    system = new_system("hg", git.home)
    inner = system.new_repository(root, ada, private=True)
    hidden = root.new_repo(kind="hg", private=True).name
    copy = system.checkout(server, inner, ada)
    raw_id = copy.change("inner", **{"n.txt": "n\n", "d/x": "x\n"})
    copy.change("later", **{"n.txt": "later\n"})
    name = system.new_repository(root, ada, private=True, enable_downloads=True)
    outer = system.checkout(server, name, ada)
    (outer.path / "lib").mkdir()
    outer.run("clone", "-r", raw_id, str(copy.path), "lib/one")
    for path in ("hidden", "lost"):
        outer.run("init", path)
        (outer.path / path / "f").write_text("f\n")
        outer.run("commit", "-A", "-m", "f", "-R", path)
    sources = {"lib/one": f"../{inner}", "hidden": f"../{hidden}", "lost": "../../lost"}
    (outer.path / ".hgsub").write_text("".join(f"{path} = {source}\n" for path, source in sources.items()))
    outer.run("add", ".hgsub")
    outer.run("commit", "-m", "outer")
    # The client would push the inner ones first, to where they say they are.
    outer.run("bundle", "--all", "all.hg")
    outer.run("unbundle", "all.hg", "-R", str(server.root / name))
    for query, inside in (("?subrepos=true", ["lib/one/d/x", "lib/one/n.txt"]), ("", [])):
        wanted = [".hgsub", ".hgsubstate", *inside]
        for _ in range(2):
            answer = adas.get(f"/{name}/archive/tip.tar.gz{query}")
            assert ("--sub" in answer.headers["content-disposition"]) == bool(query)
            with tarfile.open(fileobj=io.BytesIO(answer.body)) as found:
                names = found.getnames()
                assert [one.partition("/")[2] for one in names] == wanted
                content = found.extractfile(names[-1])
                assert not inside or (content is not None and content.read() == b"n\n")
        with zipfile.ZipFile(io.BytesIO(adas.get(f"/{name}/archive/tip.zip{query}").body)) as zipped:
            assert zipped.testzip() is None
            assert [one.partition("/")[2] for one in zipped.namelist()] == wanted
