# SPDX-License-Identifier: GPL-3.0-or-later
"""What names are searched by stands in the order of the lists; private repositories are counted by themselves."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_LENGTH = 3
_KINDS = (
    ("repository_grams", "repository_id", "repositories", "name_key", "name_key"),
    ("user_grams", "user_id", "users", "username_key", "search_key"),
    ("user_group_grams", "user_group_id", "user_groups", "name_key", "name_key"),
)


def _text(length: int) -> sa.types.TypeEngine[str]:
    """In the order of code points, everywhere."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    longer = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("users", sa.Column("names_key", longer, nullable=False, server_default=""))
    if not op.get_context().as_sql:
        _fold_names()
    for table, column, objects, key, text in _KINDS:
        # Made anew from the names, which takes less time than to change every row.
        op.drop_table(table)
        op.create_table(
            table,
            sa.Column("gram", _text(_LENGTH), primary_key=True),
            sa.Column("name_key", _text(255), primary_key=True),
            sa.Column(
                column,
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                sa.ForeignKey(f"{objects}.id", ondelete="CASCADE"),
                primary_key=True,
            ),
            sqlite_with_rowid=False,
        )
        # Character by character, so that one long text costs no more than it has characters.
        op.execute(
            f"INSERT INTO {table} (gram, name_key, {column})"  # noqa: S608  # names of tables
            " WITH RECURSIVE parts(id, name_key, rest) AS"
            f" (SELECT id, {key}, CAST({text} AS TEXT) FROM {objects} WHERE {text} <> ''"
            " UNION ALL SELECT id, name_key, substr(rest, 2) FROM parts WHERE length(rest) > 1)"
            f" SELECT DISTINCT substr(rest, 1, {_LENGTH}), name_key, id FROM parts ORDER BY 1, 2, 3"
        )
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index("ix_user_grams_gram_user_id", "user_grams", ["gram", "user_id"])
    op.create_index(
        "ix_repositories_private",
        "repositories",
        ["id"],
        sqlite_where=sa.text("private = 1"),
        postgresql_where=sa.text("private"),
    )


def _fold_names() -> None:
    """Of the users that are there already."""
    connection = op.get_bind()
    texts = (sa.column(name, sa.String()) for name in ("username", "firstname", "lastname", "names_key"))
    users = sa.table("users", sa.column("id", sa.Integer()), *texts)
    rows = connection.execute(
        sa.select(users.c.id, users.c.username, users.c.firstname, users.c.lastname).where(
            users.c.username != "default"
        )
    ).all()
    keys = [{"row": row.id, "key": " ".join(_folded(one) for one in row[1:] if one)} for row in rows]
    if keys:
        change = sa.update(users).where(users.c.id == sa.bindparam("row")).values(names_key=sa.bindparam("key"))
        connection.execute(change, keys)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
