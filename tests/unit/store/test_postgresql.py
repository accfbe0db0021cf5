# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL does otherwise than SQLite: many writers, connections that are lost, and types of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from tests.support import postgresql, rows
from tests.support.postgresql import Cluster
from tests.support.waiting import until
from trivium.access.throttle import Throttle
from trivium.assembly import open_site
from trivium.errors import AlreadyExists, Busy, DatabaseAway, Invalid, NotFound, Undone
from trivium.forge.accounts import preferences
from trivium.forge.accounts import users as accounts
from trivium.forge.repositories import finding, user_locks
from trivium.forge.site import Site
from trivium.settings import Settings
from trivium.store import schema
from trivium.store.engine import Store, go_on_above, insert_id
from trivium.store.intents import Move, carry_out, is_still_recorded, recorded
from trivium.store.locks import lock
from trivium.store.query import Query
from trivium.store.tables import access_stamp, intents, journal, sign_in_failures, site_values, users

pytestmark = pytest.mark.skipif(not postgresql.wanted(), reason="about PostgreSQL (make test DB=postgresql)")

_MANY = 12


_NUMBERS = Query(select(func.count()).select_from(access_stamp))


def _counted(store: Store) -> int:
    """How many rows a table with one row has, by a statement that stays prepared."""
    with store.read() as db:
        found = _NUMBERS.first(db, {})
        return found[0] if found else 0


def all_at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each act returned, or the error that it raised; all begin together."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        ready.wait(30)
        try:
            return act()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.fixture
def wide(settings: Settings) -> Iterator[Site]:
    """A site with a connection for each of many threads."""
    opened = open_site(
        Settings(
            data=settings.data,
            min_free_bytes=0,
            database_url=settings.database_url,
            database_connections=120,
            workers=1,
        )
    )
    yield opened
    opened.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of this test alone, to be ended and started again."""
    own = Cluster()
    own.start()
    yield own
    own.remove()


def test_every_number_is_wide_and_every_text_in_the_order_of_its_code_points(site: Site) -> None:
    asked = text(
        "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
    )
    with site.store.read() as db:
        columns = db.execute(asked).all()
        sequences = db.execute(text("SELECT data_type::text FROM pg_sequences")).scalars().all()
    assert len(columns) > 100
    assert not [row for row in columns if row.data_type == "integer"]
    assert not [row for row in columns if row.data_type in ("text", "character varying") and row.collation_name != "C"]
    assert sequences and set(sequences) == {"bigint"}


def test_names_are_listed_in_one_order_whatever_the_locale(site: Site) -> None:
    names = ["b", "a", "_a", "B1", "a-b", "ab", "ä"]
    for name in names:
        rows.user(site, name)
    with site.store.read() as db:
        found = db.execute(select(users.c.username_key).order_by(users.c.username_key)).scalars().all()
        default = db.execute(text("SELECT 'a-b' < 'ab' COLLATE \"default\", 'B' < 'a' COLLATE \"C\"")).one()
    assert [one for one in found if one not in ("default", "root")] == sorted(name.casefold() for name in names)
    assert tuple(default) == (True, True)


def test_ids_and_moments_beyond_32_bits(site: Site) -> None:
    with site.store.write() as db:
        row = {"at": rows.WHEN, "username": "", "address": "", "action": "x", "subject": "", "detail": "{}"}
        db.execute(insert(journal).values(id=2**40, user_id=2**41, **row))
        go_on_above(db, journal)
        assert insert_id(db, journal, **row) == 2**40 + 1
        go_on_above(db, journal, 2**50)
        assert insert_id(db, journal, **row) == 2**50 + 1
        go_on_above(db, journal)
        assert insert_id(db, journal, **row) == 2**50 + 2
    with pytest.raises(NotFound), site.store.read() as db:
        accounts.find(db, 2**40)


def test_failures_that_happen_at_once_are_all_counted(wide: Site) -> None:
    throttle = Throttle(account_failures=1000, address_failures=1000, first_wait=60)
    done = all_at_once(*[lambda: throttle.failed(wide.store, "ada", "192.0.2.1")] * _MANY)
    assert done == [None] * _MANY
    with wide.store.read() as db:
        assert set(db.execute(select(sign_in_failures.c.failures)).scalars()) == {_MANY}


def test_of_one_name_one_is_made_and_the_others_are_told(wide: Site) -> None:
    done = all_at_once(
        *[lambda name=name: rows.user(wide, name) for name in ["Ada", "ada", "ADA", "aDa"] * 3]  # type: ignore[misc]
    )
    errors = [one for one in done if isinstance(one, Exception)]
    assert len(errors) == len(done) - 1 and {type(error) for error in errors} == {AlreadyExists}


def test_preferences_can_be_chosen_twice_at_once(wide: Site) -> None:
    ada = rows.user(wide, "ada")
    chosen = [preferences.Preferences(theme=theme) for theme in preferences.Theme] * 4
    done = all_at_once(*[lambda one=one: preferences.set_preferences(wide, ada, one) for one in chosen])  # type: ignore[misc]
    assert done == [None] * len(chosen)


def test_a_push_releases_no_lock_that_somebody_else_has_just_got(wide: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The push has read whose the lock is, when an administrator gives it to somebody else."""
    ada, ben = rows.user(wide, "ada"), rows.user(wide, "ben")
    with wide.store.write() as db:
        repository_id = rows.repository(db, "one", ada, enable_locking=True)
    with wide.store.read() as db:
        repository = finding.by_id(db, rows.user(wide, "chief", admin=True), repository_id)
        holders = accounts.find(db, "ada"), accounts.find(db, "ben")
    user_locks.set_lock(wide, ada, repository, holders[0], locked=True)
    store_it = user_locks._store
    pool = ThreadPoolExecutor(1)
    given: list[Future[Any]] = []

    def slowly(db: Connection, repository_id: int, holder_id: int | None, reason: user_locks.LockReason) -> None:
        if holder_id is None:
            given.append(pool.submit(user_locks.set_lock, wide, ada, repository, holders[1], locked=True))
            _until_somebody_waits(wide, or_done=given[0])
        store_it(db, repository_id, holder_id, reason)

    monkeypatch.setattr(user_locks, "_store", slowly)
    with wide.store.write(access_unchanged=True) as db:
        assert user_locks.release_after_push(db, ada, repository_id, "one")
    given[0].result(30)
    pool.shutdown()
    with wide.store.read() as db:
        assert finding.by_id(db, ada, repository_id).locked_by_id == ben.user_id


