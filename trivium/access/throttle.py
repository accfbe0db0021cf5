# SPDX-License-Identifier: GPL-3.0-or-later
"""Guessing passwords is slowed down (security.md S-20): per account and address, per address, and per account.

Failures are counted in the database, so that all workers count together. A wait ends by itself, doubles when the
guessing goes on, and never stops somebody who shows a key. IPv6 addresses count by their networks of 64 bits, because
one client has all addresses of such a network. The count per account alone has the wide limit of an address. It is
against attackers who have many networks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, bindparam, delete, func, or_, select

from trivium.http.addresses import neighbourhood
from trivium.names import MAX_NAME, account_key_of, storable
from trivium.store.engine import Store
from trivium.store.locks import SIGN_IN_FAILURES, lock
from trivium.store.tables import sign_in_failures

ACCOUNT_WINDOW: Final = 300
ADDRESS_WINDOW: Final = 600
LONGEST_WAIT: Final = 900
_FORGET_AFTER: Final = 86400

_ANYWHERE: Final = ""
"""Stands for all addresses, in the count of an account."""
_ANYBODY: Final = ""
"""Stands for all accounts, in the count of an address."""

_BLOCKED_UNTIL = select(func.max(sign_in_failures.c.blocked_until)).where(
    or_(
        and_(
            sign_in_failures.c.address == bindparam("from_address"),
            sign_in_failures.c.account.in_((bindparam("name"), _ANYBODY)),
        ),
        and_(sign_in_failures.c.address == _ANYWHERE, sign_in_failures.c.account == bindparam("name")),
    )
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
        """Seconds for which this account may not sign in from this address; 0: it may."""
        with store.read() as db:
            where = {"name": _account(account), "from_address": neighbourhood(address)}
            until = db.execute(_BLOCKED_UNTIL, where).scalar()
        return max(0, int(until or 0) - int(time.time()))

    def failed(self, store: Store, account: str, address: str) -> None:
        """Count one wrong password."""
        moment = int(time.time())
        name, here = _account(account), neighbourhood(address)
        with store.write(access_unchanged=True) as db:
            lock(db, SIGN_IN_FAILURES)
            db.execute(_FORGET_OLD, {"before": moment - _FORGET_AFTER})
            for whose, where_from, window, limit in (
                (name, here, ACCOUNT_WINDOW, self.account_failures),
                (_ANYBODY, here, ADDRESS_WINDOW, self.address_failures),
                (name, _ANYWHERE, ADDRESS_WINDOW, self.address_failures),
            ):
                where = {"name": whose, "from_address": where_from}
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
                        "account": whose,
                        "address": where_from,
                        "failures": failures,
                        "first_at": first_at,
                        "blocked_until": until,
                        "wait": wait,
                    },
                )

    def succeeded(self, store: Store, account: str, address: str) -> None:
        """A right password clears what was counted against the account from there."""
        where = {"name": _account(account), "from_address": neighbourhood(address)}
        with store.read() as db:
            if db.execute(_ROW, where).first() is None:
                return
        with store.write(access_unchanged=True) as db:
            db.execute(_FORGET, where)


def _account(name: str) -> str:
    """The account as rows name it; no account has what a database cannot hold, but it is counted like the others."""
    return storable(account_key_of(name)[:MAX_NAME]) or "?"
