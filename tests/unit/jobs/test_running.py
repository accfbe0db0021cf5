# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs are done once, by one process, whoever else tries and whoever is killed."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from trivium.access.caller import Caller, the_system
from trivium.assembly import open_site
from trivium.errors import AlreadyExists, Busy, Cancelled, DatabaseAway, Invalid, Kind, NotFound
from trivium.forge.jobs import finding, running
from trivium.forge.jobs.job import Job, JobKind, State
from trivium.forge.jobs.reasons import because
from trivium.forge.jobs.running import Later, TakenAway, Work
from trivium.forge.jobs.submission import submit
from trivium.forge.site import Site
from trivium.forge.upkeep.recovery import recover
from trivium.jobs import carrying_out, registry
from trivium.jobs.carrying_out import NotStored, carry_out
from trivium.jobs.crowds import CROWD, work_off
from trivium.jobs.looking import look
from trivium.jobs.runner import Runner
from trivium.settings import Settings
from trivium.store.engine import Store
from trivium.store.tables import jobs, now
from trivium.vcs.errors import EndedFromOutside
from trivium.vcs.remote_trouble import TransferFailed, Trouble


class Told(msgspec.Struct, frozen=True):
    word: str = ""


KIND = JobKind("test", Told)
LONG = JobKind("test_long", Told, attempts=2, long=True)
CREATES = JobKind("test_creates", Told, reserves=True)
OUTSIDE = JobKind("test_outside", Told, outside=True)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the jobs of the test kinds did; each does what stands first in it, if that is a function."""
    seen: list[Any] = []

    def function(site: Site, work: Work, told: Told) -> None:
        act = seen.pop(0) if seen and callable(seen[0]) else None
        if act is not None:
            act(site, work)
        seen.append(told.word)

    handlers = {kind.name: registry.Handler(kind, function) for kind in (KIND, LONG, CREATES, OUTSIDE)}
    monkeypatch.setattr(registry, "_handlers", registry._handlers | handlers)
    return seen


def _ask(site: Site, caller: Caller, word: str = "it", kind: JobKind = KIND, **more: Any) -> str:
    job = submit(site, caller, kind, Told(word), subject="thing", **more)
    assert job is not None
    return job


def _row(site: Site, job: str) -> Job:
    with site.store.read() as db:
        return finding.find(db, the_system(), job)


def test_a_job_is_done_once(site: Site, ada: Caller, done: list[Any]) -> None:
    job = _ask(site, ada)
    assert carry_out(site, job)
    assert not carry_out(site, job)
    assert done == ["it"]
    row = _row(site, job)
    assert (row.state, row.attempts, row.runner, row.reason) == (State.DONE, 1, None, None)
    assert row.started_on and row.ended_on


def test_a_job_whose_program_was_ended_is_tried_again_and_fails_with_its_reason(
    site: Site, ada: Caller, done: list[Any]
) -> None:
    """Mercurial's processes end with the server, also when a worker of Celery waits for them."""

    def act(*_: Any) -> None:
        try:
            raise EndedFromOutside("gone")
        except EndedFromOutside as error:
            raise TransferFailed(Trouble.BROKEN, "gone") from error

    job = _ask(site, ada, kind=LONG)
    for state in (State.QUEUED, State.FAILED):
        with site.store.write(access_unchanged=True) as db:
            db.execute(update(jobs).values(due_on=now()))
        done.append(act)
        assert carry_out(site, job)
        row = _row(site, job)
        assert (row.state, row.reason) == (state, because(Trouble.BROKEN))


