# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of the pages: one statement knows them, and whatever changes the account ends them (security.md S-21)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support.rows import at_a_glance
from trivium.access.caller import anonymous, the_system
from trivium.access.credentials import Authenticator, CredentialsRefused, Reason
from trivium.access.keys import Role
from trivium.access.throttle import Throttle
from trivium.errors import Invalid, WouldWait
from trivium.forge.accounts import allowed_addresses, preferences, sessions, tokens
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.accounts.sessions import NewSession
from trivium.forge.accounts.users import User, UserChanges
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.store import tables

HERE = "192.0.2.1"
PASSWORD = "ada's own password"


@pytest.fixture
def authenticator(site: Site) -> Authenticator:
    return Authenticator(
        site.store, site.ring, Throttle(account_failures=3, address_failures=100, first_wait=60), journal_failure
    )


@pytest.fixture
def ada(site: Site) -> User:
    return accounts.create(site, the_system(), username="ada", email="ada@example.org", password=PASSWORD)


def enter(site: Site, authenticator: Authenticator, **given: Any) -> NewSession:
    return sessions.sign_in(site, authenticator, **({"username": "ada", "password": PASSWORD, "address": HERE} | given))


def refused(site: Site, authenticator: Authenticator, **given: Any) -> CredentialsRefused:
    with pytest.raises(CredentialsRefused) as error:
        enter(site, authenticator, **given)
    return error.value


def is_in(site: Site, *made: NewSession) -> list[bool]:
    return [sessions.session_of(site, one.cookie, HERE) is not None for one in made]


