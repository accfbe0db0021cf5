# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told of what on their pages: once, in order, and only of what they may see by then (system.md 6.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support import rows
from tests.support.delivered import deliver
from tests.support.doors import Doorway
from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.errors import NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.events import journal, outbox
from trivium.forge.events.accounts import UserRegistered
from trivium.forge.events.outbox import Recorded
from trivium.forge.history.reading import History
from trivium.forge.notifications import changes, listing, writing
from trivium.forge.notifications.listing import Notification
from trivium.forge.repositories import finding
from trivium.forge.reviews import comment_changes, comments, drafts, review
from trivium.forge.site import Site
from trivium.store import tables
from trivium.vcs.values import Changeset

COMMIT = "ab" * 20


@pytest.fixture
def telling(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    found = Changeset(COMMIT, COMMIT[:12], 0, "Nobody", "2026-01-01T00:00:00", "m", (), None)
    monkeypatch.setattr(History, "read", lambda *_: (found,))
    outbox.begin(site, [writing.NAME])
    return site


@pytest.fixture
def team(telling: Site, ada: Caller, ben: Caller) -> int:
    with telling.store.write() as db:
        made = rows.repository(db, "team", ada, default=Level.NONE)
        rows.grant(db, tables.repository_grants, made, ben.user_id, Level.READ)
        return made


def say(site: Site, who: Caller, text: str, repository_id: int, **more: Any) -> int:
    with site.store.read() as db:
        repository = finding.find(db, who, repository_id, Level.READ)
        author = accounts.by_id(db, who.user_id)
    return comments.comment(site, who, repository, COMMIT, author, text, **more)


def with_settings(site: Site, **settings: Any) -> Site:
    return replace(site, settings=replace(site.settings, **settings))


def told(site: Site, who: Caller) -> list[Notification]:
    with site.store.read() as db:
        return list(listing.page(db, who).rows)


def kinds(found: Iterable[Notification]) -> list[tuple[str, str, bool]]:
    return [(one.kind, one.excerpt, one.read) for one in found]


def test_each_is_told_once_and_in_order_whatever_is_delivered_twice(
    telling: Site, team: int, ada: Caller, ben: Caller
) -> None:
    site, heard = telling, writing.subscriber(telling)
    say(site, ben, "first", team)
    say(site, ada, "second, @ben", team, mail=False)
    say(site, ben, "third", team)
    again: list[Recorded] = []
    deliver(site, heard)
    with site.store.read() as db:
        again = outbox.following(db, outbox.Position(0, 0), outbox.end(db), heard.actions, most=10)
    for event in again:
        writing.hear(site, event)
    # Ben's first comment was on a commit by nobody known, before anybody else took part.
    assert kinds(told(site, ada)) == [("cs_comment", "third", False)]
    assert kinds(told(site, ben)) == [("mention", "second, @ben", False)]


def test_a_kill_before_the_commit_leaves_nothing_and_the_next_try_all(
    telling: Site, team: int, ada: Caller, ben: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dies(*_: object, **__: object) -> None:
        raise Killed

    say(telling, ada, "@ben", team)
    with monkeypatch.context() as killed:
        killed.setattr(writing, "insert", dies)
        with pytest.raises(Killed):
            deliver(telling, writing.subscriber(telling))
    assert told(telling, ben) == []
    deliver(telling, writing.subscriber(telling))
    assert kinds(told(telling, ben)) == [("mention", "@ben", False)]


def test_nobody_is_shown_what_they_may_not_see_any_more(telling: Site, team: int, ada: Caller, ben: Caller) -> None:
    site = telling
    kept, gone = say(site, ada, "@ben, this stays", team), say(site, ada, "@ben, this goes", team)
    deliver(site, writing.subscriber(site))
    (_, one) = told(site, ben)
    comment_changes.remove(site, ada, gone)
    assert [found.comment_id for found in told(site, ben)] == [kept]
    for other in (ada, rows.user(site, "super", admin=True)):
        with site.store.read() as db, pytest.raises(NotFound):
            listing.find(db, other, str(one.id))
    with site.store.write() as db:
        db.execute(tables.repository_grants.delete())
    with site.store.read() as db:
        page = listing.page(db, ben)
        assert (list(page.rows), page.hidden) == ([], 1)
        with pytest.raises(NotFound):
            listing.find(db, ben, str(one.id))
    changes.mark_all_read(site, ben, listing.ALL)
    with site.store.read() as db:
        assert listing.page(db, ben).hidden == 0
    # Whoever lost the right before the event was delivered is not told at all.
    say(site, ada, "@ben, again", team)
    deliver(site, writing.subscriber(site))
    with site.store.read() as db:
        assert listing.page(db, ben).hidden == 0


def test_super_admins_hear_of_registrations_while_they_are(telling: Site, ada: Caller) -> None:
    site = telling
    root = rows.user(site, "super", admin=True)
    with site.store.write() as db:
        journal.record(db, the_system(), UserRegistered(subject="newcomer", user_id=9, active=False))
    deliver(site, writing.subscriber(site))
    assert [(one.kind, one.username) for one in told(site, root)] == [("registration", "newcomer")]
    assert told(site, ada) == []
    with site.store.write() as db:
        db.execute(tables.users.update().where(tables.users.c.id == root.user_id).values(admin=False))
    assert told(site, Caller(root.user_id, "super", super_admin=False, inherits=True, address="")) == []


def test_unread_ones_stand_first_and_pages_go_on_by_key(telling: Site, team: int, ada: Caller, ben: Caller) -> None:
    site = telling
    for number in range(5):
        say(site, ada, f"@ben {number}", team)
    deliver(site, writing.subscriber(site))
    first = told(site, ben)
    changes.mark_read(site, ben, first[0])
    seen, after = [], ""
    while True:
        with site.store.read() as db:
            page = listing.page(db, ben, after=after, limit=2)
        seen += [(one.excerpt[-1], one.read) for one in page.rows]
        if page.older is None:
            break
        after = page.older
    assert seen == [("3", False), ("2", False), ("1", False), ("0", False), ("4", True)]
    changes.mark_read(site, ben, first[0], read=False)
    changes.mark_all_read(site, ben, first[2].id)
    assert [one.read for one in told(site, ben)] == [False, False, True, True, True]
    changes.delete(site, ben, first[1])
    assert len(told(site, ben)) == 4


def test_old_ones_go_and_of_very_many_the_newest_stay(telling: Site, team: int, ada: Caller, ben: Caller) -> None:
    for number in range(5):
        say(telling, ada, f"@ben {number}", team)
    deliver(telling, writing.subscriber(telling))
    assert changes.forget_old(telling, lambda: None) == 0
    few = with_settings(telling, max_notifications=3)
    assert changes.forget_old(few, lambda: None) == 2
    assert [one.excerpt[-1] for one in told(telling, ben)] == ["4", "3", "2"]
    table = tables.notifications
    with telling.store.write() as db:
        oldest = select(func.min(table.c.id)).scalar_subquery()
        db.execute(table.update().where(table.c.id == oldest).values(at="2001-01-01T00:00:00.000"))
    assert changes.forget_old(with_settings(telling, keep_notifications_days=0), lambda: None) == 0
    assert changes.forget_old(telling, lambda: None) == 1
    assert [one.excerpt[-1] for one in told(telling, ben)] == ["4", "3"]


@pytest.mark.sqlite_only  # the statements are counted in its driver
def test_the_count_comes_with_the_session(telling: Site, team: int, ada: Caller, ben: Caller) -> None:
    doorway = Doorway(telling)
    visitor = doorway.visitor(ben)
    say(telling, ada, "@ben", team)
    deliver(telling, writing.subscriber(telling))
    visitor.get("/_admin/gists")
    with doorway.statements() as said:
        page = visitor.get("/_admin/gists").page
    assert "1 unread notification" in [one.get("aria-label") for one in page.all("a")]
    assert len([one for one in said if "notifications" in one]) == 1 and len(said) <= 4
    shown = visitor.get("/_admin/notifications").page
    assert "has mentioned you" in shown.text
    (one,) = told(telling, ben)
    address = f"/_admin/notifications/{one.id}"
    assert visitor.get(address).status == 200 and doorway.visitor(ada).get(address).status == 404
    assert visitor.post(address, token=False, _method="DELETE").status == 403
    assert (
        visitor.post(address, _method="PUT", follow="1").location
        == f"/team/changeset/{COMMIT}#comment-{one.comment_id}"
    )
    assert visitor.post("/_admin/notifications/mark_all_read", newest="x").status == 302
    assert "0 unread notifications" in [one.get("aria-label") for one in visitor.get("/_admin/gists").page.all("a")]
    doorway.close()


def test_drafts_are_sent_once(telling: Site, team: int, ada: Caller, ben: Caller) -> None:
    site = telling
    with site.store.read() as db:
        repository = finding.find(db, ben, team, Level.READ)
    for text in ("one", "two"):
        drafts.keep(site, ben, repository, COMMIT, text, None)
    with site.store.read() as db:
        assert drafts.drafts(db, ada, repository, COMMIT) == []
        assert [one.text for one in drafts.drafts(db, ben, repository, COMMIT)] == ["one", "two"]
    review.send(site, ben, repository, COMMIT, "@ada in all", "approved")
    with pytest.raises(Exception, match="says something"):
        review.send(site, ben, repository, COMMIT)
    deliver(site, writing.subscriber(site))
    assert [(one.kind, one.excerpt) for one in told(site, ada)] == [("mention", "one")]
    with site.store.read() as db:
        found = comments.comments(db, repository, limit=9, most_bytes=999)
    assert [(one.text, one.status) for one in found] == [("one", None), ("two", None), ("@ada in all", "approved")]
