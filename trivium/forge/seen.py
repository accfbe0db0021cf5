# SPDX-License-Identifier: GPL-3.0-or-later
"""What callers saw of something when they decided how to change it (web.md 3.4).

Whoever reads, decides and writes may undo what somebody else has written between. So what is changed in forms takes a
`Seen`, and looks with it in its own transaction, before it writes: nobody writes between the two, for transactions that
may change what is seen run one after the other (`Store.write`).
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from trivium.access.caller import Caller

Seen = Callable[[Connection, Caller], None]
"""Looks at what stands, and raises `ChangedMeanwhile` when that is not what the caller saw. May be asked repeatedly."""


def whatever(_db: Connection, _caller: Caller) -> None:
    """For callers who want their change whatever stands there."""
