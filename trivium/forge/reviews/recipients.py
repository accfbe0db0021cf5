# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipients of a comment, among the users whom its author names (api-reviews.md 4)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from sqlalchemy import Connection

from trivium.access.levels import Level
from trivium.errors import NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.store.tables import DEFAULT_USER_ID


def recipients(db: Connection, repository: Repository, named: Iterable[object]) -> list[str]:
    """The names of those users who may read the repository, each once; others are left out.

    `named` are few, by name or id.
    """
    found: dict[str, None] = {}
    for one in named:
        with contextlib.suppress(NotFound):
            user = accounts.find(db, one)
            if user.active and user.id != DEFAULT_USER_ID:
                repositories.find(db, user.as_caller(""), repository.id, Level.READ)
                found[user.username] = None
    return list(found)
