# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs say of commits; comments that were changed or deleted; which files comments link to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("changeset_comments", sa.Column("edited_on", sa.String(23)))
    op.add_column("changeset_comments", sa.Column("deleted_on", sa.String(23)))
    op.create_table(
        "commit_checks",
        sa.Column(
            "repository_id", sa.Integer(), sa.ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("raw_id", sa.String(64), primary_key=True),
        sa.Column("context", sa.String(255), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="SET NULL")),
        sa.Column("updated_on", sa.String(23), nullable=False),
    )
    op.create_index(op.f("ix_commit_checks_user_id"), "commit_checks", ["user_id"])
    op.create_table(
        "comment_attachments",
        sa.Column(
            "comment_id", sa.Integer(), sa.ForeignKey("changeset_comments.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("attachment_id", sa.Integer(), sa.ForeignKey("attachments.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index(op.f("ix_comment_attachments_attachment_id"), "comment_attachments", ["attachment_id"])
