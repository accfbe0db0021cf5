# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages need: sessions, preferences, visits, who follows whom, and lists that are walked by an index."""

from __future__ import annotations

from itertools import islice

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TOLD = sa.text("action <> 'pull' AND repository_id IS NOT NULL")
_AT_A_TIME = 2000


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_on", sa.String(23), nullable=False),
        sa.Column("last_seen", sa.String(23), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("remember", sa.Boolean(), nullable=False),
        sa.Column("flash", sa.Text()),
        sa.UniqueConstraint("digest", name=op.f("uq_sessions_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"])
    op.create_index(op.f("ix_sessions_last_seen"), "sessions", ["last_seen"])
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("chosen", sa.Text(), nullable=False),
    )
    op.create_table(
        "user_followers",
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("follower_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index(op.f("ix_user_followers_follower_id"), "user_followers", ["follower_id"])
    op.create_table(
        "visits",
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "repository_id", sa.Integer(), sa.ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("visited_on", sa.String(23), nullable=False),
    )
    op.create_index(op.f("ix_visits_repository_id"), "visits", ["repository_id"])
    op.create_index("ix_repositories_updated_on", "repositories", ["updated_on", "id", "name_key"])
    op.create_index("ix_repositories_group_id_updated_on", "repositories", ["group_id", "updated_on", "id"])
    op.create_index("ix_repositories_group_id_name_key", "repositories", ["group_id", "name_key"])
    op.create_index("ix_repositories_kind_updated_on", "repositories", ["kind", "updated_on", "id"])
    # Those of groups begin with the same column.
    op.drop_index(op.f("ix_repositories_group_id"), "repositories")
    op.create_index("ix_repository_grants_user_id_level", "repository_grants", ["user_id", "level", "object_id"])
    op.drop_index(op.f("ix_repository_grants_user_id"), "repository_grants")
    for name, column in (("ix_journal_repository_told", "repository_id"), ("ix_journal_user_told", "user_id")):
        op.create_index(name, "journal", [column, "id"], sqlite_where=_TOLD, postgresql_where=_TOLD)
    op.create_table(
        "repository_grams",
        sa.Column("gram", sa.String(3).with_variant(sa.String(3, collation="C"), "postgresql"), primary_key=True),
        sa.Column(
            "repository_id", sa.Integer(), sa.ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_repository_grams_repository_id"), "repository_grams", ["repository_id"])
    if op.get_context().dialect.name == "postgresql":
        # The user `default` was inserted with an id, of which PostgreSQL's counter knows nothing.
        op.execute("SELECT setval(pg_get_serial_sequence('users', 'id'), (SELECT max(id) FROM users))")
    if not op.get_context().as_sql:
        _fill_grams()


def _fill_grams() -> None:
    """The names that are there already."""
    repositories = sa.table("repositories", sa.column("id", sa.Integer()), sa.column("name_key", sa.String()))
    grams = sa.table("repository_grams", sa.column("gram", sa.String()), sa.column("repository_id", sa.Integer()))
    connection = op.get_bind()
    rows = connection.execute(sa.select(repositories.c.id, repositories.c.name_key)).all()
    made = (
        {"gram": gram, "repository_id": row.id}
        for row in rows
        for gram in sorted({row.name_key[at : at + 3] for at in range(len(row.name_key))})
    )
    while some := list(islice(made, _AT_A_TIME)):
        connection.execute(sa.insert(grams), some)
