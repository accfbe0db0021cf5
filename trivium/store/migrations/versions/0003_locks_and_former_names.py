# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that users see, and the names that repositories had before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "repository_locks",
        sa.Column(
            "repository_id", sa.Integer(), sa.ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("locked_on", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
    )
    op.create_index(op.f("ix_repository_locks_user_id"), "repository_locks", ["user_id"])
    op.create_table(
        "former_names",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name_key", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column(
            "repository_id", sa.Integer(), sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False
        ),
        sa.UniqueConstraint("name_key", name=op.f("uq_former_names_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_former_names_repository_id"), "former_names", ["repository_id"])
