# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients and extensions tell of their own troubles: kept for a while, for an administrator to read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete

from trivium.access.caller import Caller
from trivium.errors import Invalid
from trivium.forge.bounds import check_label
from trivium.forge.events import journal
from trivium.forge.events.reports import ExceptionReported
from trivium.forge.site import Site
from trivium.store.engine import insert_id
from trivium.store.tables import now
from trivium.store.tables import reported_exceptions as table

MAX_BYTES: Final = 64 << 10
KEPT_DAYS: Final = 30
_MAX_PREFIX: Final = 100


def keep(site: Site, caller: Caller, detail: str, prefix: str) -> int:
    """Keep a report, which is JSON as text, and forget those of more than 30 days; returns its id."""
    if len(detail.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Invalid(f"a report has at most {MAX_BYTES} bytes")
    if len(check_label(prefix)) > _MAX_PREFIX:
        raise Invalid(f"a prefix has at most {_MAX_PREFIX} characters")
    old = (datetime.now(UTC) - timedelta(days=KEPT_DAYS)).replace(tzinfo=None).isoformat(timespec="milliseconds")
    with site.store.write(access_unchanged=True) as db:
        db.execute(delete(table).where(table.c.created_on < old))
        report = insert_id(db, table, user_id=caller.user_id, prefix=prefix, detail=detail, created_on=now())
        journal.record(db, caller, ExceptionReported(subject=str(report), prefix=prefix))
    return report
