# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of pages tells what happens to those who may read where it happens, and no more than they may know."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, insert

from tests.support import rows
from trivium.access.caller import Caller, anonymous
from trivium.access.levels import Level
from trivium.errors import Forbidden, Invalid, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.events import journal, reading
from trivium.forge.events.accounts import UserDeleted
from trivium.forge.events.moves import Pulled, Pushed
from trivium.forge.events.permissions import PermissionGranted
from trivium.forge.events.reading import Changed, JournalPage, Made, Moved, Said
from trivium.forge.events.repositories import RepositoryChanged, RepositoryCreated
from trivium.forge.events.reviews import Commented
from trivium.forge.repositories import followers, profiles
from trivium.forge.site import Site
from trivium.store import tables

HERE = "192.0.2.1"


def push(db: Any, who: Caller, repository_id: int, name: str, count: int = 1) -> None:
    refs = [(f"refs/heads/{number}", "0" * 40, "1" * 40) for number in range(count)]
    journal.record(db, who, Pushed(subject=name, repository_id=repository_id, refs=refs))


def followed(site: Site, who: Caller, **given: Any) -> JournalPage:
    with site.store.read() as db:
        return reading.followed(db, who, **given)


def follow(site: Site, who: Caller, *repositories: int) -> None:
    with site.store.write() as db:
        for repository_id in repositories:
            values = {"repository_id": repository_id, "user_id": who.user_id}
            db.execute(insert(tables.repository_followers).values(**values))


