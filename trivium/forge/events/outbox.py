# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as an outbox: rows in the order in which they are delivered, and how far each subscriber has come.

On SQLite, which has one writer, rows become visible in the order of their ids. On PostgreSQL a row may become visible
after one with a higher id. There the order is that of transactions, and only those are read below which none is under
way any more: nothing can appear behind a position.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)

from trivium.access.caller import Caller
from trivium.errors import Invalid
from trivium.forge.events.journal import record
from trivium.forge.events.reports import DeliveryAskedAgain
from trivium.forge.site import Site
from trivium.names import storable
from trivium.store.query import Change, Query
from trivium.store.tables import event_positions, journal, undelivered_events
from trivium.tree.kernel_locks import one_at_a_time

_POSTGRESQL: Final = "postgresql"
_LAST: Final = 2**63 - 1


class Position(NamedTuple):
    """A place in the journal, behind a row."""

    transaction: int
    event: int


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the journal as a subscriber gets it."""

    id: int
    transaction_id: int
    at: str
    """ISO 8601, UTC, milliseconds, without zone."""
    user_id: int | None
    username: str
    """Whose act it was, and what the account was called then."""
    address: str
    """From where; empty when unknown."""
    action: str
    subject: str
    repository_id: int | None
    detail: dict[str, Any]

    @property
    def position(self) -> Position:
        return Position(self.transaction_id, self.id)

    @property
    def line(self) -> str:
        """What it is about: events of one line are delivered in their order."""
        if self.repository_id is not None:
            return f"repository {self.repository_id}"
        return f"{self.action.partition('.')[0]} {self.subject}"


class Standing(NamedTuple):
    """Where a subscriber stands."""

    position: Position
    """It has heard of everything up to there, but for what waits."""
    waiting: int
    """How many events are to be tried again, or wait behind one."""


class Undelivered(NamedTuple):
    """An event that was not taken yet."""

    event: Recorded
    tries: int


class Trouble(NamedTuple):
    """An event that a subscriber has not taken, as an administrator sees it."""

    subscriber: str
    event_id: int
    action: str
    subject: str
    tries: int
    set_aside: bool
    """It is not tried any more."""
    reason: str
    """Empty where it waits behind another one."""


_COLUMNS: Final = (
    journal.c.id,
    journal.c.transaction_id,
    journal.c.at,
    journal.c.user_id,
    journal.c.username,
    journal.c.address,
    journal.c.action,
    journal.c.subject,
    journal.c.repository_id,
    journal.c.detail,
)
_LAST_ROW: Final = Query(select(journal.c.id).order_by(journal.c.id.desc()).limit(1))
"""Each worker asks for it every second (`delivery`)."""
_OLDEST_UNDER_WAY: Final = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_ONE: Final = select(*_COLUMNS).where(journal.c.id == bindparam("event"))
_PLACE: Final = tuple_(journal.c.transaction_id, journal.c.id)
_BETWEEN: Final = (journal.c.id > bindparam("event"), journal.c.id <= bindparam("end_event"))
_BETWEEN_BY_TRANSACTION: Final = (
    tuple_(bindparam("transaction", type_=BigInteger), bindparam("event", type_=BigInteger)) < _PLACE,
    journal.c.transaction_id <= bindparam("end_transaction"),
)
_ACTIONS: Final = Query(select(journal.c.action).where(*_BETWEEN).distinct())
_ACTIONS_BY_TRANSACTION: Final = Query(select(journal.c.action).where(*_BETWEEN_BY_TRANSACTION).distinct())
_waiting: Final = (undelivered_events.c.subscriber == bindparam("who"), ~undelivered_events.c.set_aside)
_STANDING: Final = Query(
    select(
        event_positions.c.transaction_id,
        event_positions.c.event_id,
        select(func.count()).select_from(undelivered_events).where(*_waiting).scalar_subquery(),
    ).where(event_positions.c.subscriber == bindparam("who"))
)
_MOVE: Final = Change(
    update(event_positions)
    .where(
        event_positions.c.subscriber == bindparam("who"),
        # Never back: whoever was slower than somebody that took its place has nothing to say.
        tuple_(event_positions.c.transaction_id, event_positions.c.event_id)
        < tuple_(bindparam("transaction", type_=BigInteger), bindparam("event", type_=BigInteger)),
    )
    .values(transaction_id=bindparam("transaction"), event_id=bindparam("event"))
)
_LINES: Final = select(undelivered_events.c.line).where(*_waiting).distinct()
_earlier = undelivered_events.alias("earlier")
_FIRST: Final = ~exists().where(
    _earlier.c.subscriber == undelivered_events.c.subscriber,
    _earlier.c.line == undelivered_events.c.line,
    _earlier.c.event_id < undelivered_events.c.event_id,
    ~_earlier.c.set_aside,
)
_DUE: Final = (
    select(*_COLUMNS, undelivered_events.c.tries)
    .join(undelivered_events, undelivered_events.c.event_id == journal.c.id)
    .where(*_waiting, _FIRST, undelivered_events.c.retry_at <= bindparam("moment"))
    .order_by(undelivered_events.c.event_id)
    .limit(bindparam("most"))
)
_NEXT_TRY: Final = select(func.min(undelivered_events.c.retry_at)).where(*_waiting, _FIRST)
_TROUBLES: Final = (
    select(
        undelivered_events.c.subscriber,
        undelivered_events.c.event_id,
        journal.c.action,
        journal.c.subject,
        undelivered_events.c.tries,
        undelivered_events.c.set_aside,
        undelivered_events.c.reason,
    )
    .join(journal, journal.c.id == undelivered_events.c.event_id)
    .order_by(undelivered_events.c.subscriber, undelivered_events.c.event_id)
    .limit(bindparam("most"))
)
_THIS: Final = (undelivered_events.c.subscriber == bindparam("who"), undelivered_events.c.event_id == bindparam("what"))
_KNOWN: Final = select(literal(1)).where(*_THIS)
_FORGET: Final = delete(undelivered_events).where(*_THIS)


def end(db: Connection) -> Position:
    """Behind everything that may be delivered now: one statement, of an index alone."""
    if db.dialect.name == _POSTGRESQL:
        return Position(db.execute(_OLDEST_UNDER_WAY).scalar_one() - 1, _LAST)
    return Position(0, _last_row(db))


def _last_row(db: Connection) -> int:
    found = _LAST_ROW.first(db, {})
    return 0 if found is None else found[0]


def begin(site: Site, names: Collection[str]) -> None:
    """Have these subscribers hear of everything from now on; those that are known go on where they were."""
    for name in names:
        with site.store.read() as db:
            here, last = position(db, name), end(db)
        if here is None:
            with suppress(Invalid), site.store.write(access_unchanged=True) as db:  # or another process was quicker
                db.execute(
                    insert(event_positions).values(
                        subscriber=name, transaction_id=last.transaction, event_id=last.event
                    )
                )
        elif here.transaction > last.transaction:
            _count_anew(site)


def _count_anew(site: Site) -> None:
    """The journal came from another database, whose transactions were counted otherwise: they count as before all.

    What is then delivered first are the rows that somebody had not heard of. Some may be heard of twice.
    """
    with site.store.write(access_unchanged=True) as db:
        for name, *stored in db.execute(select(event_positions)).all():
            here = Position(*stored)
            behind = select(func.min(journal.c.id)).where(tuple_(*map(literal, here)) < _PLACE)
            first = db.execute(behind).scalar()
            last = _last_row(db)
            there = last if first is None else first - 1
            mine = update(event_positions).where(event_positions.c.subscriber == name)
            db.execute(mine.values(transaction_id=0, event_id=there))
        db.execute(update(journal).where(journal.c.transaction_id > 0).values(transaction_id=0))


def standing(db: Connection, name: str) -> Standing | None:
    """How far a subscriber has come; None for one that never began."""
    found = _STANDING.first(db, {"who": name})
    return None if found is None else Standing(Position(*found[:2]), found[2])


def position(db: Connection, name: str) -> Position | None:
    """How far a subscriber has come; None for one that never began."""
    found = standing(db, name)
    return None if found is None else found.position


def move(db: Connection, name: str, to: Position) -> bool:
    """Note that a subscriber has heard of everything up to there; returns whether that is new."""
    return _MOVE.run(db, {"who": name, "transaction": to.transaction, "event": to.event}) == 1


def actions(db: Connection, after: Position, to: Position) -> set[str]:
    """Of which actions there are events between two places: one short statement, where these are near each other."""
    statement = _ACTIONS_BY_TRANSACTION if db.dialect.name == _POSTGRESQL else _ACTIONS
    return {row[0] for row in statement.all(db, _between(after, to))}


def following(db: Connection, after: Position, to: Position, wanted: Collection[str], *, most: int) -> list[Recorded]:
    """The events of some actions between two places, in their order: at most so many."""
    statement = _following(frozenset(wanted), by_transaction=db.dialect.name == _POSTGRESQL)
    return [_recorded(row) for row in statement.all(db, _between(after, to) | {"most": most})]


@lru_cache(64)
def _following(wanted: frozenset[str], *, by_transaction: bool) -> Query:
    """The statement for the events of some actions, which a subscriber asks for each time."""
    between = _BETWEEN_BY_TRANSACTION if by_transaction else _BETWEEN
    order = (journal.c.transaction_id, journal.c.id) if by_transaction else (journal.c.id,)
    these = or_(*(journal.c.action == action for action in sorted(wanted)))
    return Query(select(*_COLUMNS).where(*between, these).order_by(*order).limit(bindparam("most")))


def _between(after: Position, to: Position) -> dict[str, int]:
    return {
        "transaction": after.transaction,
        "event": after.event,
        "end_transaction": to.transaction,
        "end_event": to.event,
    }


def recorded(db: Connection, event_id: int) -> Recorded | None:
    """One event by its id."""
    row = db.execute(_ONE, {"event": event_id}).first()
    return None if row is None else _recorded(row)


def held_lines(db: Connection, name: str) -> set[str]:
    """The lines in which something was not taken yet."""
    return {row[0] for row in db.execute(_LINES, {"who": name})}


def due(db: Connection, name: str, moment: float, *, most: int) -> list[Undelivered]:
    """What may be tried again at a moment, in seconds since the epoch: of each line the first."""
    rows = db.execute(_DUE, {"who": name, "moment": int(moment), "most": most})
    return [Undelivered(_recorded(row), row.tries) for row in rows]


def next_try(db: Connection, name: str) -> int | None:
    """When the next of them may be tried again, in seconds since the epoch."""
    found: int | None = db.execute(_NEXT_TRY, {"who": name}).scalar()
    return found


def troubles(db: Connection, *, most: int) -> list[Trouble]:
    """What subscribers have not taken, set aside or to be tried again: the oldest of each first."""
    return [Trouble(*row) for row in db.execute(_TROUBLES, {"most": most})]


def try_again(site: Site, caller: Caller, name: str, event_id: int) -> bool:
    """Have an event tried again now, as often as at first; returns whether it was undelivered."""
    anew = update(undelivered_events).where(*_THIS).values(tries=0, retry_at=0, set_aside=False)
    with site.store.write(access_unchanged=True) as db:
        found = db.execute(anew, {"who": name, "what": event_id}).rowcount == 1
        if found:
            record(db, caller, DeliveryAskedAgain(subject=name, event=event_id))
        return found


def hold(
    db: Connection,
    name: str,
    event: Recorded,
    *,
    tries: int = 0,
    retry_at: int = 0,
    reason: str = "",
    set_aside: bool = False,
) -> None:
    """Note that a subscriber did not take an event, or that it waits behind one; `set_aside`: it never will."""
    values = {"tries": tries, "retry_at": retry_at, "reason": storable(reason), "set_aside": set_aside}
    if db.execute(_KNOWN, {"who": name, "what": event.id}).first() is not None:
        db.execute(update(undelivered_events).where(*_THIS).values(**values), {"who": name, "what": event.id})
    else:
        row = {"subscriber": name, "event_id": event.id, "line": event.line}
        db.execute(insert(undelivered_events).values(**row, **values))


def forget(db: Connection, name: str, event: Recorded) -> bool:
    """Note that a subscriber has taken an event after all; returns whether it was held."""
    return db.execute(_FORGET, {"who": name, "what": event.id}).rowcount == 1


def heard(db: Connection, name: str, event: Recorded) -> bool:
    """Note, in the transaction of what a subscriber does of an event, that it has taken it: it hears of it once.

    False: somebody else has taken it, and nothing is to be done. A process loses its turn with its connection, and does
    not know that yet. All before the event was taken, or is held.
    """
    was_held = forget(db, name, event)
    return move(db, name, event.position) or was_held


@contextmanager
def alone(site: Site, name: str) -> Iterator[bool]:
    """Whether nobody else, in any process, delivers to a subscriber; nobody waits, and a crash lets go.

    On PostgreSQL by a lock of the connection. To lock the row of the position would take the number of a transaction,
    and hold up what all others may read for as long as this subscriber takes.
    """
    if site.store.url.get_backend_name() != _POSTGRESQL:
        with one_at_a_time(site.tree.locks / f"delivery-{name}") as free:
            yield free
        return
    with site.store.alone(f"delivery {name}") as free:
        yield free


def _recorded(row: Sequence[Any]) -> Recorded:
    """The event of a row that begins with `_COLUMNS`."""
    return Recorded(
        id=row[0],
        transaction_id=row[1],
        at=row[2],
        user_id=row[3],
        username=row[4],
        address=row[5],
        action=row[6],
        subject=row[7],
        repository_id=row[8],
        detail=msgspec.json.decode(row[9]),
    )
