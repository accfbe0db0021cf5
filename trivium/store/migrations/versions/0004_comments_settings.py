# SPDX-License-Identifier: GPL-3.0-or-later
"""Comments that are todos or stand beside a line; settings of repositories; attachments; reports of exceptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # Each is an ALTER TABLE that both databases know: no table is copied, however many comments there are.
    op.add_column("changeset_comments", sa.Column("kind", sa.String(10), nullable=False, server_default="note"))
    op.add_column("changeset_comments", sa.Column("path", sa.Text()))
    op.add_column("changeset_comments", sa.Column("line", sa.String(12)))
    op.add_column("changeset_comments", sa.Column("resolves_id", sa.Integer()))
    op.create_index(op.f("ix_changeset_comments_resolves_id"), "changeset_comments", ["resolves_id"], unique=True)
    op.create_table(
        "repository_settings",
        sa.Column(
            "repository_id", sa.Integer(), sa.ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("key", sa.String(100), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
    op.create_table(
        "reported_exceptions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer()),
        sa.Column("prefix", sa.String(100), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_on", sa.String(23), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_reported_exceptions_created_on"), "reported_exceptions", ["created_on"])
    op.create_table(
        "attachments",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("fid", sa.String(80), nullable=False),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="SET NULL")),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_on", sa.String(23), nullable=False),
        sa.UniqueConstraint("fid", name=op.f("uq_attachments_fid")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attachments_user_id"), "attachments", ["user_id"])
    op.create_index(op.f("ix_journal_user_id"), "journal", ["user_id"])
