# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is killed while something comes back from the trash, or leaves it for good, leaves it there or has done it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tests.unit.forge.upkeep.test_recovery import create, delete, killed_before_commit, registered, standing
from trivium.access.caller import anonymous, the_system
from trivium.access.keys import KeyRing
from trivium.access.levels import Level
from trivium.errors import Invalid, TriviumError
from trivium.forge.accounts import users as accounts
from trivium.forge.pushes.from_remotes import opened_remote
from trivium.forge.repositories import changes, creation, trash_notes
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.forge.trash import trash
from trivium.forge.upkeep import recovery
from trivium.settings import Settings
from trivium.store import tables


def restore(site: Site, name: str) -> None:
    (entry,) = trash.entries(site)
    trash.restore(site, the_system(), entry, name)


def empty(site: Site, _: str) -> None:
    (entry,) = trash.entries(site)
    trash.remove(site, the_system(), entry)


@pytest.mark.parametrize("name", ["old", "other", "new/name"])
@pytest.mark.parametrize("action", [restore, empty])
def test_a_death_before_the_commit_leaves_it_in_the_trash(
    settings: Settings, site: Site, action: Callable[[Site, str], None], name: str
) -> None:
    create(site, "old")
    delete(site, "old")
    before = [entry.label for entry in trash.entries(site)]
    killed_before_commit(settings, lambda dying: action(dying, name))
    recovery.recover(site, alone=True)
    assert [entry.label for entry in trash.entries(site)] == before
    assert trash.entries(site)[0].name == "old"
    assert registered(site) == standing(site) == set()
    assert list(site.tree.staging.iterdir()) == []
    restore(site, name)
    assert registered(site) == standing(site) == {name}
    assert list(site.tree.trash.iterdir()) == []


def test_two_who_want_the_same_do_not_both_get_it(site: Site) -> None:
    create(site, "old")
    delete(site, "old")
    (entry,) = trash.entries(site)
    trash.restore(site, the_system(), entry, "first")
    with pytest.raises(TriviumError):
        trash.restore(site, the_system(), entry, "second")
    with pytest.raises(Invalid, match="any more"):
        trash.remove(site, the_system(), entry)
    assert registered(site) == standing(site) == {"first"}
    assert list(site.tree.staging.iterdir()) == []