def _until_somebody_waits(site: Site, *, or_done: Future[Any] | None = None) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(3000):
        if or_done is not None and or_done.done():
            return
        with site.store.read() as db:
            if db.execute(waiting).scalar_one():
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")


def test_renames_follow_each_other(wide: Site) -> None:
    """Whoever looks for renames that were left behind does not see one that is under way."""
    began, go_on = threading.Event(), threading.Event()

    def slow(db: Connection) -> None:
        began.set()
        go_on.wait(30)

    tree, root = wide.tree, wide.tree.root
    for name in "ab":
        (root / name).mkdir()

    def rename(name: str, change: Callable[[Connection], None]) -> None:
        moves = [Move(root / name, root / f"{name}2")]
        carry_out(wide.store, tree, worker=wide.worker.id, moves=moves, change=change)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(rename, "a", slow)
        assert began.wait(30)
        second = pool.submit(rename, "b", lambda db: None)
        _until_somebody_waits(wide)
        go_on.set()
        first.result(30), second.result(30)
    assert (root / "a2").is_dir() and (root / "b2").is_dir()
    with wide.store.read() as db:
        assert recorded(db) == []


def test_a_deadlock_is_ended_and_the_change_repeated(wide: Site) -> None:
    with wide.store.write() as db:
        db.execute(insert(site_values), [{"key": key, "value": ""} for key in ("one", "two")])
    met = threading.Barrier(2)

    def take(first: str, second: str) -> int:
        begun = 0

        def act() -> int:
            nonlocal begun
            begun += 1
            with wide.store.write(access_unchanged=True) as db:
                for key in (first, second):
                    added = site_values.c.value + "x"
                    db.execute(update(site_values).where(site_values.c.key == key).values(value=added))
                    if key == first and begun == 1:
                        met.wait(30)
            return begun

        return wide.store.again(act)

    begun = all_at_once(lambda: take("one", "two"), lambda: take("two", "one"))
    assert max(begun) > 1  # one of them at least was ended; on a slow machine both
    with wide.store.read() as db:
        kept = dict(db.execute(select(site_values.c.key, site_values.c.value)).all())
    assert (kept["one"], kept["two"]) == ("xx", "xx")


def test_what_was_committed_is_not_repeated(site: Site) -> None:
    begun = 0

    def act() -> None:
        nonlocal begun
        begun += 1
        with site.store.write():
            pass
        raise Undone

    with pytest.raises(Undone):
        site.store.again(act)
    assert begun == 1


def test_a_lock_is_waited_for_and_not_for_ever(settings: Settings) -> None:
    one = Store(settings.url, busy_timeout=0.5)
    other = Store(settings.url, busy_timeout=0.5)
    with one.write():
        with pytest.raises(Busy, match="locked"), other.write():
            pytest.fail("two hold the stamp")
        # Other rows are free.
        with other.write(access_unchanged=True) as db:
            lock(db, "mine")
            with pytest.raises(Busy), one.write(access_unchanged=True) as second:
                lock(second, "mine")
    one.close()
    other.close()


