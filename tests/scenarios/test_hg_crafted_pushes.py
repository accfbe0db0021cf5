# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes to Mercurial repositories that no orderly client would send (security.md S-6)."""

from __future__ import annotations

import bz2
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from mercurial import zstd

from tests.support.clients import Api, Person, Thing
from tests.support.hg_client import Hg
from tests.support.raw import basic
from tests.support.servers import Server

ZERO = "0" * 40
CRAFT = """
import sys
from mercurial import hg, initialization
initialization.init()
from mercurial import ui
from mercurial.metadata import ChangingFiles
from mercurial.node import nullid
path, told = (text.encode() for text in sys.argv[2:])
repo = hg.repository(ui.ui.load(), sys.argv[1].encode())
with repo.lock(), repo.transaction(b"craft") as transaction:
    file = repo.file(path, writable=True)
    content = file.add(b"[hooks]\\n", {}, transaction, 0, nullid, nullid)
    manifest = repo.manifestlog[nullid].copy()
    manifest.read()[path] = content
    listed = manifest.write(transaction, 0, nullid, nullid, [path], [])
    files = ChangingFiles()
    if told:
        files.mark_added(told)
    repo.changelog.add(listed, files, b"x", transaction, nullid, nullid, b"x", b"0 0")
"""
"""A changeset with one file, whose list of files may say something else."""


def push(api: Api, repository: Thing, who: Person, bundle: bytes) -> bytes:
    """What Mercurial says to a bundle."""
    headers = {
        "Accept": "application/mercurial-0.1",
        "Authorization": basic(who.name, who.password),
        "X-HgArg-1": "heads=666f726365",
    }
    status, _, body = api.post(bundle, method="POST", path=f"/{repository.name}?cmd=unbundle", headers=headers)
    assert status == 200
    return body


@pytest.fixture(scope="module")
def ada(root: Api) -> Person:
    return root.new_user()


def bundle_of(hg: Hg, work: Path, kind: str = "none-v2") -> bytes:
    hg.run("bundle", "--all", "--type", kind, str(hg.home / "bundle"), cwd=work)
    return (hg.home / "bundle").read_bytes()


@pytest.mark.parametrize("path", [".hg/hgrc", ".HG/hgrc", "a/.hg/hgrc", "../x", "/x"])
@pytest.mark.parametrize("honest", [True, False])
def test_no_file_can_be_named_like_a_control_file(root: Api, ada: Person, hg: Hg, path: str, honest: bool) -> None:
    repository = root.new_repo(kind="hg", owner=ada.name)
    work = hg.new_work()
    subprocess.run([sys.executable, "-c", CRAFT, str(work), path, path if honest else ""], check=True)
    said = push(root, repository, ada, bundle_of(hg, work))
    assert b"path" in said
    assert root("get_repo", repoid=repository.id)["last_changeset"]["revision"] == -1


PATCH = struct.Struct(">lll")
HEADER = struct.Struct(">20s20s20s20s20s")


def bundle2(kind: bytes, payload: Iterator[bytes], compression: Any = None) -> bytes:
    """A bundle with one part, which is mandatory; compressed with a function, if at all."""
    head = struct.pack(">B", len(kind)) + kind + struct.pack(">IBB", 0, 0, 0)
    body = struct.pack(">I", len(head)) + head
    body += b"".join(struct.pack(">I", len(piece)) + piece for piece in payload) + struct.pack(">II", 0, 0)
    if compression is None:
        return b"HG20" + struct.pack(">I", 0) + body
    name, compress = compression
    told = b"Compression=" + name
    return b"HG20" + struct.pack(">I", len(told)) + told + compress(body)


@pytest.fixture
def strict(own_server: Server) -> Api:
    """A server where no object may have more than a mebibyte."""
    own_server.start(TRIVIUM_MAX_OBJECT_BYTES=str(1 << 20))
    return own_server.api(own_server.admin_key)


