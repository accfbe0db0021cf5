# SPDX-License-Identifier: GPL-3.0-or-later
"""Guessing passwords is slowed down, and nobody is shut out for good."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivium.access.throttle import ACCOUNT_WINDOW, LONGEST_WAIT, Throttle
from trivium.store import schema
from trivium.store.engine import Store

HERE, THERE = "192.0.2.1", "192.0.2.2"


class Clock:
    """The time, which only passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", made)
    return made


@pytest.fixture
def store(tmp_path: Path, empty_database: str) -> Iterator[Store]:
    made = Store(empty_database)
    schema.upgrade(made, tmp_path / "backups")
    yield made
    made.close()


THROTTLE = Throttle(account_failures=3, address_failures=10, first_wait=60)


def _fail(store: Store, times: int, account: str = "ada", address: str = HERE) -> None:
    for _ in range(times):
        THROTTLE.failed(store, account, address)


def test_the_wait_begins_with_the_last_of_the_failures_and_ends_by_itself(store: Store, clock: Clock) -> None:
    _fail(store, 2)
    assert THROTTLE.seconds_to_wait(store, "ada", HERE) == 0
    _fail(store, 1)
    assert THROTTLE.seconds_to_wait(store, "ada", HERE) == 60
    assert THROTTLE.seconds_to_wait(store, "ADA", HERE) == 60
    clock.now += 59
    assert THROTTLE.seconds_to_wait(store, "ada", HERE) == 1
    clock.now += 1
    assert THROTTLE.seconds_to_wait(store, "ada", HERE) == 0


def test_others_do_not_wait(store: Store, clock: Clock) -> None:
    _fail(store, 3)
    assert THROTTLE.seconds_to_wait(store, "bob", HERE) == 0
    assert THROTTLE.seconds_to_wait(store, "ada", THERE) == 0


def test_the_wait_doubles_up_to_a_limit(store: Store, clock: Clock) -> None:
    waits = []
    for _ in range(6):
        _fail(store, 3)
        waits.append(THROTTLE.seconds_to_wait(store, "ada", HERE))
        clock.now += waits[-1]
    assert waits == [60, 120, 240, 480, LONGEST_WAIT, LONGEST_WAIT]


def test_a_quiet_while_makes_everything_forgotten(store: Store, clock: Clock) -> None:
    _fail(store, 2)
    clock.now += ACCOUNT_WINDOW
    _fail(store, 2)
    assert THROTTLE.seconds_to_wait(store, "ada", HERE) == 0
    _fail(store, 1)
    assert THROTTLE.seconds_to_wait(store, "ada", HERE) == 60


def test_a_right_password_clears_the_account(store: Store, clock: Clock) -> None:
    _fail(store, 2)
    THROTTLE.succeeded(store, "Ada", HERE)
    _fail(store, 2)
    assert THROTTLE.seconds_to_wait(store, "ada", HERE) == 0


def test_many_accounts_from_one_address(store: Store, clock: Clock) -> None:
    for number in range(10):
        assert THROTTLE.seconds_to_wait(store, "somebody", HERE) == 0
        _fail(store, 1, account=f"user-{number}")
    assert THROTTLE.seconds_to_wait(store, "somebody", HERE) == 60
    assert THROTTLE.seconds_to_wait(store, "somebody", THERE) == 0
    # One right password among many wrong ones does not open the address again.
    THROTTLE.succeeded(store, "user-1", HERE)
    assert THROTTLE.seconds_to_wait(store, "somebody", HERE) == 60


def test_the_addresses_of_one_ipv6_network_count_together(store: Store, clock: Clock) -> None:
    for number in range(3):
        _fail(store, 1, address=f"2001:db8:1:2::{number}")
    assert THROTTLE.seconds_to_wait(store, "ada", "2001:db8:1:2:ffff::9") == 60
    assert THROTTLE.seconds_to_wait(store, "ada", "2001:db8:1:3::1") == 0


def test_an_account_is_not_guessed_at_from_many_networks(store: Store, clock: Clock) -> None:
    for number in range(10):
        assert THROTTLE.seconds_to_wait(store, "ada", f"2001:db8:2:{number}::1") == 0
        _fail(store, 1, address=f"2001:db8:1:{number}::1")
    assert THROTTLE.seconds_to_wait(store, "ada", THERE) == 60
    assert THROTTLE.seconds_to_wait(store, "bob", THERE) == 0
    clock.now += 60
    assert THROTTLE.seconds_to_wait(store, "ada", THERE) == 0


@pytest.mark.parametrize("account", ["", "x" * 10_000, "a\0b", "日本"])
def test_names_of_any_kind(store: Store, clock: Clock, account: str) -> None:
    _fail(store, 3, account=account)
    assert THROTTLE.seconds_to_wait(store, account, HERE) == 60
