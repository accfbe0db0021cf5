# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote addresses of repositories, comments on changesets, gists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("repositories") as batch:
        batch.add_column(sa.Column("clone_uri", sa.Text(), nullable=True))
        batch.add_column(sa.Column("clone_secret", sa.LargeBinary(), nullable=True))
    op.create_table(
        "changeset_comments",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "repository_id", sa.Integer(), sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("revision", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.String(20), nullable=True),
        sa.Column("created_on", sa.String(23), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_changeset_comments_user_id"), "changeset_comments", ["user_id"])
    op.create_index(
        "ix_changeset_comments_repository_id_revision", "changeset_comments", ["repository_id", "revision"]
    )
    op.create_table(
        "gists",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("access_id", sa.String(40), nullable=False),
        sa.Column("directory", sa.String(40), nullable=False),
        sa.Column("owner_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("expires", sa.Integer(), nullable=False),
        sa.Column("created_on", sa.String(23), nullable=False),
        sa.Column("modified_on", sa.String(23), nullable=False),
        sa.UniqueConstraint("access_id", name=op.f("uq_gists_access_id")),
        sa.UniqueConstraint("directory", name=op.f("uq_gists_directory")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_gists_owner_id"), "gists", ["owner_id"])