def test_a_note_tells_how_things_were_when_the_repository_went(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody closes it between the note and the deletion."""
    create(site, "old")
    written = trash_notes.announced

    def meanwhile(site: Site, deletion: trash_notes.Announced) -> object:
        move = written(site, deletion)
        with site.store.write() as db:
            db.exec_driver_sql("UPDATE repository_grants SET level = 0")
        return move

    monkeypatch.setattr(trash_notes, "announced", meanwhile)
    delete(site, "old")
    (entry,) = trash.entries(site)
    assert entry.note is not None
    assert entry.note.permissions == [(1, None, 0)]


def fill(site: Site, name: str) -> int:
    """Give a repository something of everything that can hang on its row; returns its id."""
    with site.store.read() as db:
        found = repositories.find(db, the_system(), name, Level.ADMIN)
        root = accounts.find(db, "root")
    ada = accounts.create(site, the_system(), username="ada", email="ada@example.org")
    secret = site.ring.seal("me\npassword", "remote https://example.org/old")
    with site.store.write() as db:
        this_one = {"repository_id": found.id}
        parent = repositories.find(db, the_system(), "parent", Level.ADMIN).id
        db.execute(
            update(tables.repositories)
            .where(tables.repositories.c.id == found.id)
            .values(
                description="ünï", private=True, archived=True, landing_rev="branch:x", enable_downloads=True,
                enable_locking=True, enable_statistics=True, fork_of_id=parent, created_on="2001-02-03T04:05:06.789",
                clone_uri="https://me:*****@example.org/old", clone_secret=secret, owner_id=ada.id,
            )
        )  # fmt: skip
        rows: list[tuple[Any, dict[str, object]]] = [
            (tables.repository_fields, {"key": "k", "label": "l", "description": "d", "value": "v"}),
            (tables.repository_grants, {"object_id": found.id, "user_id": root.id, "level": 3}),
            (tables.repository_followers, {"user_id": ada.id}),
            (tables.visits, {"user_id": ada.id, "visited_on": "2003"}),
            (tables.repository_locks, {"user_id": ada.id, "locked_on": 5, "reason": "lock_api"}),
            (tables.former_names, {"name": "Before", "name_key": "before"}),
            (tables.repository_settings, {"key": "phases_publish", "value": '"False"'}),
            (
                tables.commit_checks,
                {
                    "raw_id": "ab",
                    "context": "ci",
                    "state": "success",
                    "url": "https://ci",
                    "description": "x",
                    "user_id": ada.id,
                    "updated_on": "2002",
                },
            ),
            (
                tables.changeset_comments,
                {
                    "id": 7,
                    "revision": "ab",
                    "user_id": ada.id,
                    "text": "",
                    "status": "approved",
                    "kind": "todo",
                    "created_on": "2001",
                    "path": "a",
                    "line": "n1",
                    "edited_on": "2002",
                    "deleted_on": "2003",
                },
            ),
            (
                tables.changeset_comments,
                {"id": 9, "revision": "ab", "user_id": root.id, "text": "done", "created_on": "2002", "resolves_id": 7},
            ),
            (tables.attachments, {"id": 3, "fid": "f", "user_id": ada.id, "name": "n", "size": 1, "created_on": "1"}),
            (tables.comment_attachments, {"comment_id": 9, "attachment_id": 3}),
            (tables.comment_texts, {"comment_id": 9, "text": "dome", "replaced_on": "2002"}),
            (
                tables.comment_drafts,
                {"user_id": ada.id, "revision": "ab", "text": "hm", "path": "a", "line": "o1", "created_on": "2002"},
            ),
        ]
        for table, values in rows:
            own = this_one if "repository_id" in table.c else {}
            db.execute(insert(table).values(**own, **values))
    return found.id


def everything(site: Site, repository_id: int) -> dict[str, list[dict[str, Any]]]:
    """All rows that hang on a repository, and its own, without ids that differ and moments of now."""
    renewed = {"id", "updated_on", "repository_id", "object_id", "history_state", "last_changeset"}
    seen: dict[str, list[dict[str, Any]]] = {}
    with site.store.read() as db:
        for table in tables.metadata.tables.values():
            of_it = {"repository_id", "object_id"} & set(table.c.keys())
            if table.name == "repositories":
                where = table.c.id == repository_id
            elif table.name in ("comment_attachments", "comment_texts"):
                where = table.c.comment_id.in_(
                    select(tables.changeset_comments.c.id).where(
                        tables.changeset_comments.c.repository_id == repository_id
                    )
                )
            elif of_it and table.name not in ("journal", "jobs", "repo_group_grants", "user_group_grants"):
                where = table.c[of_it.pop()] == repository_id
            else:
                continue
            left = renewed - ({"id", "updated_on"} if table.name in ("changeset_comments", "commit_checks") else set())
            rows = [dict(row._mapping) for row in db.execute(select(table).where(where).order_by(*table.primary_key))]
            seen[table.name] = [{key: value for key, value in row.items() if key not in left} for row in rows]
    return seen


def test_everything_that_hangs_on_a_repository_comes_back(site: Site) -> None:
    """A new table, or a new column, is brought back too; or it is said here why it is not."""
    create(site, "parent")
    create(site, "old")
    old = fill(site, "old")
    create(site, "child")
    with site.store.write() as db:
        child = repositories.find(db, the_system(), "child", Level.ADMIN).id
        db.execute(update(tables.repositories).where(tables.repositories.c.id == child).values(fork_of_id=old))
        found = repositories.find(db, the_system(), "old", Level.ADMIN)
    before = everything(site, old)
    changes.delete_repository(site, the_system(), found, "detach")
    assert not any(everything(site, old).values())
    (entry,) = trash.entries(site)
    assert trash.restore(site, the_system(), entry).left_out == ()
    with site.store.read() as db:
        back = repositories.find(db, the_system(), "old", Level.ADMIN)
        assert repositories.find(db, the_system(), "child", Level.ADMIN).fork_of_id == back.id
    after = everything(site, back.id)
    assert after == before
    assert back.id > old
    empty = {name for name, rows in before.items() if not rows}
    assert empty == set(), "what has no row here is not tried"
    reached = {
        table.name
        for table in tables.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name in ("repositories", "changeset_comments")
    }
    assert reached == set(before), "another table hangs on repositories: does the trash keep it?"
    assert list(site.tree.trash.iterdir()) == []
    assert opened_remote(site, "https://me:*****@example.org/old", after["repositories"][0]["clone_secret"]).password


def test_no_note_tells_a_secret(site: Site) -> None:
    create(site, "parent")
    create(site, "old")
    fill(site, "old")
    delete(site, "old")
    for note in site.tree.trash.glob("*.*"):
        if note.is_file():
            assert b"password" not in note.read_bytes()
            assert note.stat().st_mode & 0o077 == 0


def test_a_password_that_nobody_can_open_any_more_is_left_out_and_said(site: Site) -> None:
    create(site, "parent")
    create(site, "old")
    fill(site, "old")
    delete(site, "old")
    (entry,) = trash.entries(site)
    other = dataclasses.replace(site, ring=KeyRing(b"another secret of thirty-two bytes"))
    (said,) = trash.restore(other, the_system(), entry).left_out
    assert "secret.key" in said
    with site.store.read() as db:
        (row,) = db.execute(
            select(tables.repositories.c.clone_uri, tables.repositories.c.clone_secret).where(
                tables.repositories.c.name == "old"
            )
        )
    assert tuple(row) == ("https://me:*****@example.org/old", None)


@pytest.mark.parametrize("order", [["parent", "old"], ["old", "parent"]])
def test_what_was_deleted_with_its_forks_is_a_family_again(site: Site, order: list[str]) -> None:
    create(site, "parent")
    create(site, "old")
    fill(site, "old")
    for _ in range(2):  # the second time under later ids
        with site.store.read() as db:
            found = repositories.find(db, the_system(), "parent", Level.ADMIN)
        changes.delete_repository(site, the_system(), found, "delete")
        left = [
            trash.restore(site, the_system(), entry).left_out
            for name in order
            for entry in trash.entries(site)
            if entry.name == name
        ]
        assert left == ([(), ()] if order[0] == "parent" else [("what it was a fork of: that is gone",), ()])
        with site.store.read() as db:
            assert repositories.find(db, the_system(), "old", Level.ADMIN).fork_of == "parent"


def test_nobody_becomes_a_fork_of_their_own_fork(site: Site) -> None:
    for name in ("parent", "old", "child"):
        create(site, name)
    fill(site, "old")

    def adopt(name: str, parent: str) -> None:
        with site.store.write() as db:
            ids = [repositories.find(db, the_system(), one, Level.ADMIN).id for one in (name, parent)]
            table = tables.repositories
            db.execute(update(table).where(table.c.id == ids[0]).values(fork_of_id=ids[1]))

    adopt("child", "old")
    with site.store.read() as db:
        found = repositories.find(db, the_system(), "old", Level.ADMIN)
    changes.delete_repository(site, the_system(), found, "detach")
    adopt("parent", "child")
    (entry,) = trash.entries(site)
    trash.restore(site, the_system(), entry)
    with site.store.read() as db:
        assert repositories.find(db, the_system(), "old", Level.ADMIN).fork_of == "parent"
        assert repositories.find(db, the_system(), "child", Level.ADMIN).fork_of is None


@pytest.mark.parametrize("damage", ["missing", "short", "nonsense"])
def test_comments_that_cannot_be_read_are_left_out_and_said(site: Site, damage: str) -> None:
    create(site, "parent")
    create(site, "old")
    fill(site, "old")
    delete(site, "old")
    (file,) = site.tree.trash.glob("*.said")
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"".join(lines[:-1] + ([b"{\n"] if damage == "nonsense" else [])))
    (entry,) = trash.entries(site)
    (said,) = trash.restore(site, the_system(), entry).left_out
    assert said.startswith("its comments and statuses: ")
    with site.store.read() as db:
        assert db.execute(select(tables.changeset_comments.c.id)).all() == []


def test_a_comment_whose_id_somebody_has_gets_another(site: Site) -> None:
    """The database was set back, and went on."""
    create(site, "parent")
    create(site, "old")
    fill(site, "old")
    delete(site, "old")
    (entry,) = trash.entries(site)
    with site.store.write() as db:
        parent = repositories.find(db, the_system(), "parent", Level.ADMIN).id
        values = {"repository_id": parent, "revision": "cd", "text": "mine", "created_on": "2010"}
        db.execute(insert(tables.changeset_comments).values(id=7, **values))
    assert trash.restore(site, the_system(), entry).left_out == ()
    with site.store.read() as db:
        columns = tables.changeset_comments.c
        rows = db.execute(select(columns.id, columns.text, columns.resolves_id).order_by(columns.id)).all()
    assert [tuple(row) for row in rows] == [(7, "mine", None), (9, "done", 10), (10, "", None)]


def test_who_is_killed_keeps_what_was_said(settings: Settings, site: Site) -> None:
    create(site, "parent")
    create(site, "old")
    old = fill(site, "old")
    before = everything(site, old)
    killed_before_commit(settings, lambda dying: delete(dying, "old"))
    recovery.recover(site, alone=True)
    assert everything(site, old) == before
    # Whoever was about to delete it may only be slow.
    notes = list(site.tree.trash.iterdir())
    assert notes
    for note in notes:
        os.utime(note, (0, 0))
    recovery.recover(site, alone=True)
    assert list(site.tree.trash.iterdir()) == []
    delete(site, "old")
    killed_before_commit(settings, lambda dying: restore(dying, "old"))
    recovery.recover(site, alone=True)
    restore(site, "old")
    with site.store.read() as db:
        back = repositories.find(db, the_system(), "old", Level.ADMIN).id
    assert everything(site, back) == before
    assert list(site.tree.trash.iterdir()) == []


def test_who_owns_as_many_as_they_may_gets_no_more_from_the_trash(site: Site) -> None:
    create(site, "parent")
    create(site, "old")
    fill(site, "old")
    delete(site, "old")
    (entry,) = trash.entries(site)
    with site.store.read() as db:
        ada, root = accounts.find(db, "ada"), accounts.find(db, "root")
    creation.create(site, ada.as_caller("127.0.0.1"), CreationRequest(name="mine", kind="git"))
    narrow = dataclasses.replace(site, settings=dataclasses.replace(site.settings, max_repos_per_user=1))
    with pytest.raises(Invalid, match="max_repos_per_user"):
        trash.restore(narrow, the_system(), entry)
    assert [one.label for one in trash.entries(site)] == [entry.label]
    assert trash.restore(narrow, the_system(), entry, owner=root).left_out == ()


def test_an_older_note_brings_back_what_it_tells_and_says_what_it_does_not(site: Site) -> None:
    create(site, "old")
    delete(site, "old")
    (file,) = site.tree.trash.glob("*.json")
    note = json.loads(file.read_bytes())
    file.write_text(json.dumps({key: value for key, value in note.items() if key in list(note)[:14]}))
    (entry,) = trash.entries(site)
    assert entry.note is not None
    assert (entry.note.permissions, entry.note.said) == ([(1, None, 1)], None)
    (said,) = trash.restore(site, the_system(), entry).left_out
    assert "an earlier version deleted it" in said
    with site.store.read() as db:
        assert repositories.find(db, anonymous("127.0.0.1"), "old", Level.READ).owner == "root"
