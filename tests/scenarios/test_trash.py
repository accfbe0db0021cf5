# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium trash`, as an administrator types it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.clients import Api, unique
from tests.support.servers import Server
from tests.support.waiting import until


@pytest.fixture
def admin(server: Server, root: Api) -> Api:
    """A super-admin, with nothing in the trash."""
    server.administer("trash", "empty", "--all")
    return root


def _entries(server: Server) -> list[str]:
    return [line.split()[0] for line in server.administer("trash", "list").splitlines()]


def _refused(server: Server, *arguments: str, status: int = 1) -> str:
    done = server.trivium("trash", *arguments, "--data", str(server.data), check=False)
    assert done.returncode == status, done.stderr
    assert b"Traceback" not in done.stderr
    return str(done.stderr.decode())


def _left(server: Server, *entries: str) -> list[Path]:
    """What is left in the trash of entries that were taken out of it."""
    return [path for path in (server.root / ".trash").iterdir() if path.name.startswith(entries)]


def _delete(admin: Api, name: str | None = None, **args: object) -> str:
    made = admin.new_repo(name, **args).name
    admin("delete_repo", repoid=made)
    return made


def test_the_trash_is_listed_with_what_was_deleted_by_whom(server: Server, admin: Api) -> None:
    ada = admin.new_user()
    name = ada.api.new_repo(kind="hg").name
    ada.api("delete_repo", repoid=name)
    (line,) = server.administer("trash", "list").splitlines()
    assert line.split()[1:] == ["hg", name, "owner", ada.name, "deleted", "by", ada.name]


def test_of_several_with_one_name_the_last_comes_back_and_the_others_by_their_entry(server: Server, admin: Api) -> None:
    same = unique("same")
    for description in ("first", "second"):
        _delete(admin, same, description=description)
    first, second = _entries(server)
    server.administer("trash", "restore", same)
    assert admin("get_repo", repoid=same)["description"] == "second"
    assert f"the repository '{same}' exists already" in _refused(server, "restore", first)
    server.administer("trash", "restore", first, "--name", f"{same}-first")
    assert admin("get_repo", repoid=f"{same}-first")["description"] == "first"
    assert _entries(server) == []
    assert _left(server, first, second) == []


def test_what_comes_back_belongs_to_nobody_who_has_got_the_name_of_its_owner(server: Server, admin: Api) -> None:
    ada = admin.new_user()
    name = ada.api.new_repo().name
    friend = admin.new_user()
    admin("grant_user_permission", repoid=name, userid=friend.name, perm="repository.admin")
    admin("delete_repo", repoid=name)
    for gone in (ada, friend):
        admin("delete_user", userid=gone.name)
        admin("create_user", username=gone.name, email=f"{gone.name}@example.com", password="s3cret-pw")
    server.administer("trash", "restore", name)
    shown = admin("get_repo", repoid=name)
    assert shown["owner"] == server.admin
    assert friend.name not in [member["name"] for member in shown["members"]]


def test_what_was_closed_to_everybody_is_not_open_when_it_comes_back(server: Server, admin: Api) -> None:
    """Closed by a row of `default`, not by `private`."""
    name, stranger = admin.new_repo().name, admin.new_user()
    admin("grant_user_permission", repoid=name, userid="default", perm="repository.none")
    admin("delete_repo", repoid=name)
    server.administer("trash", "restore", name)
    assert stranger.api.error("get_repo", repoid=name) == f"repository `{name}` does not exist"


@pytest.mark.parametrize("note", [None, b"not json", {"permissions": None}])
def test_without_a_whole_note_what_comes_back_is_closed(server: Server, admin: Api, note: object) -> None:
    """Earlier versions noted no permissions, and an administrator may have removed the note."""
    name, stranger = _delete(admin), admin.new_user()
    (entry,) = _entries(server)
    file = server.root / ".trash" / f"{entry}.json"
    if note is None:
        file.unlink()
    elif isinstance(note, bytes):
        file.write_bytes(note)
    else:
        old = json.loads(file.read_bytes())
        file.write_text(json.dumps({key: old[key] for key in list(old)[:7]}))
    if not isinstance(note, dict):
        assert "give a name" in _refused(server, "restore", entry)
    server.administer("trash", "restore", entry, "--name", name)
    assert admin("get_repo", repoid=name)["repo_name"] == name
    assert stranger.api.error("get_repo", repoid=name) == f"repository `{name}` does not exist"


@pytest.mark.parametrize("entry", ["nothing", "../repositories", ".", "", "2026-01-01T000000.000-1", "a" * 5000])
def test_there_is_nothing_else_to_bring_back_or_remove(server: Server, admin: Api, entry: str) -> None:
    admin.new_repo()
    with server.unchanged():
        for command in ("restore", "empty"):
            assert "in the trash" in _refused(server, command, entry)


def test_names_that_are_not_allowed_or_not_free_leave_everything_as_it_was(server: Server, admin: Api) -> None:
    group = admin.new_repo_group().name
    taken, by_hand = f"{group}/taken", f"{group}/by hand"
    (server.root / by_hand).mkdir()
    admin.new_repo(taken)
    name = _delete(admin)
    with server.unchanged():
        for wrong in (group, taken, by_hand, "a/../b", ".x", "x.git", "", f"{taken}/below", "a" * 300):
            assert _refused(server, "restore", name, "--name", wrong).startswith("trivium: "), wrong
    server.administer("trash", "restore", name, "--name", f"{group}/free")


def test_the_trash_is_emptied_as_far_as_is_said(server: Server, admin: Api) -> None:
    names = [_delete(admin, unique("gone")) for _ in range(3)]
    entries = _entries(server)
    said = server.administer("trash", "empty", entries[0])
    assert said == f"Removed {entries[0]} {names[0]}.\n"
    server.administer("trash", "empty", "--older-than", "1")
    assert _entries(server) == entries[1:]
    old = server.root / ".trash" / entries[1]
    renamed = old.with_name("2020-01-01T000000.000-1")
    os.rename(old, renamed)
    os.rename(f"{old}.json", f"{renamed}.json")
    server.administer("trash", "empty", "--older-than", "1")
    assert _entries(server) == entries[2:]
    server.administer("trash", "empty", "--all")
    assert _left(server, *entries, renamed.name) == []
    until(lambda: list((server.root / ".staging").iterdir()) == [])  # others use it as well
    assert [server.journal("trash.remove", name)[0][0] for name in names] == ["trivium"] * 3
    for wrong in ((), ("--all", "x"), ("--older-than", "1", "--all"), ("--older-than", "-1")):
        assert "Usage" in _refused(server, "empty", *wrong, status=2)
    assert "days ago" in _refused(server, "empty", "--older-than", "9" * 9)


def test_bundles_of_stripped_commits_are_listed_and_removed_but_not_restored(server: Server, admin: Api) -> None:
    bundle = server.root / ".trash" / "2026-01-01T000000.000-1-0123456789ab.bundle"
    bundle.write_bytes(b"# v2 git bundle\n")
    assert server.administer("trash", "list").split() == [bundle.name, "bundle"]
    assert "fetch from it" in _refused(server, "restore", bundle.name)
    server.administer("trash", "empty", bundle.name)
    assert not bundle.exists()


def test_entries_are_shown_without_what_a_terminal_would_obey(server: Server, admin: Api) -> None:
    name = _delete(admin)
    (entry,) = _entries(server)
    note = server.root / ".trash" / f"{entry}.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"owner": "\x1b[2J\u202e"}))
    said = server.administer("trash", "list")
    assert name in said
    assert "\x1b" not in said and "\u202e" not in said