def began(site: Site, made: NewSession, *, ago: int, used: int) -> None:
    """Set a session's clock back, in seconds."""

    def moment(seconds: int) -> str:
        return (datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")

    with site.store.write() as db:
        when = {"created_on": moment(ago), "last_seen": moment(used)}
        db.execute(update(tables.sessions).where(tables.sessions.c.id == made.id).values(**when))


def told(site: Site, action: str) -> list[tuple[str, str, dict[str, Any]]]:
    with site.store.read() as db:
        where = tables.journal.c.action == action
        rows = db.execute(select(tables.journal).where(where).order_by(tables.journal.c.id)).all()
    return [(row.username, row.address, json.loads(row.detail)) for row in rows]


def test_a_session_is_known_by_its_cookie_which_stands_nowhere(
    site: Site, authenticator: Authenticator, ada: User
) -> None:
    made = enter(site, authenticator, agent="Browser\x00\n" + "x" * 300, remember=True)
    other = enter(site, authenticator)
    assert len(made.cookie) >= 43 and made.seconds == 365 * 86400 and other.seconds == 2_592_000
    found = sessions.session_of(site, made.cookie, HERE)
    assert found is not None and found.id == made.id and found.caller == ada.as_caller(HERE) and found.unread == 0
    assert not found.must_change_password and found.flash is None and found.preferences is None
    twin = sessions.session_of(site, other.cookie, HERE)
    assert twin is not None and twin.form_secret != found.form_secret and len(found.form_secret) == 32
    with site.store.read() as db:
        rows = db.execute(select(tables.sessions).order_by(tables.sessions.c.id)).all()
        (listed, _) = sorted(sessions.sessions_of(db, site, ada.id), key=lambda one: one.id)
    assert all(made.cookie.encode() not in str(tuple(row)).encode() for row in rows)
    assert found.form_secret not in rows[0] and rows[0].digest != rows[1].digest
    assert listed.agent == "Browser  " + "x" * 191 and listed.address == HERE and listed.remember
    for wrong in ("", made.cookie[:-1], made.cookie + "x", made.cookie[::-1], "\udcff" * 43, "x" * 100_000, "\0" * 43):
        assert sessions.session_of(site, wrong, HERE) is None
    assert told(site, "sign_in") == [
        ("ada", HERE, {"session_id": made.id, "remember": True}),
        ("ada", HERE, {"session_id": other.id, "remember": False}),
    ]


@pytest.mark.sqlite_only  # the driver tells what it is asked
def test_one_statement_says_all_of_a_visitor_also_at_a_glance(
    site: Site, authenticator: Authenticator, ada: User
) -> None:
    made = enter(site, authenticator)
    preferences.set_preferences(site, ada.as_caller(HERE), preferences.Preferences(theme=preferences.Theme.DARK))
    said: list[str] = []
    with site.store.glance() as db:
        driver = db.connection.dbapi_connection
        assert driver is not None
        driver.set_trace_callback(said.append)
        found = sessions.session_of(site, made.cookie, HERE)
        driver.set_trace_callback(None)
    assert len(said) == 1 and found is not None
    assert preferences.parsed(found.preferences).theme is preferences.Theme.DARK


def test_nobody_learns_why_they_are_not_let_in(site: Site, authenticator: Authenticator, ada: User) -> None:
    key = tokens.create_token(site, the_system(), ada.id, "ada", role=Role.VCS).key
    wrong: list[dict[str, Any]] = [
        {"password": "wrong"},
        {"username": "nobody"},
        {"username": "default", "password": ""},
        {"username": "a\0b"},
        {"username": "\udcff", "address": "192.0.2.9"},
        {"username": "x" * 100_000},
        {"username": "", "password": ""},
        {"password": "x" * 100_000},
        {"username": "!errand", "password": "x"},
    ]
    for number, given in enumerate(wrong):
        assert refused(site, authenticator, **{"address": f"192.0.2.{number + 10}"} | given).reason is Reason.UNKNOWN
    # A key is no password of a page.
    assert refused(site, authenticator, password=key).reason is Reason.UNKNOWN
    assert authenticator.by_password("ada", key, HERE)[0].user_id == ada.id
    with site.store.read() as db:
        assert db.execute(select(tables.sessions)).all() == []


def test_guesses_count_at_all_doors_together(site: Site, authenticator: Authenticator, ada: User) -> None:
    refused(site, authenticator, password="wrong")
    with pytest.raises(CredentialsRefused):
        authenticator.by_password("ada", "wrong", HERE)
    assert refused(site, authenticator, password="wrong").reason is Reason.UNKNOWN
    shut = refused(site, authenticator)
    assert shut.reason is Reason.TOO_MANY and 0 < shut.retry_after <= 60
    with pytest.raises(CredentialsRefused) as error:
        authenticator.by_password("ada", PASSWORD, HERE)
    assert error.value.reason is Reason.TOO_MANY
    assert is_in(site, enter(site, authenticator, address="192.0.2.77")) == [True]


def test_a_session_ends_by_time_unless_it_is_remembered(site: Site, authenticator: Authenticator, ada: User) -> None:
    made, long = enter(site, authenticator), enter(site, authenticator, remember=True)
    day = 86400
    began(site, made, ago=29 * day, used=7 * 3600)
    began(site, long, ago=364 * day, used=364 * day)
    assert is_in(site, made, long) == [True, True]
    began(site, made, ago=29 * day, used=9 * 3600)
    assert is_in(site, made) == [False]
    began(site, made, ago=31 * day, used=1)
    assert is_in(site, made) == [False]
    assert [one.id for one in _listed(site, ada)] == [long.id]
    began(site, long, ago=366 * day, used=1)
    assert is_in(site, long) == [False]
    # Without a limit of idle time, and with one that began before there were calendars.
    patient = replace(site, settings=replace(site.settings, session_timeout=0, session_lifetime=10**12))
    began(site, made, ago=400 * day, used=399 * day)
    assert is_in(patient, made) == [True]
    # Signing in removes what is over.
    began(site, made, ago=day, used=9 * 3600)
    began(site, long, ago=366 * day, used=day)
    third = enter(site, authenticator)
    with site.store.read() as db:
        assert db.execute(select(tables.sessions.c.id)).scalars().all() == [third.id]


def _listed(site: Site, user: User) -> list[sessions.ListedSession]:
    with site.store.read() as db:
        return sessions.sessions_of(db, site, user.id)


def test_an_account_has_so_many_sessions_and_no_more(
    site: Site, authenticator: Authenticator, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_MOST", 2)
    made = [enter(site, authenticator) for _ in range(3)]
    assert is_in(site, *made) == [False, True, True]


def test_a_new_session_takes_the_place_of_one(site: Site, authenticator: Authenticator, ada: User) -> None:
    before = enter(site, authenticator)
    made = enter(site, authenticator, instead_of=before.cookie)
    enter(site, authenticator, instead_of="no cookie \0")
    assert is_in(site, before, made) == [False, True]


@pytest.mark.parametrize(
    "wanted",
    [
        UserChanges(password="another password"),
        UserChanges(active=False),
        UserChanges(admin=True),
        UserChanges(extern_type="ldap"),
    ],
)
def test_what_changes_an_account_ends_its_sessions(
    site: Site, authenticator: Authenticator, ada: User, wanted: UserChanges
) -> None:
    made = [enter(site, authenticator), enter(site, authenticator, remember=True)]
    roots = enter(site, authenticator, username="root", password="administrator-pw")
    accounts.update_account(site, the_system(), ada, UserChanges(firstname="Ada", active=True, extern_type="rhodecode"))
    assert is_in(site, *made, roots) == [True, True, True]
    accounts.update_account(site, the_system(), ada, wanted)
    assert is_in(site, *made, roots) == [False, False, True]
    # What is over stays over.
    accounts.update_account(site, the_system(), ada, UserChanges(active=True))
    assert is_in(site, *made) == [False, False]
    assert told(site, "sessions.end") == [("trivium", "local", {"count": 2})]


def test_who_may_not_come_in_is_out_at_once(site: Site, authenticator: Authenticator, ada: User) -> None:
    made = enter(site, authenticator)
    allowed_addresses.allow_address(site, the_system(), ada, "198.51.100.0/24")
    assert is_in(site, made) == [False]
    assert sessions.session_of(site, made.cookie, "198.51.100.7") is not None
    assert refused(site, authenticator).reason is Reason.ADDRESS
    accounts.delete_account(site, the_system(), ada)
    assert sessions.session_of(site, made.cookie, "198.51.100.7") is None


def test_a_password_that_changes_while_somebody_signs_in_lets_nobody_in(
    site: Site, authenticator: Authenticator, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Authenticator.by_sign_in

    def slowly(self: Authenticator, *given: str) -> Any:
        found = real(self, *given)
        accounts.update_account(site, the_system(), ada, UserChanges(password="another password"))
        return found

    monkeypatch.setattr(Authenticator, "by_sign_in", slowly)
    assert refused(site, authenticator).reason is Reason.UNKNOWN
    with site.store.read() as db:
        assert db.execute(select(tables.sessions)).all() == []


def test_sessions_are_ended_one_by_one_or_all_but_one(site: Site, authenticator: Authenticator, ada: User) -> None:
    made = [enter(site, authenticator) for _ in range(4)]
    roots = enter(site, authenticator, username="root", password="administrator-pw")
    found = sessions.session_of(site, made[0].cookie, HERE)
    assert found is not None
    sessions.end_session(site, found.caller, ada.id, "ada", roots.id)
    assert is_in(site, roots) == [True]
    sessions.end_session(site, found.caller, ada.id, "ada", made[1].id)
    assert is_in(site, *made) == [True, False, True, True]
    assert sessions.end_sessions(site, found.caller, ada.id, "ada", but=found.id) == 2
    assert is_in(site, *made, roots) == [True, False, False, False, True]
    sessions.sign_out(site, found)
    sessions.sign_out(site, found)
    assert is_in(site, *made, roots) == [False, False, False, False, True]
    assert [detail for _, _, detail in told(site, "sign_out")] == [{"session_id": made[1].id}, {"session_id": found.id}]


def test_sessions_that_nobody_used_for_days_are_forgotten(site: Site, authenticator: Authenticator, ada: User) -> None:
    new, old, busy = (enter(site, authenticator, remember=True) for _ in range(3))
    began(site, old, ago=40 * 86_400, used=31 * 86_400)
    began(site, busy, ago=40 * 86_400, used=29 * 86_400)
    assert sessions.forget_unused(site, the_system(), 10**17) == 0
    assert sessions.forget_unused(site, the_system(), 30) == 1
    assert is_in(site, new, old, busy) == [True, False, True]
    with site.store.read() as db:
        rows = select(tables.journal.c.detail).where(tables.journal.c.action == "site.forget_sessions")
        assert [json.loads(detail) for (detail,) in db.execute(rows)] == [{"days": 30, "count": 1}]


def test_something_is_said_once(site: Site, authenticator: Authenticator, ada: User) -> None:
    made = enter(site, authenticator)

    def present() -> sessions.Session:
        found = sessions.session_of(site, made.cookie, HERE)
        assert found is not None
        return found

    sessions.set_flash(site, present(), '["saved"]')
    one, two = present(), present()
    with pytest.raises(WouldWait), site.store.glance():
        sessions.take_flash(site, one)
    assert sessions.take_flash(site, one) == '["saved"]'
    assert sessions.take_flash(site, two) is None and present().flash is None
    with at_a_glance(site):
        assert sessions.take_flash(site, present()) is None
    with pytest.raises(Invalid):
        sessions.set_flash(site, one, "x" * 5000)


def test_a_user_changes_the_password_and_stays(site: Site, authenticator: Authenticator, ada: User) -> None:
    with site.store.write() as db:
        db.execute(update(tables.users).where(tables.users.c.id == ada.id).values(force_password_change=True))
    made, other = enter(site, authenticator, remember=True), enter(site, authenticator)
    assert made.must_change_password
    found = sessions.session_of(site, made.cookie, HERE)
    assert found is not None and found.must_change_password
    for wrong in ("short", PASSWORD, "x" * 1025):
        with pytest.raises(Invalid):
            sessions.change_own_password(site, authenticator, found, PASSWORD, wrong)
    with pytest.raises(CredentialsRefused):
        sessions.change_own_password(site, authenticator, found, "wrong", "a longer password")
    assert is_in(site, made, other) == [True, True]
    new = sessions.change_own_password(site, authenticator, found, PASSWORD, "a longer password", agent="B")
    assert is_in(site, made, other, new) == [False, False, True]
    after = sessions.session_of(site, new.cookie, HERE)
    assert after is not None and not after.must_change_password and after.remember
    assert after.rights_version > found.rights_version
    assert refused(site, authenticator).reason is Reason.UNKNOWN
    assert is_in(site, enter(site, authenticator, password="a longer password")) == [True]
    assert told(site, "user.password") == [("ada", HERE, {"user_id": ada.id})]


def test_activity_writes_when_a_session_was_used(site: Site, authenticator: Authenticator, ada: User) -> None:
    made = enter(site, authenticator)
    activity = Activity()
    found = sessions.session_of(site, made.cookie, HERE)
    assert found is not None
    activity.saw(found)  # a moment ago: nothing to write
    began(site, made, ago=600, used=61)
    old = sessions.session_of(site, made.cookie, HERE)
    assert old is not None
    activity.write(site, {}, set())
    assert _listed(site, ada)[0].last_seen == old.last_seen
    activity.saw(old)
    activity.write(site, {}, authenticator.signed_in)
    assert _listed(site, ada)[0].last_seen > old.last_seen
    with site.store.read() as db:
        row = db.execute(select(tables.users).where(tables.users.c.id == ada.id)).one()
    assert row.last_activity == row.last_login is not None
    began(site, made, ago=600, used=61)
    old = sessions.session_of(site, made.cookie, HERE)
    assert old is not None
    activity.saw(old)
    activity.write(site, {}, set())
    with site.store.read() as db:
        later = db.execute(select(tables.users).where(tables.users.c.id == ada.id)).one()
    assert later.last_login == row.last_login and later.last_activity >= row.last_activity


def test_preferences_are_what_can_be_preferred(site: Site, ada: User) -> None:
    default = preferences.DEFAULT
    assert preferences.written(default) == "{}" and preferences.parsed("{}") == preferences.parsed(None) == default
    chosen = preferences.changed(default, {"theme": "dark", "tab_width": 4, "wrap": False, "locale": "de"})
    assert preferences.parsed(preferences.written(chosen)) == chosen
    assert preferences.changed(chosen, {"tab_width": 2}).theme is preferences.Theme.DARK
    for wrong in ({"theme": "pink"}, {"tab_width": 0}, {"nothing": 1}, {"locale": "de\n"}, {"zone": "../etc x"}):
        with pytest.raises(Invalid):
            preferences.changed(default, wrong)
    for text in ("", "[", '{"theme":"pink"}', '{"theme":7}', "\udcff", '{"x":"' + "x" * 2000 + '"}'):
        assert preferences.parsed(text) == default
    caller = ada.as_caller(HERE)
    for one in (chosen, default):
        preferences.set_preferences(site, caller, one)
        with site.store.read() as db:
            assert preferences.parsed(db.execute(select(tables.preferences.c.chosen)).scalar_one()) == one


def test_the_key_of_feeds_is_made_once_and_opens_nothing_else(
    site: Site, authenticator: Authenticator, ada: User
) -> None:
    caller = ada.as_caller(HERE)
    tokens.create_token(site, caller, ada.id, "ada", role=Role.FEED, expires=1)
    with pytest.raises(WouldWait), site.store.glance():
        tokens.feed_token(site, caller)
    key = tokens.feed_token(site, caller)
    assert key is not None
    with at_a_glance(site):
        assert tokens.feed_token(site, caller) == key
    assert authenticator.by_key(key, HERE, Role.FEED)[0] == caller
    for role in (Role.API, Role.HTTP, Role.VCS):
        with pytest.raises(CredentialsRefused):
            authenticator.by_key(key, HERE, role)
    with site.store.read() as db:
        (made,) = [one for one in tokens.tokens_of(db, ada.id) if one.role is Role.FEED and one.expires < 0]
    tokens.revoke_token(site, caller, ada.id, "ada", made.id)
    assert tokens.feed_token(site, caller) not in (None, key)
    assert tokens.feed_token(site, anonymous(HERE)) is None
    masked = replace(site, settings=replace(site.settings, mask_api_keys=True))
    assert tokens.feed_token(masked, caller) is None