def test_connections_are_bounded(settings: Settings) -> None:
    store = Store(settings.url, busy_timeout=0.3, pool_size=4)
    with ExitStack() as held:
        for name in "abc":
            assert held.enter_context(store.alone(name))
        with pytest.raises(Busy, match="database_connections"), store.read():
            pytest.fail("a fourth")
        with store.write():
            pass
    with store.read() as db:
        assert db.execute(text("SELECT 1")).scalar() == 1
    store.close()


def test_what_cannot_be_stored_is_no_fault_of_ours(site: Site) -> None:
    by_name = Query(select(users.c.id).where(users.c.username_key == "a"))
    for act in (
        lambda db: accounts.find(db, "a\0b"),
        lambda db: db.execute(select(users.c.id).where(users.c.username_key == "a\0b")),
        lambda db: db.execute(insert(intents).values(id="x" * 33, worker="", kind="", detail="", created_on="")),
    ):
        with pytest.raises((Invalid, NotFound)), site.store.write() as db:
            act(db)
    with site.store.read() as db:
        assert by_name.first(db, {}) is None


@pytest.mark.parametrize("at_once", [False, True])
def test_a_server_that_is_started_again_is_used_again(cluster: Cluster, at_once: bool) -> None:
    store = Store(f"{cluster.address}/postgres", busy_timeout=5, pool_size=6)
    schema.upgrade(store, cluster.home)

    ask = partial(_counted, store)
    assert ask() == 1 and all_at_once(ask, ask, ask) == [1, 1, 1]

    def end_it_in_a_transaction() -> None:
        with store.write() as db:
            cluster.stop(at_once=at_once)
            db.execute(select(access_stamp))

    with pytest.raises(DatabaseAway):
        end_it_in_a_transaction()
    for act in (ask, lambda: schema.check(store)):
        with pytest.raises(DatabaseAway):
            act()
    with pytest.raises(DatabaseAway), store.write():
        pytest.fail("there is no server")
    cluster.start()
    # Connections of before are noticed before they are used.
    assert ask() == 1
    with store.write() as db:
        assert db.execute(select(access_stamp.c.version)).scalar_one() == 2

    def ask_with_a_connection_that_ends() -> None:
        with store.read() as db:
            pid = db.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with store.write() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
            _NUMBERS.all(db, {})

    with pytest.raises(DatabaseAway):
        ask_with_a_connection_that_ends()
    assert ask() == 1
    store.close()


def test_a_server_that_keeps_its_connections_and_says_nothing_is_away(cluster: Cluster) -> None:
    """It stands still, as when its machine hangs; its kernel takes what is sent."""
    store = Store(f"{cluster.address}/postgres", busy_timeout=1, pool_size=6)
    schema.upgrade(store, cluster.home)

    ask = partial(_counted, store)

    def ask_at_length() -> int:
        with store.read() as db:
            return int(db.execute(select(func.count()).select_from(access_stamp)).scalar_one())

    def change() -> None:
        with store.write() as db:
            db.execute(select(access_stamp))

    def commit() -> None:
        with store.write(access_unchanged=True) as db:
            db.execute(select(access_stamp))
            held.wait(30)
            stopped.wait(30)

    held, stopped = threading.Barrier(2), threading.Event()
    assert all_at_once(ask, ask_at_length) == [1, 1]
    with ThreadPoolExecutor(1) as beside:
        committed = beside.submit(commit)
        held.wait(30)
        cluster.hold()
        stopped.set()
        errors = all_at_once(ask, ask_at_length, change)
        assert {type(error) for error in [*errors, committed.exception()]} == {DatabaseAway}, errors
    with pytest.raises(DatabaseAway):
        ask()  # who comes later is told at once, and waits for nothing
    cluster.hold(held=False)
    until(lambda: not isinstance(all_at_once(ask)[0], DatabaseAway))
    change()
    store.close()


def test_a_slow_statement_is_no_silence(cluster: Cluster) -> None:
    store = Store(f"{cluster.address}/postgres", busy_timeout=0.5, pool_size=6)
    with store.read() as db:
        assert db.execute(text("SELECT 7 FROM pg_sleep(1.5)")).scalar_one() == 7
    store.close()


def test_an_intent_of_which_nobody_knows_is_waited_for(site: Site) -> None:
    """Its transaction, on a connection that was given up, ends after somebody has begun to settle it."""
    assert site.store.url.database is not None
    with (
        postgresql.connected(site.store.url.database) as before,
        postgresql.connected(site.store.url.database) as looking,
        ThreadPoolExecutor(1) as beside,
    ):
        for committed in (True, False):
            with before.transaction(force_rollback=not committed):
                before.execute("INSERT INTO intents VALUES ('x', 'w', 'push', '{}', '2020-01-01T00:00:00.000')")

                def look() -> bool:
                    with site.store.write(access_unchanged=True) as db:
                        return is_still_recorded(db, "x")

                seen = beside.submit(look)
                until(lambda: looking.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
            assert seen.result() is committed
            before.execute("DELETE FROM intents")
