# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the core that are kept like parts of pages, because what a page makes of them depends on the visitor."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

import msgspec

from trivium.forge.history.prepared import written
from trivium.web.visit import RepositoryVisit

T = TypeVar("T")

_SMALL: Final = 1_000
"""Characters that such a value might be told in."""


def kept(visit: RepositoryVisit, form: Any, *key: Hashable, make: Callable[[], T]) -> T:
    """A value of the type `form`: kept under its key, or made now, as `RepositoryVisit.part`. Nobody may change it.

    It is the same in every language, and may have been made after a push (`forge.history.prepared`).
    """
    at_hand = visit.fragments.value(visit.repository.id, key)
    if at_hand is not None:
        ready: T = at_hand[0]
        return ready
    text = visit.fragments.find(visit.repository.id, key)
    if text is None:
        visit.take_time()
        text = visit.fragments.made(visit.repository.id, key, lambda: written(make()))
    found: T = _value(form, text)
    visit.fragments.remember(visit.repository.id, key, found, len(text))
    return found


def recalled(
    visit: RepositoryVisit, *key: Hashable, make: Callable[[], T], length: Callable[[T], int] = lambda _: _SMALL
) -> T:
    """A value that is made again sooner than it is written down: this worker alone remembers it.

    `length` says how many characters it might be told in; most are small.

    Raises `TakesLong` where it has to be made and there is no time for it. Nobody may change it.
    """
    at_hand = visit.fragments.value(visit.repository.id, key)
    if at_hand is not None:
        ready: T = at_hand[0]
        return ready
    visit.take_time()
    made = make()
    visit.fragments.remember(visit.repository.id, key, made, length(made))
    return made


def known(visit: RepositoryVisit, form: Any, *key: Hashable) -> Any | None:
    """Such a value, if it was made before."""
    at_hand = visit.fragments.value(visit.repository.id, key)
    if at_hand is not None:
        return at_hand[0]
    text = visit.fragments.find(visit.repository.id, key)
    if text is None:
        return None
    found = _value(form, text)
    visit.fragments.remember(visit.repository.id, key, found, len(text))
    return found


def json_of(visit: RepositoryVisit, *key: Hashable, make: Callable[[], object]) -> msgspec.Raw:
    """A value as JSON: kept under its key, or made now."""
    return msgspec.Raw(visit.part(*key, make=lambda: written(make())).encode())


def _value(form: Any, text: str) -> Any:
    return msgspec.convert(json.loads(text), form)
