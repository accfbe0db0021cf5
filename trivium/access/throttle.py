# SPDX-License-Identifier: GPL-3.0-or-later
"""Guessing passwords is slowed down, per account and address and per address alone (security.md S-20).

Failures are counted in the database, so that all workers count together. A wait ends by itself, doubles when the
guessing goes on, and never stops somebody who shows a key.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from trivium.names import key_of
from trivium.store.engine import Store
from trivium.store.tables import sign_in_failures

ACCOUNT_WINDOW: Final = 300
ADDRESS_WINDOW: Final = 600
LONGEST_WAIT: Final = 900
_FORGET_AFTER: Final = 86400

_BLOCKED_UNTIL = select(func.max(sign_in_failures.c.blocked_until)).where(
    sign_in_failures.c.address == bindparam("from_address"),
    sign_in_failures.c.account.in_((bindparam("name"), "")),
)
_ROW = select(sign_in_failures).where(
    sign_in_failures.c.address == bindparam("from_address"), sign_in_failures.c.account == bindparam("name")
)
_FORGET = delete(sign_in_failures).where(
    sign_in_failures.c.address == bindparam("from_address"), sign_in_failures.c.account == bindparam("name")
)
_FORGET_OLD = delete(sign_in_failures).where(
    sign_in_failures.c.first_at < bindparam("before"), sign_in_failures.c.blocked_until < bindparam("before")
)


@dataclass(frozen=True, slots=True)
class Throttle:
    """The limits of one installation (security.md 6)."""

    account_failures: int
    address_failures: int
    first_wait: int

    def seconds_to_wait(self, store: Store, account: str, address: str) -> int:
        """How long this account may not sign in from this address; 0: not at all."""
        with store.read() as db:
            until = db.execute(_BLOCKED_UNTIL, {"name": _account(account), "from_address": address}).scalar()
        return max(0, int(until or 0) - int(time.time()))

    def failed(self, store: Store, account: str, address: str) -> None:
        """Count one wrong password."""
        moment = int(time.time())
        with store.write(access_unchanged=True) as db:
            db.execute(_FORGET_OLD, {"before": moment - _FORGET_AFTER})
            for name, window, limit in (
                (_account(account), ACCOUNT_WINDOW, self.account_failures),
                ("", ADDRESS_WINDOW, self.address_failures),
            ):
                where = {"name": name, "from_address": address}
                row = db.execute(_ROW, where).first()
                failures, first_at, until, wait = 1, moment, 0, self.first_wait
                if row is not None:
                    wait = row.wait
                    if max(row.first_at, row.blocked_until) + window > moment:
                        failures, first_at, until = row.failures + 1, row.first_at, row.blocked_until
                    else:
                        wait = self.first_wait
                if failures >= limit:
                    # The next series starts from zero after the wait, and waits twice as long.
                    failures, first_at, until = 0, moment, moment + wait
                    wait = min(wait * 2, LONGEST_WAIT)
                db.execute(_FORGET, where)
                db.execute(
                    sign_in_failures.insert(),
                    {
                        "account": name,
                        "address": address,
                        "failures": failures,
                        "first_at": first_at,
                        "blocked_until": until,
                        "wait": wait,
                    },
                )

    def succeeded(self, store: Store, account: str, address: str) -> None:
        """A right password clears what was counted against the account from there."""
        where = {"name": _account(account), "from_address": address}
        with store.read() as db:
            if db.execute(_ROW, where).first() is None:
                return
        with store.write(access_unchanged=True) as db:
            db.execute(_FORGET, where)


def _account(name: str) -> str:
    return key_of(name)[:255] or "?"
