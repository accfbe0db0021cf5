# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators look for among very many: users and user groups, by parts of their names, and what they did."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_AT_A_TIME = 2000


def upgrade() -> None:
    op.add_column("users", sa.Column("search_key", sa.Text(), nullable=False, server_default=""))
    op.drop_index(op.f("ix_users_admin"), "users")
    op.create_index("ix_users_admin_username_key", "users", ["admin", "username_key"])
    op.create_index("ix_users_active_username_key", "users", ["active", "username_key"])
    op.create_index("ix_users_active_id", "users", ["active", "id"])
    for name, objects, column in (
        ("user_grams", "users", "user_id"),
        ("user_group_grams", "user_groups", "user_group_id"),
    ):
        op.create_table(
            name,
            sa.Column("gram", sa.String(3), primary_key=True),
            sa.Column(column, sa.Integer(), sa.ForeignKey(f"{objects}.id", ondelete="CASCADE"), primary_key=True),
            sqlite_with_rowid=False,
        )
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])
    for column in ("action", "subject", "username", "at"):
        op.create_index(f"ix_journal_{column}_id", "journal", [column, "id"])
    if not op.get_context().as_sql:
        _fill()


def _fill() -> None:
    """What is there already."""
    connection = op.get_bind()
    number, text = sa.Integer(), sa.String()
    users = sa.table(
        "users", *(sa.column(name, text) for name in ("username", "email", "firstname", "lastname", "search_key")),
        sa.column("id", number),
    )  # fmt: skip
    groups = sa.table("user_groups", sa.column("id", number), sa.column("name_key", text))
    named = sa.select(users.c.id, users.c.username, users.c.email, users.c.firstname, users.c.lastname)
    keys = [
        {"row": row.id, "key": " ".join(_folded(one) for one in row[1:] if one)}
        for row in connection.execute(named.where(users.c.username != "default"))
    ]
    if keys:
        change = sa.update(users).where(users.c.id == sa.bindparam("row")).values(search_key=sa.bindparam("key"))
        connection.execute(change, keys)
    grams = sa.table("user_grams", sa.column("gram", text), sa.column("user_id", number))
    _insert(connection, grams, "user_id", ((one["row"], one["key"]) for one in keys))
    of_groups = sa.table("user_group_grams", sa.column("gram", text), sa.column("user_group_id", number))
    rows = connection.execute(sa.select(groups.c.id, groups.c.name_key)).all()
    _insert(connection, of_groups, "user_group_id", ((row.id, row.name_key) for row in rows))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _insert(connection: sa.Connection, table: Any, column: str, keys: Iterator[tuple[Any, str]]) -> None:
    made = (
        {"gram": gram, column: which}
        for which, key in keys
        for gram in sorted({key[at : at + 3] for at in range(len(key))})
    )
    while some := list(islice(made, _AT_A_TIME)):
        connection.execute(sa.insert(table), some)
