# SPDX-License-Identifier: GPL-3.0-or-later
"""Events reach their subscribers at least once, in order, and none keeps others waiting (api-reviews.md 8)."""

from __future__ import annotations

import contextlib
import math
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from tests.support import postgresql
from tests.support.delivered import deliver, nothing_holds_up
from tests.support.waiting import until
from trivium.access.caller import the_system
from trivium.assembly import open_site
from trivium.errors import Busy, Invalid
from trivium.forge.events import delivery, journal, outbox
from trivium.forge.events.accounts import SignedOut, TokenReset
from trivium.forge.events.delivery import Delivery, Subscriber, Undeliverable
from trivium.forge.events.outbox import Recorded
from trivium.forge.events.reports import DeliveryAskedAgain
from trivium.forge.site import Site
from trivium.store import tables

WANTED = frozenset({"repository.maintenance", "token.reset"})


class Listener:
    """Notes what it hears, and fails where it is told to."""

    def __init__(self, name: str = "listener") -> None:
        self.heard: list[str] = []
        self.failing: dict[str, Exception] = {}
        self.subscriber = Subscriber(name, WANTED, self.hear)

    def hear(self, event: Recorded) -> None:
        if error := self.failing.get(event.subject):
            raise error
        self.heard.append(event.subject)


def happen(site: Site, *subjects: str, repository_id: int | None = None) -> None:
    for subject in subjects:
        with site.store.write(access_unchanged=True) as db:
            journal.record(db, the_system(), TokenReset(subject=subject, repository_id=repository_id))


@pytest.fixture
def listener(site: Site) -> Listener:
    made = Listener()
    happen(site, "before it began")
    nothing_holds_up(site)
    outbox.begin(site, [made.subscriber.name])
    return made


def rows(site: Site) -> list[tuple[int, bool, str]]:
    held = tables.undelivered_events
    with site.store.read() as db:
        found = db.execute(select(held.c.tries, held.c.set_aside, held.c.reason).order_by(held.c.event_id))
        return [(row.tries, bool(row.set_aside), row.reason) for row in found]


def make_due(site: Site) -> None:
    with site.store.write(access_unchanged=True) as db:
        db.execute(update(tables.undelivered_events).values(retry_at=0))


def test_everything_that_is_wanted_is_heard_once_and_in_order(site: Site, listener: Listener) -> None:
    names = [f"user-{number}" for number in range(250)]
    happen(site, *names[:2])
    with site.store.write(access_unchanged=True) as db:
        journal.record(db, the_system(), SignedOut(subject="of no interest", session_id=1))
        for name in names[2:]:
            journal.record(db, the_system(), TokenReset(subject=name))
    assert deliver(site, listener.subscriber) is None
    assert listener.heard == names
    assert deliver(site, listener.subscriber) is None and listener.heard == names


def test_what_is_rolled_back_did_not_happen(site: Site, listener: Listener) -> None:
    with contextlib.suppress(Invalid), site.store.write(access_unchanged=True) as db:
        journal.record(db, the_system(), TokenReset(subject="nobody"))
        raise Invalid("no")
    deliver(site, listener.subscriber)
    assert listener.heard == []


def test_a_failure_holds_up_its_own_line_alone_and_that_stays_in_order(site: Site, listener: Listener) -> None:
    listener.failing["ada"] = Invalid("not now")
    happen(site, "ada", "ben", "ada", "cy")
    again = deliver(site, listener.subscriber)
    assert listener.heard == ["ben", "cy"] and again is not None and 0 < again <= delivery.WAITS[0]
    assert rows(site) == [(1, False, "not now"), (0, False, "")]
    happen(site, "ada")
    deliver(site, listener.subscriber)
    assert listener.heard == ["ben", "cy"] and len(rows(site)) == 3
    listener.failing.clear()
    listener.heard.clear()
    make_due(site)
    assert deliver(site, listener.subscriber) is None
    assert listener.heard == ["ada"] * 3 and rows(site) == []