def test_of_many_who_try_one_takes_it(site: Site, ada: Caller, settings: Settings) -> None:
    other = open_site(settings)
    job = _ask(site, ada)
    taken: list[Job | None] = []
    barrier = threading.Barrier(8)

    def take(one: Site) -> None:
        barrier.wait()
        taken.append(running.claim(one, job))

    threads = [threading.Thread(target=take, args=(one,)) for one in (site, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in taken) == 1
    other.close()


def test_jobs_are_done_in_their_order_and_short_ones_do_not_wait(site: Site, ada: Caller, done: list[Any]) -> None:
    held = threading.Event()
    done.append(lambda _site, _work: held.wait(30))
    runner = Runner(site)
    site.jobs.wake = runner.wake
    runner.start()
    long = _ask(site, ada, "long", LONG)
    threading.Event().wait(0)
    _wait(lambda: _row(site, long).state is State.RUNNING)
    words = [f"short {number}" for number in range(20)]
    short = [_ask(site, ada, word) for word in words]
    _wait(lambda: _row(site, short[-1]).state is State.DONE)
    assert done == words
    held.set()
    _wait(lambda: _row(site, long).state is State.DONE)
    runner.close()


def test_very_many_long_ones_are_left_to_another_process(site: Site, ada: Caller, done: list[Any]) -> None:
    words = [f"long {number}" for number in range(CROWD)]
    asked = [_ask(site, ada, word, LONG) for word in words]
    help_came = threading.Event()
    runner = Runner(site, help_came.set)
    runner._begin_due()
    assert help_came.is_set()
    assert not runner._under_way
    work_off(site, threading.Event())
    assert sorted(done) == sorted(words)
    assert {_row(site, one).state for one in asked} == {State.DONE}


def test_where_no_help_comes_they_are_begun_here(
    site: Site, ada: Caller, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivium.jobs.runner._PATIENCE", -1)
    asked = [_ask(site, ada, f"long {number}", LONG) for number in range(CROWD)]
    calls: list[None] = []
    runner = Runner(site, lambda: calls.append(None))
    runner._begin_due()
    assert not runner._under_way
    runner.start()
    _wait(lambda: _row(site, asked[-1]).state is State.DONE)
    runner.close()
    assert len(calls) == 1


def _wait(reached: Any) -> None:
    from tests.support.waiting import until

    until(reached)


def test_only_one_of_several_waits(site: Site, ada: Caller, done: list[Any]) -> None:
    first = _ask(site, ada, only_one="look after 1")
    assert submit(site, ada, KIND, Told("it"), subject="thing", only_one="look after 1") is None
    assert carry_out(site, first)
    second = _ask(site, ada, only_one="look after 1")
    assert second != first


def test_a_name_is_reserved_until_the_job_ends(site: Site, ada: Caller, done: list[Any]) -> None:
    job = _ask(site, ada, kind=CREATES)
    with pytest.raises(AlreadyExists):
        _ask(site, ada, kind=CREATES)
    assert carry_out(site, job)
    _ask(site, ada, kind=CREATES)


def test_what_is_refused_fails_with_its_reason(site: Site, ada: Caller, done: list[Any]) -> None:
    def refuse(_site: Site, _work: Work) -> None:
        raise Invalid("it cannot be used")

    done.append(refuse)
    job = _ask(site, ada)
    assert carry_out(site, job)
    row = _row(site, job)
    assert (row.state, row.reason) == (State.FAILED, because("it cannot be used"))


def test_what_goes_wrong_is_told_to_administrators_alone(site: Site, ada: Caller, done: list[Any]) -> None:
    def break_down(_site: Site, _work: Work) -> None:
        raise KeyError("/a/secret/place")

    done.append(break_down)
    job = _ask(site, ada)
    assert carry_out(site, job)
    row = _row(site, job)
    assert row.state is State.FAILED
    assert "secret" not in f"{row.reason} {row.detail}"
    assert row.detail == "KeyError"


def test_what_is_busy_waits_and_is_tried_again(site: Site, ada: Caller, done: list[Any]) -> None:
    def busy(_site: Site, _work: Work) -> None:
        raise Busy("somebody else is at work")

    done.append(busy)
    job = _ask(site, ada)
    assert carry_out(site, job)
    row = _row(site, job)
    assert (row.state, row.attempts) == (State.QUEUED, 0)
    assert row.due_on > row.created_on
    assert not carry_out(site, job)  # not yet
    _make_due(site, job)
    assert carry_out(site, job)
    assert done == ["it"]


def _make_due(site: Site, job: str) -> None:
    with site.store.write() as db:
        db.execute(update(jobs).where(jobs.c.id == job).values(due_on="2000-01-01T00:00:00.000"))


def test_a_dead_process_leaves_its_jobs_to_others(site: Site, ada: Caller, settings: Settings, done: list[Any]) -> None:
    dead = open_site(settings)
    jobs_ = [_ask(site, ada, word, LONG) for word in ("one", "two")]
    for job in jobs_:
        assert running.claim(dead, job) is not None
    look(site, tuple)
    assert [_row(site, job).state for job in jobs_] == [State.RUNNING] * 2  # it lives
    dead.close()
    look(site, tuple)
    assert [_row(site, job).state for job in jobs_] == [State.QUEUED] * 2
    assert carry_out(site, jobs_[0])
    assert done == ["one"]


def test_that_it_was_asked_for_waits_for_the_disk_and_no_other_step(
    site: Site, ada: Caller, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[bool] = []
    write = Store.write

    def seen(store: Store, *, durable: bool = True, **how: bool) -> Any:
        waited.append(durable)
        return write(store, durable=durable, **how)

    monkeypatch.setattr(Store, "write", seen)
    for kind, ends in ((KIND, False), (CREATES, True)):
        waited.clear()

        def change(site: Site, work: Work) -> None:
            with site.store.write(access_unchanged=True) as db:
                work.ends(db)
            work.ended()

        done[:] = [change] if ends else []
        job = _ask(site, ada, kind=kind)
        assert carry_out(site, job)
        assert (_row(site, job).state, waited) == (State.DONE, [True, False, ends])


@pytest.mark.parametrize("refuses", [False, True])
def test_a_power_loss_that_takes_an_end_back_leaves_the_job_to_be_done_again(
    site: Site, ada: Caller, settings: Settings, done: list[Any], refuses: bool
) -> None:
    def act(_site: Site, _work: Work) -> None:
        if refuses:
            raise NotFound(Kind.REPOSITORY, "it")

    other = open_site(settings)
    job = _ask(site, ada, kind=CREATES)
    with site.store.read() as db:
        before = dict(db.execute(select(jobs).where(jobs.c.id == job)).mappings().one())
    done.append(act)
    assert carry_out(other, job)
    first = _row(site, job)
    # What was written last is gone, and so is every process.
    lost = before | {"state": State.RUNNING.value, "runner": other.worker.id, "attempts": 1}
    with site.store.write() as db:
        db.execute(update(jobs).where(jobs.c.id == job).values(**lost))
    other.close()
    with pytest.raises(AlreadyExists):
        _ask(site, ada, kind=CREATES)
    look(site, tuple)
    done[:] = [act]
    assert carry_out(site, job)
    again = _row(site, job)
    assert (again.state, again.reason) == (first.state, first.reason)
    assert again.state is (State.FAILED if refuses else State.DONE)
    _ask(site, ada, kind=CREATES)  # its name is free


def test_what_kills_every_process_is_given_up(site: Site, ada: Caller, settings: Settings, done: list[Any]) -> None:
    job = _ask(site, ada, kind=LONG, secret="s3cr3t")
    for _ in range(2):
        dying = open_site(settings)
        assert running.claim(dying, job) is not None
        dying.close()
        recover(site, alone=False)
    row = _row(site, job)
    assert (row.state, row.attempts, row.secret) == (State.FAILED, 2, None)
    assert row.reason and "ended" in row.reason.english


def test_a_process_that_forgot_a_job_puts_it_back(site: Site, ada: Caller, done: list[Any]) -> None:
    job = _ask(site, ada)
    assert running.claim(site, job) is not None
    look(site, lambda: (job,))
    assert _row(site, job).state is State.RUNNING
    look(site, tuple)
    assert _row(site, job).state is State.QUEUED


def test_who_was_believed_dead_does_nothing_more(site: Site, ada: Caller, settings: Settings) -> None:
    other = open_site(settings)
    job = _ask(site, ada)
    taken = running.claim(site, job)
    assert taken is not None
    work = Work(site, taken)
    running.take_back(other, site.worker.id)
    assert running.claim(other, job) is not None
    with pytest.raises(TakenAway):
        work.check()
    with pytest.raises(TakenAway), site.store.write() as db:
        work.ends(db, 7)
    work.end(State.FAILED, because("too late"))
    row = _row(site, job)
    assert (row.state, row.repository_id, row.reason) == (State.RUNNING, None, None)
    other.close()


def test_one_that_waits_is_cancelled_at_once_and_one_that_runs_when_it_looks(
    site: Site, ada: Caller, done: list[Any]
) -> None:
    waits = _ask(site, ada, kind=CREATES)
    assert finding.cancel(site, ada, _row(site, waits)) is State.CANCELLED
    assert not carry_out(site, waits)
    _ask(site, ada, kind=CREATES)  # the name is free again

    def be_cancelled(site: Site, work: Work) -> None:
        assert finding.cancel(site, ada, work.job) is State.RUNNING
        work._looked = 0.0
        work.check()

    done.append(be_cancelled)
    runs = _ask(site, ada)
    assert carry_out(site, runs)
    assert _row(site, runs).state is State.CANCELLED
    assert done == []
    with pytest.raises(Invalid):
        finding.cancel(site, ada, _row(site, runs))


def test_what_failed_can_be_begun_again(site: Site, ada: Caller, done: list[Any]) -> None:
    def refuse(_site: Site, _work: Work) -> None:
        raise Invalid("not today")

    done.append(refuse)
    job = _ask(site, ada, kind=CREATES)
    assert carry_out(site, job)
    finding.retry(site, ada, _row(site, job))
    with pytest.raises(AlreadyExists):
        _ask(site, ada, kind=CREATES)
    with pytest.raises(Invalid):
        finding.retry(site, ada, _row(site, job))
    assert carry_out(site, job)
    assert _row(site, job).state is State.DONE


def test_everybody_knows_their_own_and_administrators_all(site: Site, ada: Caller, ben: Caller) -> None:
    job = _ask(site, ada, owner_id=ben.user_id)
    strange = replace(ada, user_id=999)
    with site.store.read() as db:
        for caller in (ada, ben, the_system()):
            assert finding.find(db, caller, job).id == job
        for given in (job, job[:-1], "x" * 36, None, 7, "\0" * 36):
            with pytest.raises(NotFound):
                finding.find(db, strange, given)
        assert [one.id for one in finding.listed(db, ada).jobs] == [job]
        assert finding.listed(db, strange).jobs == ()
        assert [one.id for one in finding.listed(db, the_system(), everybody=True).jobs] == [job]
        with pytest.raises(NotFound):
            finding.listed(db, ada, everybody=True)


def test_a_secret_is_sealed_and_gone_at_the_end(site: Site, ada: Caller, done: list[Any]) -> None:
    seen = []
    done.append(lambda _site, work: seen.append(work.secret()))
    job = _ask(site, ada, secret="https://ada:pa55word@example.org/")
    with site.store.read() as db:
        row = db.execute(select(jobs).where(jobs.c.id == job)).one()
    assert b"pa55word" not in repr(tuple(row)).encode()
    assert carry_out(site, job)
    assert seen == ["https://ada:pa55word@example.org/"]
    assert _row(site, job).secret is None


def test_old_jobs_are_forgotten(site: Site, ada: Caller, done: list[Any]) -> None:
    old, new, waits = (_ask(site, ada) for _ in range(3))
    for job in (old, new):
        assert carry_out(site, job)
    with site.store.write() as db:
        db.execute(update(jobs).where(jobs.c.id == old).values(ended_on="2020-01-01T00:00:00.000"))
        db.execute(update(jobs).where(jobs.c.id == waits).values(created_on="2020-01-01T00:00:00.000"))
    assert finding.forget_old(site, 30) == 1
    with site.store.read() as db:
        assert [one.id for one in finding.listed(db, ada).jobs] == [waits, new]


def test_progress_is_told(site: Site, ada: Caller, done: list[Any]) -> None:
    def tell(site: Site, work: Work) -> None:
        work.log("begun")
        work.tell(3, 12, "files")
        row = _row(site, work.job.id)
        assert (row.done, row.total, row.what, row.percent) == (3, 12, "files", 25)
        assert row.log.endswith("begun\n")
        work.log("x" * (64 << 10))

    done.append(tell)
    job = _ask(site, ada)
    assert carry_out(site, job)
    row = _row(site, job)
    assert (row.done, row.percent) == (12, 100)
    assert len(row.log) == 16 << 10


def test_a_cancelled_job_tells_nobody_a_reason(site: Site, ada: Caller, done: list[Any]) -> None:
    def end(_site: Site, _work: Work) -> None:
        raise Cancelled

    done.append(end)
    job = _ask(site, ada)
    assert carry_out(site, job)
    assert (_row(site, job).state, _row(site, job).reason) == (State.CANCELLED, None)


def test_what_is_not_there_now_is_tried_as_often_as_its_kind_says(site: Site, ada: Caller, done: list[Any]) -> None:
    def away(_site: Site, _work: Work) -> None:
        raise Later("the other server does not answer")

    job = _ask(site, ada, kind=LONG)
    for attempt in (1, 2):
        done.append(away)
        _make_due(site, job)
        assert carry_out(site, job)
        assert _row(site, job).attempts == attempt
    row = _row(site, job)
    assert (row.state, row.reason) == (State.FAILED, because("the other server does not answer"))


def test_what_was_done_while_the_database_was_away_is_not_done_again(
    site: Site, ada: Caller, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is away; a process that is told to end does not wait for it."""
    real, tries = Work.end, [0]

    def away(work: Work, *given: Any, **more: Any) -> None:
        tries[0] += 1
        if tries[0] < 3 * carrying_out._TRIES_TO_STORE:
            raise DatabaseAway("the database is away")
        real(work, *given, **more)

    monkeypatch.setattr(Work, "end", away)
    monkeypatch.setattr(carrying_out, "_PAUSE_TO_STORE", 0.0)
    job = _ask(site, ada)
    assert carry_out(site, job)
    assert (_row(site, job).state, done) == (State.DONE, ["it"])
    tries[0] = -(10**6)
    another = _ask(site, ada)
    with pytest.raises(NotStored):
        # When it begins nobody has told it to end.
        carry_out(site, another, lambda: tries[0] > -(10**6))


def test_what_acts_outside_is_taken_and_ended_on_the_disk(
    site: Site, ada: Caller, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash of the database takes back what did not wait for the disk: a mail would be sent again."""
    real, waited = Store.write, []

    def write(store: Store, *, durable: bool = True, **more: Any) -> Any:
        waited.append(durable)
        return real(store, durable=durable, **more)

    jobs_of = {kind: _ask(site, ada, kind=kind) for kind in (KIND, OUTSIDE)}
    monkeypatch.setattr(Store, "write", write)
    for kind, steps in ((KIND, [False, False]), (OUTSIDE, [True, True])):
        waited.clear()
        assert carry_out(site, jobs_of[kind])
        assert waited == steps


def test_an_end_that_cannot_be_stored_leaves_the_job_to_whoever_looks(
    site: Site, ada: Caller, done: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise Busy("the database is locked")

    monkeypatch.setattr(Work, "end", locked)
    monkeypatch.setattr(carrying_out, "_PAUSE_TO_STORE", 0.0)
    job = _ask(site, ada)
    with pytest.raises(NotStored):
        carry_out(site, job)
    assert _row(site, job).state is State.RUNNING
    monkeypatch.undo()
    look(site, tuple)
    assert _row(site, job).state is State.QUEUED
