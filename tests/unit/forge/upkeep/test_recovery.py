# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the death of a worker and the recovery from it, the others go on working: on what was, not on what is left.

A worker that dies between rename and commit leaves directories under names that the database does not know. Whoever
changes something next must not build on them: they are going to be moved back.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.assembly import open_site
from trivium.forge.accounts import users as accounts
from trivium.forge.groups import creation as groups
from trivium.forge.groups import repo_groups
from trivium.forge.groups.changes import RepoGroupChanges, update_group
from trivium.forge.repositories import changes, creation
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.changes import RepositoryChanges
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.forge.trash import trash
from trivium.forge.upkeep import recovery
from trivium.settings import Settings
from trivium.store import intents
from trivium.tree import kernel_locks
from trivium.tree.kernel_locks import WorkerIdentity, is_alive, remove_dead


def create(site: Site, name: str) -> None:
    with site.store.read() as db:
        root = accounts.find(db, "root")
    creation.create(site, root.as_caller("127.0.0.1"), CreationRequest(name=name, kind="git"))


def rename(site: Site, name: str, new: str) -> None:
    with site.store.read() as db:
        found = repositories.find(db, the_system(), name, Level.ADMIN)
    changes.update_repository(site, the_system(), found, RepositoryChanges(name=new))


def rename_group(site: Site, name: str, new: str) -> None:
    with site.store.read() as db:
        found = repo_groups.find(db, the_system(), name, Level.ADMIN)
    update_group(site, the_system(), found, RepoGroupChanges(name=new))


def delete(site: Site, name: str) -> None:
    with site.store.read() as db:
        found = repositories.find(db, the_system(), name, Level.ADMIN)
    changes.delete_repository(site, the_system(), found)


def killed_before_commit(settings: Settings, action: Callable[[Site], None]) -> None:
    """Another process does this and is killed when everything is renamed and nothing is committed."""
    child = os.fork()
    if not child:
        try:
            move = intents._move
            intents._move = lambda moves: (move(moves), os._exit(7))
            action(open_site(settings))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


def registered(site: Site) -> set[str]:
    with site.store.read() as db:
        return {one.name for one in repositories.readable(db, the_system())}


def standing(site: Site) -> set[str]:
    heads = site.tree.root.glob("*/HEAD"), site.tree.root.glob("*/*/HEAD")
    return {str(head.parent.relative_to(site.tree.root)) for found in heads for head in found} - {
        str(path.relative_to(site.tree.root)) for path in site.tree.trash.iterdir()
    }


def test_nobody_builds_in_a_group_that_is_going_to_be_moved_back(settings: Settings, site: Site) -> None:
    killed_before_commit(settings, lambda dying: create(dying, "g/lost"))
    assert standing(site) == {"g/lost"}
    create(site, "g/kept")
    recovery.recover(site, alone=False)
    assert registered(site) == standing(site) == {"g/kept"}
    create(site, "g/lost")
    assert registered(site) == standing(site) == {"g/kept", "g/lost"}


def test_the_name_of_a_creation_that_died_is_free_before_any_recovery(settings: Settings, site: Site) -> None:
    killed_before_commit(settings, lambda dying: create(dying, "name"))
    create(site, "name")
    assert registered(site) == standing(site) == {"name"}
    recovery.recover(site, alone=False)
    assert registered(site) == standing(site) == {"name"}


def test_what_comes_back_from_the_trash_does_not_wait_for_a_recovery_either(settings: Settings, site: Site) -> None:
    create(site, "name")
    delete(site, "name")
    killed_before_commit(settings, lambda dying: create(dying, "name"))
    (entry,) = trash.entries(site)
    trash.restore(site, the_system(), entry)
    assert registered(site) == standing(site) == {"name"}


def test_the_name_of_a_group_that_died_is_free_before_any_recovery(settings: Settings, site: Site) -> None:
    killed_before_commit(settings, lambda dying: create(dying, "g/lost"))
    assert standing(site) == {"g/lost"}
    groups.create(site, the_system(), name="g", owner="root")
    recovery.recover(site, alone=False)
    assert registered(site) == standing(site) == set()
    create(site, "g/kept")
    assert registered(site) == standing(site) == {"g/kept"}


def test_a_group_is_moved_without_what_a_dead_worker_did_in_it(settings: Settings, site: Site) -> None:
    create(site, "g/one")
    create(site, "g/two")
    killed_before_commit(settings, lambda dying: rename(dying, "g/one", "uno"))
    killed_before_commit(settings, lambda dying: delete(dying, "g/two"))
    assert standing(site) == {"g/one"}, "the second one has put the first in order, and left the same behind"
    rename_group(site, "g", "h")
    recovery.recover(site, alone=False)
    assert registered(site) == standing(site) == {"h/one", "h/two"}


def test_an_intent_that_was_forgotten_undoes_nothing_of_somebody_else(settings: Settings, site: Site) -> None:
    """A worker that could not even remove its intent goes on, and later somebody does successfully what it spoke of."""
    create(site, "old")
    tree = site.tree
    for source, target in (("old", "new"), (f".staging/{site.worker.id}-x/g", "g")):
        with site.store.write(access_unchanged=True) as db:
            intents.record(db, worker="dead", kind=intents.MOVE, detail={"moves": [[source, target]]})
    rename(site, "old", "new")
    create(site, "g/kept")
    assert recovery.recover(site, alone=True) == recovery.Remaining(alive=0, unfinished=0)
    assert registered(site) == standing(site) == {"new", "g/kept"}
    with site.store.read() as db:
        assert intents.recorded(db) == []
    assert list(tree.staging.iterdir()) == []


def test_recovery_does_not_depend_on_the_directory_aside(settings: Settings, site: Site) -> None:
    killed_before_commit(settings, lambda dying: create(dying, "g/lost"))
    for aside in site.tree.staging.iterdir():
        shutil.rmtree(aside)  # by an administrator who tidies up
    recovery.recover(site, alone=True)
    assert standing(site) == set()
    assert list(site.tree.staging.iterdir()) == []


def test_two_who_ask_at_once_both_hear_that_a_worker_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = WorkerIdentity(tmp_path)
    os.close(worker._descriptor)  # as its death does; the file stays
    assert (tmp_path / f"worker-{worker.id}").exists()
    heard: list[bool] = []
    flock = fcntl.flock

    def asked_meanwhile(descriptor: int, mode: int) -> None:
        flock(descriptor, mode)
        if not heard:
            heard.append(True)  # the second to ask does not ask again
            heard[0] = is_alive(tmp_path, worker.id)

    monkeypatch.setattr(kernel_locks.fcntl, "flock", asked_meanwhile)
    assert not is_alive(tmp_path, worker.id)
    assert heard == [False]


def test_a_worker_whose_file_was_taken_for_a_dead_one_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock
    tidied: list[str] = []

    def tidied_up_before(descriptor: int, mode: int) -> None:
        if not tidied:
            tidied.append("")  # what tidies up locks as well
            tidied.extend(path.name for path in tmp_path.iterdir())
            remove_dead(tmp_path)
        flock(descriptor, mode)

    monkeypatch.setattr(kernel_locks.fcntl, "flock", tidied_up_before)
    worker = WorkerIdentity(tmp_path)
    assert tidied[1:] and tidied[1] != f"worker-{worker.id}"
    assert is_alive(tmp_path, worker.id)
    remove_dead(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"worker-{worker.id}"]
    worker.close()
    assert not is_alive(tmp_path, worker.id)
