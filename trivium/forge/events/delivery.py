# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscribers hear of what happened: of everything at least once, in order per line, after a crash as well.

A subscriber is read its events from the outbox, behind its position, by one process at a time. An event that it does
not take is put down, and tried again later; what follows in the same line waits behind it, everything else goes on.
After the last try the event is set aside, with the reason in its row, and no longer holds up its line. A kill at any
moment repeats what was delivered since the position was written last, at most.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection

from trivium.errors import TriviumError
from trivium.forge.events import outbox
from trivium.forge.events.outbox import Position, Recorded
from trivium.forge.site import Site

_log = structlog.get_logger(__name__)

WAITS: Final = (1, 5, 30, 120, 600, 3600, 6 * 3600)
"""Seconds after each failure until the next try; after the last an event is set aside."""
_AT_ONCE: Final = 100
"""Events of one statement."""
_WRITTEN_AFTER: Final = 0.5
"""Seconds of deliveries that a kill may repeat."""
_FAR: Final = 1000
"""So many rows that do not concern a subscriber are passed without noting it."""
_GATHERED: Final = 0.02
"""Seconds after an event in which further ones are waited for."""
_POLL: Final = 1.0
_IDLE_POLL: Final = 5.0
"""Seconds between two looks for events of other processes, while some happen and when none have for a while."""
_IDLE_AFTER: Final = 60
"""Looks that found nothing."""
_OCCUPIED: Final = 0.25
"""Seconds until the next try when another process is delivering: it may have looked just before the last commit."""
_SOONEST: Final = 0.05
_BROKEN: Final = 5.0
"""Seconds until the next try when the database is in trouble."""
_LONGEST_REASON: Final = 500


class Undeliverable(TriviumError):
    """A subscriber says that it will never take this event; the message is the reason, without secrets."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who hears of events."""

    name: str
    """Under which its position is stored; 1 to 60 characters, never changed."""
    actions: frozenset[str]
    """Of which events it hears."""
    deliver: Callable[[Recorded], None]
    """Takes one event. It may be called twice for the same; whatever it raises is a failure. It may be slow."""
    pause: float = 0.0
    """Seconds after each delivery in which events are gathered: of many its position is then stored less often."""


def deliver(site: Site, to: Subscriber, *, ending: Callable[[], bool] = lambda: False) -> float | None:
    """Deliver all that there is for a subscriber now.

    Returns after how many seconds it makes sense to try again, even if nothing happens meanwhile; None: only then.
    """
    return _deliver(site, to, ending).again


class _Delivered(NamedTuple):
    """How a turn ended."""

    again: float | None
    """As `deliver` returns it."""
    heard: bool
    """Whether there was any event for the subscriber."""


def _deliver(site: Site, to: Subscriber, ending: Callable[[], bool]) -> _Delivered:
    with outbox.alone(site, to.name) as free:
        if not free:
            return _Delivered(_OCCUPIED, heard=False)
        turn = _Turn(site, to, ending)
        turn.retry()
        turn.go_on()
        return _Delivered(turn.next_try(), turn.heard)