def test_an_object_above_the_limit_is_refused_in_words(own_server: Server, strict: Api, hg: Hg) -> None:
    """Whether it comes whole or as a delta, and whatever kind of object it is."""
    name = strict.new_repo(kind="hg").name
    hg.sign_in(own_server.url, own_server.admin, own_server.admin_password)
    work = hg.new_work()
    first = hg.commit(work, "at the limit", large="x" * (1 << 20))
    hg.run("push", own_server.clone_url(name), cwd=work)
    for files, message in (
        ({"large": "x" * (1 << 20) + "y"}, "m"),
        ({"new": os.urandom(600_000).hex()}, "m"),
        ({"a": "b"}, "m" * (1 << 20)),
    ):
        (work / "message").write_text(message)
        for path, content in files.items():
            (work / path).write_text(content)
        hg.run("commit", "--addremove", "--logfile", "message", "--exclude", "message", cwd=work)
        said = hg.refused("push", own_server.clone_url(name), cwd=work)
        assert "larger than the server allows (max_object_bytes)" in said
        assert strict("get_repo", repoid=name)["last_changeset"]["raw_id"] == first
        hg.run("update", "--clean", "-r", first, cwd=work)
        hg.run("strip", "--config", "extensions.strip=", "--no-backup", "-r", "not(::.)", cwd=work)
    store = own_server.root / name / ".hg"
    assert hg.run("verify", "--quiet", "-R", str(store.parent)).stdout == b""
    assert not (store / "store" / "journal").exists()
    assert list((own_server.data / "hg" / "scratch").iterdir()) == []


@pytest.mark.parametrize("compression", ["GZ", "BZ", "ZS"])
def test_a_compressed_bundle_cannot_grow_without_end(
    server: Server, root: Api, ada: Person, hg: Hg, compression: str
) -> None:
    repository = root.new_repo(kind="hg", owner=ada.name)
    compress: dict[str, Callable[[bytes], bytes]] = {
        "GZ": zlib.compress,
        "BZ": bz2.compress,
        "ZS": lambda raw: zstd.ZstdCompressor().compress(raw),
    }
    raw = (b"\0" * (1 << 20) for _ in range(200))
    bundle = bundle2(b"CHANGEGROUP", raw, (compression.encode(), compress[compression]))
    assert len(bundle) < 1 << 20
    assert b"max_inflate_ratio" in push(root, repository, ada, bundle)


@pytest.mark.parametrize("announced", [1 << 30, (1 << 31) - 1])
def test_what_a_bundle_announces_is_not_believed(root: Api, ada: Person, announced: int) -> None:
    """A piece of a gigabyte that does not come, and a part that is read whole."""
    repository = root.new_repo(kind="hg", owner=ada.name)
    said = push(root, repository, ada, bundle2(b"CHANGEGROUP", iter([struct.pack(">l", announced) + b"x" * 100])))
    assert b"max_object_bytes" in said
    said = push(root, repository, ada, b"HG20" + struct.pack(">II", 0, announced))
    assert b"max_object_bytes" in said


@pytest.mark.parametrize("compression", ["GZ", "BZ", "ZS"])
@pytest.mark.parametrize("kept", [0, 20])
def test_what_is_said_to_be_compressed_and_is_not_is_refused_in_words(
    root: Api, ada: Person, compression: str, kept: int
) -> None:
    compress: dict[str, Callable[[bytes], bytes]] = {
        "GZ": zlib.compress,
        "BZ": bz2.compress,
        "ZS": lambda raw: zstd.ZstdCompressor().compress(raw),
    }
    raw = iter([bytes(range(256)) * 10])
    damaged = bundle2(
        b"CHANGEGROUP", raw, (compression.encode(), lambda raw: compress[compression](raw)[:kept] + b"\xff" * 500)
    )
    repository = root.new_repo(kind="hg", owner=ada.name)
    said = push(root, repository, ada, damaged)
    assert b"Mercurial does not understand this request." in said or b"Mercurial: " in said, said
    assert root("get_repo", repoid=repository.id, cache=False)["last_changeset"]["revision"] == -1


def test_a_part_that_is_read_whole_is_bounded(root: Api, ada: Person) -> None:
    repository = root.new_repo(kind="hg", owner=ada.name)
    said = push(root, repository, ada, bundle2(b"CHECK:HEADS", (b"x" * (1 << 20) for _ in range(80))))
    assert b"a part of the bundle is larger than the server allows" in said


def test_a_store_is_not_pushed_as_files(root: Api, server: Server, ada: Person, hg: Hg) -> None:
    repository = root.new_repo(kind="hg", owner=ada.name)
    work = hg.new_work()
    hg.commit(work)
    bundle = bundle_of(hg, work, "none-v2;stream=v2")
    assert b"STREAM2" in bundle
    before = (server.root / repository.name / ".hg" / "requires").read_bytes()
    push(root, repository, ada, bundle)
    assert root("get_repo", repoid=repository.id)["last_changeset"]["revision"] == -1
    assert not (server.root / repository.name / ".hg" / "store" / "00changelog.i").exists()
    assert (server.root / repository.name / ".hg" / "requires").read_bytes() == before
    hg.sign_in_as(server.url, ada)
    hg.run("push", server.clone_url(repository.name), cwd=work)


