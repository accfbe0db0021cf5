# SPDX-License-Identifier: GPL-3.0-or-later
"""User names are unique by what they look like: compatibility forms count as their plain letters (decisions.md A18)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trivium.names import account_key_of

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    users = sa.table(
        "users", sa.column("id", sa.Integer()), sa.column("username", sa.String()), sa.column("username_key", sa.String())
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(users).order_by(users.c.id)).all()
    taken = {row.username_key for row in rows if account_key_of(row.username) == row.username_key}
    for row in rows:
        key = account_key_of(row.username)
        if key == row.username_key:
            continue
        if key in taken:
            # Somebody else has the name. This account keeps its keys, and can sign in again under another name that an
            # administrator gives it; no name has a key like this one.
            key = f"{key}~{row.id}"
        taken.add(key)
        connection.execute(sa.update(users).where(users.c.id == row.id).values(username_key=key))
