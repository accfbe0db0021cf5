# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes to Mercurial repositories that no orderly client would send (security.md S-6)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
