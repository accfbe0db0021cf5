# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the pages of administrators have in common."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from tests.support.browser import Answer
from tests.support.doors import Visitor
from trivium.forge.accounts import users as accounts
from trivium.forge.site import Site
from trivium.store import tables


def put(visitor: Visitor, path: str, **fields: str) -> Answer:
    return visitor.post(path, _method="PUT", **fields)


def delete(visitor: Visitor, path: str, **fields: str) -> Answer:
    return visitor.post(path, _method="DELETE", **fields)


def said(site: Site, action: str) -> list[dict[str, Any]]:
    """What the journal has noted of a kind of act."""
    journal = tables.journal
    with site.store.read() as db:
        found = db.execute(select(journal.c.detail).where(journal.c.action == action).order_by(journal.c.id)).scalars()
        return [json.loads(one) for one in found]


def account(site: Site, name: str) -> accounts.User:
    with site.store.read() as db:
        return accounts.find(db, name)