class _Turn:
    """One process delivers to one subscriber."""

    def __init__(self, site: Site, to: Subscriber, ending: Callable[[], bool]) -> None:
        self._site = site
        self._to = to
        self._ending = ending
        self.heard = False

    def retry(self) -> None:
        """Try what was not taken before, where it is time: of each line the first, then what waits behind it."""
        while not self._ending():
            with self._site.store.read() as db:
                due = outbox.due(db, self._to.name, time.time(), most=_AT_ONCE)
            if not due:
                return
            for event, tries in due:
                if not self._ending():
                    self._try_again(event, tries)

    def _try_again(self, event: Recorded, tries: int) -> None:
        reason, final = self._given(event)
        with self._site.store.write(access_unchanged=True) as db:
            if reason:
                self._hold(db, event, tries + 1, reason, final=final)
            else:
                outbox.forget(db, self._to.name, event)

    def go_on(self) -> None:
        """Deliver what follows the position."""
        name = self._to.name
        with self._site.store.read() as db:
            here, end = outbox.position(db, name), outbox.end(db)
            held = outbox.held_lines(db, name)
        if here is None:
            outbox.begin(self._site, (name,))
            return
        while here < end:
            with self._site.store.read() as db:
                events = outbox.following(db, here, end, self._to.actions, most=_AT_ONCE)
            if not self._delivered(events, held):
                return
            passed = len(events) < _AT_ONCE
            to = end if passed else events[-1].position
            if events or to.event - here.event >= _FAR or to.transaction - here.transaction >= _FAR:
                self._note(to)
            if passed:
                return
            here = to

    def _delivered(self, events: Sequence[Recorded], held: set[str]) -> bool:
        """Deliver events in their order; returns whether that was not interrupted."""
        written = time.monotonic()
        for event in events:
            if self._ending():
                return False
            reason, final = "", False
            if event.line not in held:
                reason, final = self._given(event)
                if not reason:
                    if time.monotonic() - written >= _WRITTEN_AFTER:
                        self._note(event.position)
                        written = time.monotonic()
                    continue
            with self._site.store.write(access_unchanged=True) as db:
                if not reason:
                    outbox.hold(db, self._to.name, event)
                elif not self._hold(db, event, 1, reason, final=final):
                    held.add(event.line)
                outbox.move(db, self._to.name, event.position)
            written = time.monotonic()
        return True

    def _given(self, event: Recorded) -> tuple[str, bool]:
        """Give an event to the subscriber; returns why it did not take it, and whether that is final."""
        self.heard = True
        try:
            self._to.deliver(event)
        except Undeliverable as error:
            return _reason(error), True
        except TriviumError as error:
            return _reason(error), False
        except Exception as error:
            _log.exception("a subscriber failed", subscriber=self._to.name, event_id=event.id, action=event.action)
            return _reason(error), False
        return "", False

    def _hold(self, db: Connection, event: Recorded, tries: int, reason: str, *, final: bool) -> bool:
        """Note a failure; returns whether the event is set aside."""
        final = final or tries > len(WAITS)
        wait = 0 if final else WAITS[tries - 1]
        outbox.hold(
            db,
            self._to.name,
            event,
            tries=tries,
            retry_at=int(time.time()) + wait,
            reason=reason,
            set_aside=final,
        )
        told = {"subscriber": self._to.name, "event_id": event.id, "action": event.action, "why": reason}
        if final:
            _log.error("an event is set aside", **told, tries=tries)
        else:
            _log.warning("an event was not taken", **told, again_in=wait)
        return final

    def _note(self, to: Position) -> None:
        # A power loss repeats deliveries, as a kill does.
        with self._site.store.write(access_unchanged=True, durable=False) as db:
            outbox.move(db, self._to.name, to)

    def next_try(self) -> float | None:
        """After how many seconds something may be tried again."""
        with self._site.store.read() as db:
            at = outbox.next_try(db, self._to.name)
        return None if at is None else max(_SOONEST, at - time.time())


@dataclass(slots=True)
class _State:
    """What this process knows of a subscriber."""

    seen: Position | None = None
    """The end of the journal when it was delivered to last."""
    at_work: bool = False
    again_at: float | None = None
    """When to try again in any case, by the monotonic clock."""
    ended: float = -math.inf
    """When it was delivered to last, by the same."""
    not_before: float = -math.inf
    """What nobody here knows to be wanted waits until then."""
    told: bool = False
    """Whether something that is wanted was recorded here since it was last set to work."""