def test_one_reads_what_happens_in_what_one_follows_and_may_read(site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        one, two, shut = (rows.repository(db, name, ada) for name in ("one", "two", "shut"))
        for repository_id, name in ((one, "one"), (two, "two"), (shut, "shut")):
            push(db, ada, repository_id, name)
    follow(site, ben, one, shut)
    assert [entry.repository for entry in followed(site, ben).entries] == ["shut", "one"]
    assert followed(site, ada).entries == []
    with site.store.write() as db:
        rows.grant(db, tables.repository_grants, shut, ben.user_id, Level.NONE)
    assert [entry.repository for entry in followed(site, ben).entries] == ["one"]
    # Whoever follows a user reads what they do where the reader may look, once.
    assert followers.toggle_following(site, ben, user_id=ada.user_id)
    assert [entry.repository for entry in followed(site, ben).entries] == ["two", "one"]
    assert not followers.toggle_following(site, ben, user_id=ada.user_id)
    assert [entry.repository for entry in followed(site, ben).entries] == ["one"]


def test_visitors_read_what_was_made_public(site: Site, ada: Caller, ben: Caller) -> None:
    visitor = anonymous(HERE)
    with site.store.write() as db:
        one, shut = rows.repository(db, "one", ada), rows.repository(db, "shut", ada, default=Level.NONE)
        push(db, ben, one, "one")
        push(db, ada, shut, "shut")
    assert followed(site, visitor).entries == []
    for repository_id in (one, shut):
        with pytest.raises(NotFound):
            followers.set_public_journal(site, ben, repository_id, shown=True)
        followers.set_public_journal(site, ada, repository_id, shown=True)
        followers.set_public_journal(site, ada, repository_id, shown=True)
    (entry,) = followed(site, visitor).entries
    assert (entry.repository, entry.username, entry.action, entry.kind) == ("one", "ben", "push", "git")
    followers.set_public_journal(site, ada, one, shown=False)
    assert followed(site, visitor).entries == []


def test_the_journal_is_read_by_the_page_without_gaps(site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        repositories = [rows.repository(db, f"r{number}", ada) for number in range(3)]
        for number in range(23):
            push(db, ada, repositories[number % 3], f"r{number % 3}")
            journal.record(db, ada, Pulled(subject="r0", repository_id=repositories[0]))
    follow(site, ben, *repositories)
    everything = followed(site, ben, limit=100)
    assert len(everything.entries) == 23 and everything.older is None
    assert followers.toggle_following(site, ben, user_id=ada.user_id)
    found, after = [], ""
    for _ in range(8):
        page = followed(site, ben, after=after, limit=3)
        found += page.entries
        after = page.older or ""
    assert found == everything.entries and after == ""
    for key in ("x", "-1", "9" * 10, "9" * 40, "\u0663", "\0"):
        assert followed(site, ben, after=key, limit=3) == followed(site, ben, limit=3)


def test_what_is_hidden_takes_no_place_on_a_page(site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        one, shut = rows.repository(db, "one", ada), rows.repository(db, "shut", ada, default=Level.NONE)
        push(db, ada, one, "one")
        for _ in range(4):
            push(db, ada, shut, "shut")
    followers.toggle_following(site, ben, user_id=ada.user_id)
    assert [entry.repository for entry in followed(site, ben, limit=2).entries] == ["one"]


def test_what_is_told_names_nothing_that_is_hidden(site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        one = rows.repository(db, "one", ada)
        about: dict[str, Any] = {"subject": "secret/former", "repository_id": one}
        for event in (
            RepositoryCreated(**about, kind="git", private=False, owner="ada", fork_of="secret/parent", imported=False),
            RepositoryChanged(
                **about, changes={"name": "one", "clone_uri": "https://secret"}, was={"name": "secret/x"}
            ),
            PermissionGranted(
                **about, scope="repository", whom="secret", of_group=False, level="read", recursion="", was={}
            ),
            Commented(**about, revision="ab" * 20, author="secret", status="approved"),
            UserDeleted(subject="secret", user_id=7),
        ):
            journal.record(db, ada, event)
        push(db, ada, one, "secret/former", count=25)
        db.execute(insert(tables.journal).values(
            at=rows.WHEN, user_id=None, username="gone", address="", action="push", subject="secret", repository_id=one,
            detail='{"refs": 7, "secret": 1}',
        ))  # fmt: skip
    with site.store.read() as db:
        page = reading.of_repository(db, ben, one)
    assert [(entry.action, entry.details) for entry in page.entries] == [
        ("push", None),
        ("push", Moved(tuple((f"refs/heads/{number}", "0" * 40, "1" * 40) for number in range(20)), 5)),
        ("changeset.comment", Said("ab" * 20, "approved")),
        ("repository.update", Changed(("clone_uri", "name"))),
        ("repository.create", Made(fork=True, imported=False)),
    ]
    assert "secret" not in str(page) and page.entries[0].username == "gone" and page.entries[0].user_id is None


def test_an_account_is_called_as_it_is_now(site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        one = rows.repository(db, "one", ada)
        push(db, ben, one, "one")
    root = rows.user(site, "super", admin=True)
    with site.store.read() as db:
        found = accounts.by_id(db, ben.user_id)
    accounts.update_account(site, root, found, accounts.UserChanges(username="benno"))
    with site.store.read() as db:
        assert [entry.username for entry in reading.of_user(db, ada, ben.user_id).entries] == ["benno"]
        assert [entry.username for entry in reading.of_user(db, ben, ada.user_id).entries] == []
    accounts.delete_account(site, root, found)
    with site.store.read() as db:
        (entry,) = reading.of_repository(db, ada, one).entries
    assert (entry.username, entry.user_id) == ("ben", None)


@pytest.mark.sqlite_only  # the plans are those of SQLite
def test_no_row_of_others_is_read_for_a_page(site: Site, ada: Caller) -> None:
    said: list[str] = []
    with site.store.glance() as db:
        driver: Any = db.connection.dbapi_connection
        driver.set_trace_callback(said.append)
        reading.followed(db, ada)
        reading.of_repository(db, ada, 1)
        reading.of_user(db, ada, 1)
        driver.set_trace_callback(None)
        assert len(said) == 3
        plans = [[row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")] for statement in said]
    assert not [step for plan in plans for step in plan if step.startswith("SCAN")]
    assert any("of_repository USING INDEX ix_journal_repository_told" in step for step in plans[0])
    assert any("of_user USING INDEX ix_journal_user_told" in step for step in plans[0])
    assert any("ix_journal_repository_told" in step for step in plans[1])
    assert any("ix_journal_user_told" in step for step in plans[2])


def test_one_follows_what_one_may_know_of(site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        one, shut = rows.repository(db, "one", ada), rows.repository(db, "shut", ada, default=Level.NONE)
    assert followers.toggle_following(site, ben, repository_id=one)
    with site.store.read() as db:
        assert followers.follows(db, ben, one) and not followers.follows(db, ada, one)
        assert [one.username for one in followers.followers(db, ada, one).rows] == ["ben"]
        assert followers.counts(db, ben, one) == followers.Counts(0, 1)
        assert not followers.follows(db, anonymous(HERE), one)
    assert not followers.toggle_following(site, ben, repository_id=one)
    wrong: list[tuple[Caller, dict[str, int], type[Exception]]] = [
        (ben, {"repository_id": shut}, NotFound),
        (ben, {"repository_id": 10**30}, NotFound),
        (ben, {"user_id": 10**30}, NotFound),
        (ben, {"user_id": tables.DEFAULT_USER_ID}, NotFound),
        (ben, {"user_id": ben.user_id}, Invalid),
        (ben, {}, Invalid),
        (ben, {"user_id": ada.user_id, "repository_id": one}, Invalid),
        (anonymous(HERE), {"repository_id": one}, Forbidden),
    ]
    for who, given, error in wrong:
        with pytest.raises(error):
            followers.toggle_following(site, who, **given)
    with site.store.read() as db:
        assert followers.counts(db, ada, one).followers == 0


def test_followers_are_listed_by_the_page(site: Site, ada: Caller) -> None:
    people = [rows.user(site, f"u{number}") for number in range(5)]
    with site.store.write() as db:
        one = rows.repository(db, "one", ada)
        for number, who in enumerate(people):
            db.execute(insert(tables.repository_followers).values(repository_id=one, user_id=who.user_id))
            rows.repository(db, f"f{number}", who, fork_of_id=one, default=Level.READ if number else Level.NONE)
    with site.store.read() as db:
        found, after = [], ""
        for _ in range(3):
            page = followers.followers(db, ada, one, after=after, limit=2)
            found += [one.username for one in page.rows]
            after = page.older or ""
        assert found == ["u0", "u1", "u2", "u3", "u4"] and after == ""
        assert followers.counts(db, ada, one) == followers.Counts(4, 5)


def test_a_profile_shows_strangers_what_they_may_see(site: Site, ada: Caller, ben: Caller) -> None:
    root = rows.user(site, "super", admin=True)
    with site.store.write() as db:
        one, shut = rows.repository(db, "one", ada), rows.repository(db, "shut", ada, default=Level.NONE)
        push(db, ada, one, "one")
        push(db, ada, shut, "shut")
    followers.toggle_following(site, ben, user_id=ada.user_id)
    with site.store.read() as db:
        seen = profiles.profile(db, ben, "ada")
        assert (seen.email, seen.last_login, seen.last_activity, seen.followed) == (None, None, None, True)
        assert [one.name for one in seen.repositories.rows] == [one.repository for one in seen.acts.entries] == ["one"]
        for who in (ada, root):
            own = profiles.profile(db, who, "ada")
            assert own.email == "ada@example.org" and not own.followed and own.themselves is (who is ada)
            assert len(own.repositories.rows) == len(own.acts.entries) == 2
        for wrong in ("nobody", "default", "ADA", "\0", "\udcff", "x" * 10**6):
            with pytest.raises(NotFound):
                profiles.profile(db, ben, wrong)
        with pytest.raises(Forbidden):
            profiles.profile(db, anonymous(HERE), "ada")


def test_rows_of_a_deleted_repository_are_told_to_nobody(site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        one = rows.repository(db, "one", ada)
        push(db, ada, one, "one")
        db.execute(delete(tables.repositories).where(tables.repositories.c.id == one))
    with site.store.read() as db:
        assert reading.of_user(db, ada, ada.user_id).entries == []
