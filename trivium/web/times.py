# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in pages: parts are kept for long, and a time is put in as "2 hours ago" when a page is sent (web.md 5)."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from trivium.language import Language, moment_of

SLOT: Final = "<?t "
"""Begins a moment that is to become an age, and `END` ends it. No text of users has it: theirs have no bare `<`."""
END: Final = "?>"
TOKEN_SLOT: Final = "<?c?>"
"""Stands where a form has its token."""
REST_SLOT: Final = "<?r?>"
"""Stands in a page where the rest of it belongs, which is sent piece by piece."""


@lru_cache(maxsize=8192)
def when(moment: str) -> str:
    """The HTML of a moment in ISO 8601; without a zone it is UTC. Empty for what is no moment."""
    found = moment_of(moment)
    if found is None:
        return ""
    iso = _iso(found)
    return f'<time datetime="{iso}" title="{_whole(found)}">{SLOT}{iso}{END}</time>'


def whole(moment: str) -> str:
    """The HTML of a moment as day, time and zone in which it was told. Empty for what is no moment."""
    found = moment_of(moment)
    return "" if found is None else f'<time datetime="{_iso(found)}">{_whole(found)}</time>'


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _whole(moment: datetime) -> str:
    zone = moment.strftime("%z")
    return moment.strftime("%Y-%m-%d %H:%M") + (" UTC" if zone in ("", "+0000") else f" {zone[:3]}:{zone[3:]}")


class Telling(NamedTuple):
    """How somebody wants moments to be told."""

    absolute: bool = False
    """By date and time, not by age."""
    zone: tzinfo = UTC


PLAINLY: Final = Telling()
"""As whoever chose nothing is told."""


def filled(html: str, language: Language, telling: Telling = PLAINLY, *, now: datetime | None = None) -> str:
    """A page with its ages put in."""
    pieces = html.split(SLOT)
    if len(pieces) == 1:
        return html
    now = now or datetime.now(UTC)
    for at in range(1, len(pieces)):
        iso, _, rest = pieces[at].partition(END)
        pieces[at] = shown(datetime.fromisoformat(iso), language, now, telling) + rest
    return "".join(pieces)


def shown(moment: datetime, language: Language, now: datetime, telling: Telling) -> str:
    """A moment as pages tell it."""
    there = moment.astimezone(telling.zone)
    return f"{there:%Y-%m-%d %H:%M}" if telling.absolute else language.ago(there, now)
