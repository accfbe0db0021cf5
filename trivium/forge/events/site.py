# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to the settings of the site; the subject is the name of a setting."""

from __future__ import annotations

from typing import Any

from trivium.forge.events.event import Event


class SiteSettingsChanged(Event, frozen=True):
    """Settings of the site were set; null is the value that it has by itself."""

    action = "site.settings"
    changes: dict[str, Any]
    was: dict[str, Any]


class SessionsForgotten(Event, frozen=True):
    """Sessions of whoever were ended that nobody had used for so many days."""

    action = "site.forget_sessions"
    days: int
    count: int


class CachesInvalidated(Event, frozen=True):
    """Somebody had forgotten what was kept of all repositories to answer faster."""

    action = "site.invalidate_caches"
    count: int
