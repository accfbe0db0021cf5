# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients and extensions tell of their own troubles: kept for a while, for an administrator to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select

from trivium.access.caller import Caller
from trivium.errors import Invalid
from trivium.forge.bounds import check_label
from trivium.forge.events import journal
from trivium.forge.events.reports import ExceptionReported
from trivium.forge.site import Site
from trivium.store.engine import insert_id
from trivium.store.tables import now, users
from trivium.store.tables import reported_exceptions as table

MAX_BYTES: Final = 64 << 10
KEPT_DAYS: Final = 30
_MAX_PREFIX: Final = 100
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Report:
    """What a program told."""

    id: int
    created_on: str
    username: str | None
    """Of the account that it used; None when there is no such account any more."""
    prefix: str
    detail: str
    """A JSON object, as it came."""

    def values(self) -> dict[str, str]:
        """What it says, by name: texts as they are, all else as JSON. Raises nothing: what is none is one text."""
        try:
            found = msgspec.json.decode(self.detail, type=dict[str, object])
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return {"": self.detail}
        return {
            name: value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value)).decode()
            for name, value in found.items()
        }


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Some reports, the newest first."""

    rows: list[Report]
    older: int | None
    """After which number the next page begins; None at the end."""


_SELECT: Final = (
    select(table.c.id, table.c.created_on, users.c.username, table.c.prefix, table.c.detail)
    .select_from(table.outerjoin(users, users.c.id == table.c.user_id))
    .order_by(table.c.id.desc())
)


def page(db: Connection, *, before: int | None, limit: int) -> ReportPage:
    """The newest `limit` reports, or those before another one."""
    statement = _SELECT if before is None else _SELECT.where(table.c.id < before)
    found = [Report(*row) for row in db.execute(statement.limit(limit + 1))]
    return ReportPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def find(db: Connection, report_id: int) -> Report | None:
    """One of them."""
    row = db.execute(_SELECT.where(table.c.id == report_id)).first()
    return None if row is None else Report(*row)


def keep(site: Site, caller: Caller, detail: str, prefix: str) -> int:
    """Keep a report, which is JSON as text, and forget those of more than 30 days; returns its id."""
    if len(detail.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Invalid(f"a report has at most {MAX_BYTES} bytes")
    if len(check_label(prefix)) > _MAX_PREFIX:
        raise Invalid(f"a prefix has at most {_MAX_PREFIX} characters")
    with site.store.write(access_unchanged=True) as db:
        db.execute(delete(table).where(table.c.created_on < now(ago=KEPT_DAYS * _DAY)))
        report = insert_id(db, table, user_id=caller.user_id, prefix=prefix, detail=detail, created_on=now())
        journal.record(db, caller, ExceptionReported(subject=str(report), prefix=prefix))
    return report