def asked(api: Api, name: str, who: Person, command: str, **arguments: str) -> bytes:
    """What Mercurial answers to a command."""
    headers = {"Accept": "application/mercurial-0.1", "Authorization": basic(who.name, who.password)}
    status, _, body = api.post(b"", method="GET", path=f"/{name}?cmd={command}&{urlencode(arguments)}", headers=headers)
    assert status in (200, 404)
    return body


@pytest.fixture
def hiding(server: Server, root: Api, ada: Person, hg: Hg) -> tuple[Thing, Path, list[str]]:
    """A repository with three changesets, the last of which is secret; a working copy of it, and their ids."""
    repository = root.new_repo(kind="hg", owner=ada.name)
    work = hg.new_work()
    ids = [hg.commit(work, f"number {number}") for number in range(3)]
    hg.sign_in_as(server.url, ada)
    hg.run("push", server.clone_url(repository.name), cwd=work)
    hg.run("phase", "--force", "--secret", "-r", ids[2], "-R", str(server.root / repository.name))
    root("invalidate_cache", repoid=repository.id)
    return repository, work, ids


def shown(api: Api, repository: Thing) -> list[str]:
    return [one["raw_id"] for one in api("get_repo_changesets", repoid=repository.id, start_rev="0", limit=-1)]


def test_nobody_publishes_a_secret_by_its_id(
    server: Server, root: Api, ada: Person, hg: Hg, hiding: tuple[Thing, Path, list[str]]
) -> None:
    repository, work, ids = hiding
    pushkey = {"namespace": "phases", "key": ids[2], "old": "2", "new": "0"}
    assert asked(root, repository.name, ada, "pushkey", **pushkey).startswith(b"0\n")
    assert asked(root, repository.name, ada, "pushkey", **pushkey | {"key": "tip"}).startswith((b"0\n", b"Mercurial"))
    push(root, repository, ada, bundle2(b"PHASE-HEADS", iter([struct.pack(">i20s", 0, bytes.fromhex(ids[2]))])))
    assert shown(root, repository) == ids[:2]
    assert asked(root, repository.name, ada, "known", nodes=ids[2]) == b"0"
    assert asked(root, repository.name, ada, "lookup", key=ids[2]).startswith(b"0 ")
    # Whoever has it may; and then the journal says so. That it was hidden was not done by a push.
    hidden = server.journal("repository.unexplained", repository.name)
    assert len(hidden) == 1
    hg.run("push", server.clone_url(repository.name), cwd=work, check=False)
    assert shown(root, repository) == ids
    assert json.loads(server.journal("push", repository.name)[-1][2])["refs"] == [["branches/default", ZERO, ids[2]]]
    assert server.journal("repository.unexplained", repository.name) == hidden


@pytest.mark.parametrize("hide", ["secret", "obsolete"])
def test_what_is_hidden_leaves_the_server_in_no_way(
    server: Server, root: Api, ada: Person, hg: Hg, hiding: tuple[Thing, Path, list[str]], hide: str
) -> None:
    repository, _, ids = hiding
    at = str(server.root / repository.name)
    if hide == "obsolete":
        hg.run("phase", "--force", "--draft", "-r", ids[2], "-R", at)
        hg.run("debugobsolete", ids[2], "-R", at, "--config", "experimental.evolution=all")
        root("invalidate_cache", repoid=repository.id)
    assert shown(root, repository) == ids[:2]
    secret = bytes.fromhex(ids[2])
    v2 = "HG20,bundle2=HG20%0Achangegroup%3D01%2C02%2C03%0Astream%3Dv2%0Aphases%3Dheads"
    for command, arguments in (
        ("stream_out", {}),
        ("getbundle", {"stream": "1", "bundlecaps": v2, "cg": "0"}),
        ("getbundle", {"bundlecaps": v2, "heads": ids[2], "common": ids[0]}),
        ("getbundle", {"bundlecaps": v2, "listkeys": "phases,bookmarks,obsolete", "obsmarkers": "1", "phases": "1"}),
        ("changegroup", {"roots": ids[0]}),
        ("branchmap", {}),
        ("heads", {}),
        ("listkeys", {"namespace": "obsolete"}),
    ):
        said = asked(root, repository.name, ada, command, **arguments)
        assert secret not in said and (ids[2].encode() not in said or b"Mercurial" in said), command
    copy = hg.home / "copy"
    hg.run("clone", "--stream", server.clone_url(repository.name), str(copy))
    assert hg.run("log", "--hidden", "--template", "{node} ", cwd=copy).stdout.decode().split() == ids[1::-1]


