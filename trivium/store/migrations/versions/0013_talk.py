# SPDX-License-Identifier: GPL-3.0-or-later
"""Former texts of comments, drafts, notifications, and for whom gists are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_UNREAD = sa.text("read_on IS NULL")


def _text(length: int | None = None) -> sa.types.TypeEngine[str]:
    """In the order of code points, everywhere."""
    kind = sa.Text if length is None else sa.String
    return kind(length).with_variant(kind(length, collation="C"), "postgresql")


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "comment_texts",
        sa.Column("id", _number(), primary_key=True),
        sa.Column(
            "comment_id", _number(), sa.ForeignKey("changeset_comments.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("text", _text(), nullable=False),
        sa.Column("replaced_on", _text(23), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_comment_texts_comment_id"), "comment_texts", ["comment_id"])
    op.create_table(
        "comment_drafts",
        sa.Column("id", _number(), primary_key=True),
        sa.Column("user_id", _number(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("repository_id", _number(), sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
        sa.Column("revision", _text(64), nullable=False),
        sa.Column("text", _text(), nullable=False),
        sa.Column("path", _text()),
        sa.Column("line", _text(12)),
        sa.Column("created_on", _text(23), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_comment_drafts_repository_id"), "comment_drafts", ["repository_id"])
    op.create_index("ix_comment_drafts_of", "comment_drafts", ["user_id", "repository_id", "revision"])
    op.create_table(
        "notifications",
        sa.Column("id", _number(), primary_key=True),
        sa.Column("user_id", _number(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _text(30), nullable=False),
        sa.Column("at", _text(23), nullable=False),
        sa.Column("username", _text(255), nullable=False),
        sa.Column("comment_id", _number()),
        sa.Column("read_on", _text(23)),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_notifications_comment_id"), "notifications", ["comment_id"])
    op.create_index("ix_notifications_event", "notifications", ["user_id", "event_id"], unique=True)
    op.create_index(
        "ix_notifications_unread", "notifications", ["user_id", "id"], sqlite_where=_UNREAD, postgresql_where=_UNREAD
    )
    op.add_column("gists", sa.Column("acl_level", _text(20), nullable=False, server_default="acl_public"))
