# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of addresses counts as long as nothing has changed that it rests on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, delete, insert, update

from tests.support import rows
from trivium.access.caller import Caller
from trivium.forge.repositories import finding
from trivium.forge.repositories.state import Present, present_of
from trivium.forge.site import Site
from trivium.store.tables import repositories, repository_grants, repository_locks
from trivium.web.ways import Way, Ways

_NAME = ("team", "tool")


def remembered(site: Site, caller: Caller) -> tuple[Ways, int]:
    """A repository `team/tool`, and a memory that knows it."""
    ways = Ways()
    with site.store.write() as db:
        number = rows.repository(db, "team/tool", caller)
    with site.store.read() as db:
        found = finding.by_id(db, caller, number)
        ways.led(_NAME, found)
        present = present_of(db, number)
        assert present is not None
        ways.remember("whose", _NAME, Way(present, caller, found, len(_NAME)))
    return ways, number


def known(site: Site, ways: Ways) -> Way | None:
    with site.store.read() as db:
        led = ways.present(db, (*_NAME, "files", "master"))
    if led is None:
        return None
    name, present = led
    assert name == _NAME
    return ways.known("whose", name, present)


def test_what_has_not_changed_is_known(site: Site) -> None:
    ways, number = remembered(site, the_owner(site))
    found = known(site, ways)
    assert found is not None
    assert found.repository.id == number
    with site.store.read() as db:
        assert ways.present(db, ("team",)) is None
        assert ways.present(db, ("other", "tool")) is None


def test_nobody_is_told_what_was_found_out_for_somebody_else(site: Site) -> None:
    ways, number = remembered(site, the_owner(site))
    with site.store.read() as db:
        present = present_of(db, number)
    assert present is not None
    assert ways.known("another", _NAME, present) is None


def _revoked(db: Connection, number: int) -> None:
    db.execute(delete(repository_grants).where(repository_grants.c.object_id == number))


def _described(db: Connection, number: int) -> None:
    db.execute(update(repositories).where(repositories.c.id == number).values(description="otherwise"))


@pytest.mark.parametrize("change", [_revoked, _described])
def test_a_change_of_rights_or_settings_counts_at_once(site: Site, change: Callable[[Connection, int], None]) -> None:
    ways, number = remembered(site, the_owner(site))
    with site.store.write() as db:
        change(db, number)
    assert known(site, ways) is None


@pytest.mark.parametrize(
    "values", [{"updated_on": "2030-01-01T00:00:00.000"}, {"history_state": "later"}, {"last_changeset": "{}"}]
)
def test_a_push_counts_at_once(site: Site, values: dict[str, str]) -> None:
    ways, number = remembered(site, the_owner(site))
    with site.store.write(access_unchanged=True) as db:
        db.execute(update(repositories).where(repositories.c.id == number).values(**values))
    assert known(site, ways) is None


def test_a_lock_counts_at_once(site: Site) -> None:
    owner = the_owner(site)
    ways, number = remembered(site, owner)
    with site.store.write(access_unchanged=True) as db:
        db.execute(
            insert(repository_locks).values(repository_id=number, user_id=owner.user_id, locked_on=1, reason="lock_web")
        )
    assert known(site, ways) is None


def test_a_repository_that_is_gone_is_not_known(site: Site) -> None:
    ways, number = remembered(site, the_owner(site))
    with site.store.write(access_unchanged=True) as db:
        db.execute(delete(repository_grants).where(repository_grants.c.object_id == number))
        db.execute(delete(repositories).where(repositories.c.id == number))
    assert known(site, ways) is None


def test_the_moment_is_that_of_the_state(site: Site) -> None:
    caller = the_owner(site)
    with site.store.write() as db:
        number = rows.repository(db, "tool", caller, history_state="s", updated_on="2024-05-05T00:00:00.000")
    with site.store.read() as db:
        found = finding.by_id(db, caller, number)
        present = present_of(db, number)
        assert present is not None
        moment = Way(present, caller, found, 1).moment
    assert moment is not None
    assert (moment.name, moment.state, moment.since) == ("tool", "s", "2024-05-05T00:00:00.000")
    unknown = Present(*present)._replace(history_state="")
    assert Way(unknown, caller, found, 1).moment is None


def the_owner(site: Site) -> Caller:
    return rows.user(site, "ada")
