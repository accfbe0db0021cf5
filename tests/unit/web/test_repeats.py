# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser that has a page already is told so by one look, for as long as nothing has changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, delete, insert, update

from tests.support import gits, rows
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller, the_system
from trivium.forge.grants import global_permissions
from trivium.forge.site import Site
from trivium.store.tables import changeset_comments, repositories, repository_grants, repository_locks, sessions


@pytest.fixture
def raw_id(site: Site, ada: Caller) -> str:
    """The commit of a repository that visitors may read."""
    with site.store.write() as db:
        rows.repository(db, "tool", ada)
    return gits.history(site.tree.path_of("tool"), {"a.txt": "one\n"})[-1]


@pytest.fixture
def visitor(site: Site, doorway: Doorway) -> Visitor:
    global_permissions.set_anonymous_access(site, the_system(), True)
    return doorway.visitor()


def tag_of(visitor: Visitor, address: str) -> str:
    """The tag of a page that has been asked for twice: it is at hand then."""
    visitor.get(address)
    return visitor.get(address).headers["etag"]


@pytest.mark.parametrize("page", ["files/{}/a.txt", "raw/{}/a.txt", "changeset/{}", "changelog", "feed/atom", ""])
def test_the_same_again_is_told_by_short_statements(doorway: Doorway, visitor: Visitor, raw_id: str, page: str) -> None:
    address = f"/tool/{page.format(raw_id)}".rstrip("/")
    tag = tag_of(visitor, address)
    first = visitor.get(address, If_None_Match=tag)
    with doorway.statements() as said:
        again = visitor.get(address, If_None_Match=tag)
    assert (first.status, again.status) == (304, 304)
    assert again.headers == first.headers
    assert not again.body
    assert 1 <= len(said) <= 3
    # Whoever asks otherwise is not told what somebody else was told.
    assert visitor.get(address, If_None_Match=tag, Accept_Language="de").status in (200, 304)
    assert visitor.get(address, If_None_Match='"another"').status == 200
    assert visitor.get(address).status == 200


def _revoked(db: Connection, number: int) -> None:
    db.execute(delete(repository_grants).where(repository_grants.c.object_id == number))


def _pushed(db: Connection, number: int) -> None:
    moment = "2030-01-01T00:00:00.000"
    db.execute(update(repositories).where(repositories.c.id == number).values(updated_on=moment))


@pytest.mark.parametrize(("change", "status"), [(_revoked, 302), (_pushed, 200)])
def test_a_change_counts_for_the_next_request(
    site: Site, visitor: Visitor, raw_id: str, change: Callable[[Connection, int], None], status: int
) -> None:
    address = "/tool/changelog"
    tag = tag_of(visitor, address)
    for _ in range(2):
        assert visitor.get(address, If_None_Match=tag).status == 304
    with site.store.write(access_unchanged=change is _pushed) as db:
        change(db, number_of(db))
    assert visitor.get(address, If_None_Match=tag).status == status


def test_what_is_said_meanwhile_counts(site: Site, ada: Caller, visitor: Visitor, raw_id: str) -> None:
    """No state of the repository tells of a comment: what the view asked is asked again."""
    address = f"/tool/changeset/{raw_id}"
    tag = tag_of(visitor, address)
    for _ in range(2):
        assert visitor.get(address, If_None_Match=tag).status == 304
    with site.store.write(access_unchanged=True) as db:
        said = {"user_id": ada.user_id, "text": "Seen", "created_on": rows.WHEN}
        db.execute(insert(changeset_comments).values(repository_id=number_of(db), revision=raw_id, **said))
    assert visitor.get(address, If_None_Match=tag).status == 200


def test_who_has_signed_in_is_looked_up(ada: Caller, site: Site, doorway: Doorway, raw_id: str) -> None:
    visitor = doorway.visitor(ada)
    address = f"/tool/files/{raw_id}/a.txt"
    tag = tag_of(visitor, address)
    for _ in range(2):
        assert visitor.get(address, If_None_Match=tag).status == 304
    with site.store.write() as db:
        db.execute(delete(sessions))
    assert visitor.get(address, If_None_Match=tag).status == 302


def number_of(db: Connection) -> int:
    return int(db.execute(repositories.select().where(repositories.c.name == "tool")).one().id)


def _locked(db: Connection, number: int) -> None:
    holder = db.execute(repositories.select().where(repositories.c.id == number)).one().owner_id
    values = {"repository_id": number, "user_id": holder, "locked_on": 1, "reason": "web"}
    db.execute(insert(repository_locks).values(**values))


@pytest.mark.parametrize("change", [_pushed, _locked, _revoked])
def test_the_first_page_rests_on_what_moved_in_its_list(
    site: Site, doorway: Doorway, visitor: Visitor, raw_id: str, change: Callable[[Connection, int], None]
) -> None:
    visitor.get("/")
    tag = tag_of(visitor, "/")
    assert visitor.get("/", If_None_Match=tag).status == 304
    with doorway.statements() as said:
        assert visitor.get("/", If_None_Match=tag).status == 304
    assert 1 <= len(said) <= 2
    assert not any("repository_grants" in one for one in said), "to decide about each row is what a list costs"
    with site.store.write(access_unchanged=change is not _revoked) as db:
        change(db, number_of(db))
    changed = visitor.get("/", If_None_Match=tag)
    assert changed.status == 200
    assert (change is not _revoked) == ("tool" in changed.page.text)
    again = visitor.get("/")
    assert again.body == changed.body
