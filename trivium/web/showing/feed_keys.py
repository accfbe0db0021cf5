# SPDX-License-Identifier: GPL-3.0-or-later
"""The key in the addresses of feeds that a page shows (system.md 1.5)."""

from __future__ import annotations

from trivium.forge.accounts.tokens import feed_token
from trivium.web.visit import Visit


def feed_key(visit: Visit) -> str:
    """The key that a feed reader needs in the address of a feed; empty for visitors, who need none.

    The first page that shows somebody the address of a feed makes it: one that can only read feeds. Raises `WouldWait`
    then. Whoever came with a key gets none: no page repeats a key, nor tells another one.
    """
    if visit.session is None:
        return ""
    return feed_token(visit.site, visit.caller) or ""
