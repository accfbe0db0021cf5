# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones in which somebody may want times to be told (web.md 3.4)."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final

_REGIONS: Final = frozenset(
    ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """The names of all zones that the system knows by a place, in order; none where it has no such database."""
    return tuple(sorted(name for name in zoneinfo.available_timezones() if name.partition("/")[0] in _REGIONS))


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The zone with a name; UTC for an empty one, and for what is none."""
    if not name or name not in zones():
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return UTC
