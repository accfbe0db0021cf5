# SPDX-License-Identifier: GPL-3.0-or-later
"""A forgotten password is replaced by a link that holds once, for an hour, and for one password (system.md 2.8)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update

from trivium.access.caller import anonymous, the_system
from trivium.access.credentials import Authenticator, CredentialsRefused
from trivium.access.throttle import Throttle
from trivium.assembly import open_site
from trivium.errors import Invalid
from trivium.forge.accounts import password_resets, sessions
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.accounts.password_resets import Reset, ResetRefused
from trivium.forge.accounts.users import User, UserChanges
from trivium.forge.site import Site
from trivium.store import tables

HERE = "192.0.2.1"
PASSWORD = "ada's own password"
NEW = "another password"


@pytest.fixture
def ada(site: Site) -> User:
    return accounts.create(site, the_system(), username="ada", email="Ada@example.org", password=PASSWORD)


def ask(site: Site, email: str = "ada@example.org", address: str = HERE) -> Reset | None:
    password_resets.ask(site, email=email, address=address, locale="de")
    rows = tables.password_resets
    with site.store.read() as db:
        newest = db.execute(select(rows.c.id).order_by(rows.c.id.desc()).limit(1)).scalar_one()
        return password_resets.to_mail(db, site, newest)


def asked(site: Site, **given: Any) -> Reset:
    found = ask(site, **given)
    assert found is not None
    return found


def holds(site: Site, key: str) -> bool:
    try:
        with site.store.read() as db:
            return password_resets.held(db, anonymous(HERE), site, key).username == "ada"
    except ResetRefused:
        return False


def lets_in(site: Site, password: str) -> bool:
    authenticator = Authenticator(site.store, site.ring, Throttle(100, 100, 1), journal_failure)
    try:
        sessions.sign_in(site, authenticator, username="ada", password=password, address=HERE)
    except CredentialsRefused:
        return False
    return True


def events(site: Site, action: str) -> list[str]:
    rows = tables.journal
    with site.store.read() as db:
        return list(db.execute(select(rows.c.subject).where(rows.c.action == action).order_by(rows.c.id)).scalars())


def test_a_link_leads_to_another_password_once(site: Site, ada: User) -> None:
    assert lets_in(site, PASSWORD)
    found, further = asked(site), asked(site)
    assert (found.email, found.username, found.locale) == ("ada@example.org", "ada", "de") and found.key != further.key
    assert holds(site, found.key) and holds(site, found.key)
    password_resets.use(site, found.key, NEW, address=HERE)
    assert lets_in(site, NEW) and not lets_in(site, PASSWORD)
    for key in (found.key, further.key):
        assert not holds(site, key)
        with pytest.raises(ResetRefused):
            password_resets.use(site, key, "a third password", address=HERE)
    assert events(site, "password_reset.ask") == ["ada", "ada"] and events(site, "user.password") == ["ada"]
    assert events(site, "sessions.end") == ["ada"]


def test_all_sessions_end(site: Site, ada: User) -> None:
    assert lets_in(site, PASSWORD)
    password_resets.use(site, asked(site).key, NEW, address=HERE)
    with site.store.read() as db:
        assert sessions.sessions_of(db, site, ada.id) == []


def test_the_key_stands_nowhere(site: Site, ada: User) -> None:
    key = asked(site).key
    site.store.close()
    for file in site.settings.data.glob("trivium.db*"):
        assert key.encode() not in file.read_bytes()


def test_a_password_that_is_none_uses_nothing_up(site: Site, ada: User) -> None:
    found = asked(site)
    for password in ("", "short", "x" * 1025):
        with pytest.raises(Invalid):
            password_resets.use(site, found.key, password, address=HERE)
    password_resets.use(site, found.key, NEW, address=HERE)


@pytest.mark.parametrize("change", ["password", "inactive", "elsewhere", "gone", "late"])
def test_a_link_ends_with_what_it_is_bound_to(site: Site, ada: User, change: str) -> None:
    found = asked(site)
    match change:
        case "password":
            accounts.update_account(site, the_system(), ada, UserChanges(password="set by an administrator"))
        case "inactive":
            accounts.update_account(site, the_system(), ada, UserChanges(active=False))
        case "elsewhere":
            accounts.update_account(site, the_system(), ada, UserChanges(extern_type="ldap"))
        case "gone":
            accounts.delete_account(site, the_system(), ada)
        case "late":
            with site.store.write() as db:
                rows = tables.password_resets
                db.execute(update(rows).values(asked_at=rows.c.asked_at - password_resets.LIFETIME))
    assert not holds(site, found.key)
    with pytest.raises(ResetRefused):
        password_resets.use(site, found.key, NEW, address=HERE)


@pytest.mark.parametrize("key", ["", "x", "A" * 43, "A" * 44, "é" * 43, "A" * 100_000, "'; --", "\0" * 43])
def test_what_is_no_key_is_refused(site: Site, ada: User, key: str) -> None:
    asked(site)
    assert not holds(site, key)
    with pytest.raises(ResetRefused):
        password_resets.use(site, key, NEW, address=HERE)


@pytest.mark.parametrize("who", ["nobody@example.org", "asleep@example.org", "ldap@example.org", "", "\0", "x" * 9999])
def test_who_cannot_get_a_link_is_answered_by_the_same_statements(site: Site, ada: User, who: str) -> None:
    make = accounts.create
    make(site, the_system(), username="asleep", email="asleep@example.org", password=PASSWORD, active=False)
    make(site, the_system(), username="ldap", email="ldap@example.org", extern_type="ldap", extern_name="cn=x")
    told: list[str] = []

    def note(*given: Any) -> None:
        told.append(given[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert ask(site) is not None
        known, told[:] = list(told), []
        assert ask(site, who) is None
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert told == known and len(known) > 4
    assert events(site, "password_reset.ask") == ["ada", ""]


def test_the_address_of_an_account_is_asked_for_a_few_times_in_an_hour(site: Site, ada: User) -> None:
    for _ in range(5):
        password_resets.ask(site, email="ADA@example.org ", address="198.51.100.7")
    assert len(events(site, "password_reset.ask")) == 3
    for _ in range(5):
        password_resets.ask(site, email="nobody@example.org", address="198.51.100.8")
    assert len(events(site, "password_reset.ask")) == 6


def test_a_network_asks_a_few_times_in_an_hour(site: Site, ada: User) -> None:
    for number in range(20):
        password_resets.ask(site, email=f"user-{number}@example.org", address="2001:db8::1")
    with pytest.raises(CredentialsRefused) as refused:
        password_resets.ask(site, email="ada@example.org", address="2001:db8::2")
    assert 0 < refused.value.retry_after <= 3600
    assert ask(site, address="2001:db8:1::2") is not None
    with site.store.write() as db:
        db.execute(update(tables.password_resets).values(asked_at=0))
    assert ask(site, address="2001:db8::2") is not None
    with site.store.read() as db:
        assert len(db.execute(select(tables.password_resets.c.id)).all()) == 1


def test_of_two_who_use_a_link_at_once_one_does(site: Site, ada: User) -> None:
    key = asked(site).key
    sites = [open_site(site.settings) for _ in range(4)]
    done: list[int] = []
    together = threading.Barrier(len(sites))

    def use(number: int) -> None:
        together.wait()
        try:
            password_resets.use(sites[number], key, f"password number {number}", address=HERE)
            done.append(number)
        except ResetRefused:
            pass

    threads = [threading.Thread(target=use, args=(number,)) for number in range(len(sites))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in sites:
        one.close()
    assert len(done) == 1 and lets_in(site, f"password number {done[0]}")
    assert events(site, "user.password") == ["ada"]
