# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole repositories: forked, found in the root, killed in the middle (api-repos.md 4, security.md 5)."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading

from tests.support.clients import Api, Person, unique
from tests.support.ports import free_port
from tests.support.servers import Server
from tests.support.systems import Filled, System


def test_a_fork_has_everything_and_goes_its_own_way(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name, copy, ids = filled.name, filled.copy, filled.ids
    target = f"{unique('forks')}/deep/fork"
    root("fork_repo", repoid=name, fork_name=target, owner=ada.name)
    shown = root("get_repo", repoid=target)
    assert (shown["fork_of"], shown["repo_type"], shown["clone_uri"]) == (name, system.kind, "")
    assert shown["last_changeset"] == root("get_repo", repoid=name)["last_changeset"]
    everything = {"start_rev": ids[0], "limit": -1, "details": "full"}
    assert root("get_repo_changesets", repoid=target, **everything) == root(
        "get_repo_changesets", repoid=name, **everything
    )
    mine = system.checkout(server, target, ada)
    assert mine.files() == copy.files()
    theirs = mine.change("only in the fork")
    ours = copy.change("only in the source")
    assert root("get_repo", repoid=target)["last_changeset"]["raw_id"] == theirs
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == ours
    for repository in (name, target):
        assert len(root("get_repo_changesets", repoid=repository, **everything)) == 4
        system.verify(server.root / repository)
    assert root("delete_repo", repoid=name, forks="detach")["msg"] == f"Deleted repository `{name}` Detached 1 forks"
    assert mine.change("goes on") == root("get_repo", repoid=target)["last_changeset"]["raw_id"]


def test_an_empty_repository_can_be_forked(server: Server, root: Api, system: System, ada: Person) -> None:
    name, target = system.new_repository(root, ada), unique("fork")
    root("fork_repo", repoid=name, fork_name=target, owner=ada.name, description="mine")
    shown = root("get_repo", repoid=target)
    assert (shown["last_changeset"]["revision"], shown["description"]) == (-1, "mine")
    system.checkout(server, target, ada).change()


def test_what_an_administrator_puts_into_the_root_is_recognised(own_server: Server, system: System) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    name = system.new_repository(root, ada)
    copy = system.checkout(own_server, name, ada)
    raw_id = copy.change(file="x\n")
    shutil.copytree(own_server.root / name, own_server.root / "put" / "here", symlinks=True)
    assert root("rescan_repos") == {"added": ["put/here"], "removed": []}
    shown = root("get_repo", repoid="put/here")
    assert (shown["repo_type"], shown["last_changeset"]["raw_id"]) == (system.kind, raw_id)
    root("grant_user_permission", repoid="put/here", userid=ada.name, perm="repository.write")
    newer = system.checkout(own_server, "put/here", ada).change()
    assert root("get_repo", repoid="put/here")["last_changeset"]["raw_id"] == newer
    assert root("rescan_repos", remove_obsolete=True) == {"added": [], "removed": []}


def test_killed_in_the_middle_of_a_publication(own_server: Server, system: System) -> None:
    """Whatever the moment, what was acknowledged is there and the rest is whole or absent."""
    port = free_port()
    own_server.start(port=port)
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    name = system.new_repository(root, ada)
    copy = system.checkout(own_server, name, ada)
    acknowledged = [copy.change("first")]
    for pause in (0.0, 0.05, 0.15, 0.3):
        killer = threading.Timer(pause, own_server.kill)
        killer.start()
        with contextlib.suppress(AssertionError):
            acknowledged.append(copy.change(f"killed after {pause}", **{f"big{pause}": "x" * 200_000}))
        killer.join()
        own_server.start(port=port)
        last = root("get_repo", repoid=name)["last_changeset"]
        listed = [one["raw_id"] for one in root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)]
        assert set(acknowledged) <= set(listed)
        assert listed[-1] == last["raw_id"]
        system.verify(own_server.root / name)
        assert own_server.under_way() == []
        journalled = {
            new for _, _, detail in own_server.journal("push", name) for _, _, new in json.loads(detail)["refs"]
        }
        assert set(listed) <= journalled
        copy = system.checkout(own_server, name, ada)
        acknowledged = listed


def test_files_that_are_called_like_the_systems_own_are_copied_as_well(
    server: Server, root: Api, system: System, ada: Person
) -> None:
    own = (
        *("lock", "wlock/x", "store/lock/x", "undo.txt", "undo/x", "journal", "hgrc", "dirstate.py", "strip-backup/x"),
        *("HEAD", "config", "refs/heads/x", "objects/info/x", "index.lock", "hooks/update", "packed-refs"),
        *("format", "db/locks/x", "db/transactions/x", "db/txn-current-lock", "current"),
    )
    name, target = system.new_repository(root, ada), unique("fork")
    copy = system.checkout(server, name, ada)
    copy.change("theirs", **dict.fromkeys(own, "kept\n"))
    newest = copy.change("one more", plain="x\n")
    root("fork_repo", repoid=name, fork_name=target, owner=ada.name)
    assert system.checkout(server, target, ada).files() == copy.files()
    args = {"repoid": name, "revision": newest, "branch": "master"}
    if system.kind == "svn":
        assert root.error("strip", **args) == f"Unable to strip commit {newest} from repo `{name}`"
    else:
        root("strip", **args)
    for repository in (name, target):
        system.verify(server.root / repository)
    assert set(own) <= set(system.checkout(server, name, ada).files())
