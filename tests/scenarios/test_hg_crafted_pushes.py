# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes to Mercurial repositories that no orderly client would send (security.md S-6)."""

from __future__ import annotations

import bz2
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mercurial import zstd

from tests.support.clients import Api, Person, Thing
from tests.support.hg_client import Hg
from tests.support.raw import basic
from tests.support.servers import Server

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