def test_events_of_one_repository_are_one_line_whatever_it_is_called(site: Site, listener: Listener) -> None:
    listener.failing["before"] = RuntimeError("secret-in-a-strange-error")
    happen(site, "before", "after", repository_id=7)
    happen(site, "before", repository_id=8)
    happen(site, "after", repository_id=9)
    deliver(site, listener.subscriber)
    assert listener.heard == ["after"]
    assert {reason for _, _, reason in rows(site)} == {"RuntimeError", ""}


def test_after_the_last_try_an_event_is_set_aside_and_its_line_goes_on(site: Site, listener: Listener) -> None:
    listener.failing["ada"] = Invalid("never")
    happen(site, "ada")
    deliver(site, listener.subscriber)
    for _ in delivery.WAITS:
        assert not rows(site)[0][1]
        make_due(site)
        deliver(site, listener.subscriber)
    assert rows(site) == [(len(delivery.WAITS) + 1, True, "never")]
    listener.failing.clear()
    make_due(site)
    happen(site, "ada")
    assert deliver(site, listener.subscriber) is None
    assert listener.heard == ["ada"]


def test_an_administrator_has_what_was_set_aside_tried_again(site: Site, listener: Listener) -> None:
    listener.failing["ada"] = Undeliverable("there is no such place")
    happen(site, "ada")
    deliver(site, listener.subscriber)
    with site.store.read() as db:
        (trouble,) = outbox.troubles(db, most=10)
    assert (trouble.subscriber, trouble.subject, trouble.set_aside) == ("listener", "ada", True)
    listener.failing.clear()
    assert outbox.try_again(site, the_system(), "listener", trouble.event_id)
    assert not outbox.try_again(site, the_system(), "another", trouble.event_id)
    assert deliver(site, listener.subscriber) is None and listener.heard == ["ada"]
    with site.store.read() as db:
        assert outbox.troubles(db, most=10) == []


def test_what_will_never_be_taken_is_set_aside_at_once(site: Site, listener: Listener) -> None:
    listener.failing["ada"] = Undeliverable("there is no such place")
    happen(site, "ada", "ben")
    assert deliver(site, listener.subscriber) is None
    assert rows(site) == [(1, True, "there is no such place")] and listener.heard == ["ben"]