def test_nobody_learns_which_files_the_server_has(root: Api, ada: Person) -> None:
    repository = root.new_repo(kind="hg", owner=ada.name)
    answers = {
        asked(root, repository.name, ada, "get_cached_bundle_inline", path=path)
        for path in ("/etc/passwd", "/etc/nothing", "../store/00changelog.i", "../requires", "x")
    }
    assert len(answers) == 1


def test_nobody_is_sent_elsewhere_by_what_was_left_in_a_repository(server: Server, root: Api, ada: Person) -> None:
    repository = root.new_repo(kind="hg", owner=ada.name)
    (server.root / repository.name / ".hg" / "clonebundles.manifest").write_text("https://example.org/x\n")
    for command in ("clonebundles", "clonebundles_manifest"):
        assert asked(root, repository.name, ada, command) == b""


def test_a_push_does_not_fill_the_caches_of_others(
    server: Server, root: Api, ada: Person, hg: Hg, hiding: tuple[Thing, Path, list[str]]
) -> None:
    repository, work, ids = hiding
    hg.run("update", "-r", ids[1], cwd=work)
    hg.run("tag", "--force", "-r", ids[0], "v1", cwd=work)
    tagged = hg.run("log", "-r", "tip", "--template", "{node}", cwd=work).stdout.decode()
    hg.run("push", "--force", "-r", tagged, server.clone_url(repository.name), cwd=work)
    said = push(root, repository, ada, bundle2(b"HGTAGSFNODES", iter([bytes.fromhex(tagged) + b"\x11" * 20])))
    assert b"hgtagsfnodes" in said.lower()
    for cache in (server.root / repository.name / ".hg" / "cache").glob("tags2-*"):
        cache.unlink()
    assert root("get_repo_refs", repoid=repository.id)["tags"]["v1"] == ids[0]


@pytest.mark.parametrize("name", [b"", b"x\n%b master", b"x\r", b"x\0y"])
def test_no_bookmark_is_more_than_one_line(
    root: Api, ada: Person, hiding: tuple[Thing, Path, list[str]], name: bytes
) -> None:
    repository, _, ids = hiding
    name = name % ids[0].encode() if b"%" in name else name
    entry = struct.pack(">20sH", bytes.fromhex(ids[1]), len(name)) + name
    assert b"must be one line" in push(root, repository, ada, bundle2(b"BOOKMARKS", iter([entry])))
    assert root("get_repo_refs", repoid=repository.id)["bookmarks"] == {}
    pushkey = {"namespace": "bookmarks", "key": name.decode(), "old": "", "new": ids[1]}
    assert not asked(root, repository.name, ada, "pushkey", **pushkey).startswith(b"1\n")
    assert root("get_repo_refs", repoid=repository.id)["bookmarks"] == {}


BRANCHED = """
import sys
from mercurial import hg, initialization
initialization.init()
from mercurial import ui
from mercurial.metadata import ChangingFiles
from mercurial.node import nullid
repo = hg.repository(ui.ui.load(), sys.argv[1].encode())
with repo.lock(), repo.transaction(b"craft") as transaction:
    extra = {b"branch": sys.argv[2].encode()}
    above = repo[b"tip"].node()
    repo.changelog.add(nullid, ChangingFiles(), b"x", transaction, above, nullid, b"x", b"0 0", extra)
"""


def test_no_branch_is_more_than_one_line(root: Api, ada: Person, hg: Hg) -> None:
    repository = root.new_repo(kind="hg", owner=ada.name)
    work = hg.new_work()
    first = hg.commit(work)
    subprocess.run([sys.executable, "-c", BRANCHED, str(work), f"x\n{first} o stable"], check=True)
    assert b"must be one line" in push(root, repository, ada, bundle_of(hg, work))
    assert root("get_repo_refs", repoid=repository.id)["branches"] == {}