@dataclass(slots=True)
class Delivery:
    """Delivers, in one process, to all subscribers: each in a thread of its own, so that none holds up others."""

    site: Site
    subscribers: Collection[Subscriber]
    _woken: threading.Event = field(default_factory=threading.Event)
    _closing: threading.Event = field(default_factory=threading.Event)
    _states: dict[str, _State] = field(default_factory=dict)
    _threads: ThreadPoolExecutor | None = None
    _watcher: threading.Thread | None = None
    _wanted: Set[str] = frozenset()
    _begun: bool = False

    def start(self) -> None:
        """Begin: whatever is recorded from now on is delivered; where the database is away, from when it is back."""
        with suppress(TriviumError):
            self._begin()
        self._states = {one.name: _State() for one in self.subscribers}
        self._wanted = frozenset[str]().union(*(one.actions for one in self.subscribers))
        self._threads = ThreadPoolExecutor(max(1, len(self.subscribers)), thread_name_prefix="deliver")
        self._watcher = threading.Thread(target=self._watch, name="delivery", daemon=True)
        self._watcher.start()
        self.site.store.on_events = self._recorded

    def stop(self) -> None:
        """End after the events under way."""
        self.site.store.on_events = None
        self._closing.set()
        self._woken.set()
        if self._watcher is not None:
            self._watcher.join()
        if self._threads is not None:
            self._threads.shutdown()

    def _recorded(self, actions: Set[str]) -> None:
        """Somebody in this process has committed events."""
        if not actions.isdisjoint(self._wanted):
            for one in self.subscribers:
                if not actions.isdisjoint(one.actions):
                    self._states[one.name].told = True
            self._woken.set()

    def _begin(self) -> None:
        outbox.begin(self.site, [one.name for one in self.subscribers])
        self._begun = True

    def _watch(self) -> None:
        quiet = 0
        while not self._closing.is_set():
            try:
                if not self._begun:
                    self._begin()
                found = self._look()
                pause = self._pause(_IDLE_POLL if quiet >= _IDLE_AFTER else _POLL)
            except Exception as error:
                _log.warning("events cannot be delivered now", why=_reason(error))
                found, pause = True, _BROKEN
            quiet = 0 if found else quiet + 1
            if self._woken.wait(pause) and not self._closing.wait(_GATHERED):
                self._woken.clear()

    def _look(self) -> bool:
        """Set to work whoever may have something to hear; returns whether anybody has."""
        with self.site.store.read() as db:
            end = outbox.end(db)
        found, moment = False, time.monotonic()
        for one in self.subscribers:
            state = self._states[one.name]
            due = state.again_at is not None and state.again_at <= moment
            if state.at_work or (end == state.seen and not due):
                continue
            # Most of what happens concerns no subscriber, and other processes do not say what they recorded.
            soonest = max(state.ended + one.pause, -math.inf if state.told else state.not_before)
            if soonest > moment:
                state.again_at = soonest if state.again_at is None else min(state.again_at, soonest)
                continue
            found = True
            told, state.told = state.told, False
            state.at_work, state.seen, state.again_at = True, end, None
            assert self._threads is not None
            self._threads.submit(partial(self._work, one, state, told))
        return found

    def _work(self, to: Subscriber, state: _State, told: bool) -> None:
        try:
            again, heard = _deliver(self.site, to, self._closing.is_set)
        except Exception as error:
            _log.warning("events cannot be delivered now", subscriber=to.name, why=_reason(error))
            again, heard = _BROKEN, False
        state.ended = time.monotonic()
        if told and not heard and again is None:
            again = _OCCUPIED  # another process has just delivered it, or it cannot be seen yet (`outbox`)
        state.not_before = -math.inf if heard else state.ended + (_OCCUPIED if again == _OCCUPIED else _POLL)
        if again is not None:
            state.again_at = state.ended + again
        state.at_work = False
        if heard or state.told or again is not None:
            self._woken.set()  # for what came meanwhile, and for the time of the next try

    def _pause(self, longest: float) -> float:
        """Until when there is nothing to do but to look for events of other processes."""
        moments = [state.again_at for state in self._states.values() if state.again_at is not None]
        return max(0.0, min([longest, *(at - time.monotonic() for at in moments)]))


def _reason(error: Exception) -> str:
    """What is told of a failure: of those that we do not raise ourselves the kind alone, for they may name anything."""
    told = str(error) if isinstance(error, TriviumError) else type(error).__name__
    return " ".join(told.split())[:_LONGEST_REASON]