def test_more_lines_than_one_statement_reads_are_tried_when_it_is_time(
    site: Site, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_AT_ONCE", 3)
    names = [f"user-{number}" for number in range(10)]
    listener.failing = {name: Invalid("not now") for name in names}
    happen(site, *names)
    deliver(site, listener.subscriber)
    listener.failing = {name: Invalid("not now") for name in names[:5]}
    make_due(site)
    deliver(site, listener.subscriber)
    assert listener.heard == names[5:]


@pytest.mark.skipif(not postgresql.wanted(), reason="SQLite has one writer at a time")
def test_what_is_under_way_holds_up_what_was_recorded_after_it(site: Site, listener: Listener) -> None:
    def in_a_thread(act: Callable[[], object]) -> None:
        thread = threading.Thread(target=act)
        thread.start()
        thread.join()

    with site.store.write(access_unchanged=True) as db:
        journal.record(db, the_system(), TokenReset(subject="slow"))
        in_a_thread(lambda: happen(site, "quick"))
        in_a_thread(lambda: delivery.deliver(site, listener.subscriber))
        assert listener.heard == []
    deliver(site, listener.subscriber)
    assert listener.heard == ["slow", "quick"]


def test_one_process_delivers_at_a_time(site: Site, settings: object, listener: Listener) -> None:
    happen(site, "ada")
    with outbox.alone(site, "listener") as free:
        assert free
        assert deliver(site, listener.subscriber) == delivery._OCCUPIED and listener.heard == []
        with outbox.alone(site, "another") as also_free:
            assert also_free
    deliver(site, listener.subscriber)
    assert listener.heard == ["ada"]


def test_a_position_never_goes_back(site: Site, listener: Listener) -> None:
    happen(site, "ada", "ben")
    deliver(site, listener.subscriber)
    with site.store.write(access_unchanged=True) as db:
        outbox.move(db, "listener", outbox.Position(0, 1))
    deliver(site, listener.subscriber)
    assert listener.heard == ["ada", "ben"]


@pytest.mark.sqlite_only  # elsewhere places are those of transactions
def test_rows_that_concern_nobody_are_passed(site: Site, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FAR", 5)

    def stored() -> int:
        with site.store.read() as db:
            here = outbox.position(db, "listener")
        assert here is not None
        return here.event

    def boring(count: int) -> None:
        with site.store.write(access_unchanged=True) as db:
            for _ in range(count):
                journal.record(db, the_system(), SignedOut(subject="x", session_id=1))

    before = stored()
    boring(4)
    deliver(site, listener.subscriber)
    assert stored() == before
    boring(1)
    deliver(site, listener.subscriber)
    assert stored() == before + 5


def test_a_journal_from_another_database_is_counted_anew(site: Site, listener: Listener) -> None:
    happen(site, "ada", "ben", "cy")
    with site.store.write(access_unchanged=True) as db:
        rows = tables.journal
        ids = db.execute(select(rows.c.id).order_by(rows.c.id.desc()).limit(3)).scalars().all()
        for transaction, row in zip((9000, 8000, 8500), ids, strict=True):
            db.execute(update(rows).where(rows.c.id == row).values(transaction_id=transaction))
        db.execute(update(tables.event_positions).values(transaction_id=8200, event_id=2**63 - 1))
    outbox.begin(site, ["listener"])
    happen(site, "dora")
    deliver(site, listener.subscriber)
    # `ben` had been heard of, but a later row before it had not.
    assert listener.heard == ["ada", "ben", "cy", "dora"]
    with site.store.read() as db:
        of_before = select(func.max(rows.c.transaction_id)).where(rows.c.id.in_(ids))
        assert db.execute(of_before).scalar() == 0


# What a process does that is ended like a power failure at one of several moments.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from tests.support.delivered import deliver
from tests.unit.forge.events.test_delivery import happen
from trivium.assembly import open_site
from trivium.forge.events.delivery import Subscriber
from trivium.settings import Settings

data, heard, url, when = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
site = open_site(Settings(data=data, min_free_bytes=0, database_url=url))

def hear(event):
    with heard.open("a") as out:
        if when == "in" and event.subject == "b":
            os.kill(os.getpid(), signal.SIGKILL)
        out.write(event.subject + "\\n")
        out.flush()
    if when == "after" and event.subject == "b":
        os.kill(os.getpid(), signal.SIGKILL)

if when == "before":
    happen(site, "d")
    os.kill(os.getpid(), signal.SIGKILL)
deliver(site, Subscriber("listener", frozenset({"token.reset"}), hear))
"""


@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_kill_loses_nothing(site: Site, listener: Listener, tmp_path: Path, when: str) -> None:
    happen(site, "a", "b", "c")
    heard = tmp_path / "heard"
    heard.touch()
    run = [sys.executable, "-c", SCRIPT, str(site.settings.data), str(heard), site.settings.database_url]
    killed = subprocess.run([*run, when], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    subprocess.run([*run, "never"], timeout=60, check=True)
    told = heard.read_text().split()
    first = list(dict.fromkeys(told))
    assert first == (["a", "b", "c", "d"] if when == "before" else ["a", "b", "c"])
    assert told[-len(first) :] == first or told == first
    if when == "before":
        assert told == first


def test_subscribers_hear_soon_and_a_slow_one_holds_up_no_other(site: Site) -> None:
    quick, slow = Listener("quick"), Listener("slow")
    waiting, go = threading.Event(), threading.Event()

    def hear(event: Recorded) -> None:
        waiting.set()
        assert go.wait(60)
        slow.hear(event)

    running = Delivery(site, [quick.subscriber, Subscriber("slow", WANTED, hear)])
    running.start()
    try:
        happen(site, "ada")
        assert waiting.wait(60)
        until(lambda: quick.heard == ["ada"])
        happen(site, "ben")
        until(lambda: quick.heard == ["ada", "ben"])
        assert slow.heard == []
        go.set()
        until(lambda: slow.heard == ["ada", "ben"])
    finally:
        go.set()
        running.stop()


def test_events_of_another_process_are_heard(site: Site) -> None:
    listener = Listener()
    running = Delivery(site, [listener.subscriber])
    running.start()
    other = open_site(site.settings)
    try:
        happen(other, "ada")
        until(lambda: listener.heard == ["ada"])
    finally:
        other.close()
        running.stop()


def test_what_failed_is_tried_again_by_itself(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "WAITS", (0, 0, 60))
    listener = Listener()
    failures: list[str] = []

    def hear(event: Recorded) -> None:
        if len(failures) < 2:
            failures.append(event.subject)
            raise Invalid("not now")
        listener.hear(event)

    running = Delivery(site, [Subscriber("listener", WANTED, hear)])
    running.start()
    try:
        happen(site, "ada")
        until(lambda: listener.heard == ["ada"])
        assert failures == ["ada", "ada"]
    finally:
        running.stop()


def test_a_database_that_is_away_at_the_start_is_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_BROKEN", 0.01)
    listener, real, failures = Listener(), outbox.begin, [Busy("away")] * 3

    def begin(where: Site, names: list[str]) -> None:
        if failures:
            raise failures.pop()
        real(where, names)

    monkeypatch.setattr(outbox, "begin", begin)
    running = Delivery(site, [listener.subscriber])
    running.start()
    try:
        until(lambda: running._begun)
        happen(site, "ada")
        until(lambda: listener.heard == ["ada"])
    finally:
        running.stop()


def test_events_are_gathered_for_whoever_is_in_no_hurry(site: Site) -> None:
    listener = Listener()
    running = Delivery(site, [Subscriber("listener", WANTED, listener.hear, pause=3600)])
    running.start()
    try:
        until(lambda: not running._states["listener"].at_work and running._states["listener"].ended > 0)
        happen(site, "ada")
        running._look()
        assert running._states["listener"].again_at == running._states["listener"].ended + 3600
        assert listener.heard == []
        running._states["listener"].ended = -math.inf
        running._look()
        until(lambda: listener.heard == ["ada"])
    finally:
        running.stop()


def test_what_nobody_wants_wakes_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Delivery(site, [Listener().subscriber])
    running.start()
    try:
        until(lambda: not running._woken.is_set())
        running._recorded({"sign_out", "pull"})
        assert not running._woken.is_set()
    finally:
        running.stop()
    assert site.store.on_events is None


def test_what_concerns_one_subscriber_sets_no_other_to_work(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Listener("one"), Listener("other")
    running = Delivery(site, [one.subscriber, Subscriber("other", frozenset({"comment"}), other.hear)])
    running.start()
    states, real, asked = running._states, delivery.deliver, list[str]()

    def counted(where: Site, to: Subscriber, *, ending: Callable[[], bool]) -> float | None:
        asked.append(to.name)
        return real(where, to, ending=ending)

    try:
        until(lambda: all(state.ended > 0 and not state.at_work for state in states.values()))
        monkeypatch.setattr(delivery, "deliver", counted)
        happen(site, "ada", "ben")
        until(lambda: one.heard == ["ada", "ben"])
        until(lambda: states["other"].seen == states["one"].seen)
        assert set(asked) == {"one"}
        # What has waited is tried by whoever it waits for, whatever that hears of.
        with site.store.write(access_unchanged=True) as db:
            journal.record(db, the_system(), DeliveryAskedAgain(subject="other", event=1))
        until(lambda: "other" in asked)
    finally:
        running.stop()
