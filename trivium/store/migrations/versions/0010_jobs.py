# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, and what is done regularly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_OPEN = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("repository_id", sa.Integer()),
        sa.Column("reserves", sa.Boolean(), nullable=False),
        sa.Column("reserved_key", sa.String(255)),
        sa.Column("only_one", sa.String(100)),
        sa.Column("owner_id", sa.Integer()),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(255), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("asked_to_end", sa.Boolean(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("what", sa.String(100), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("most_attempts", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.String(23), nullable=False),
        sa.Column("sent_on", sa.String(23)),
        sa.Column("runner", sa.String(32)),
        sa.Column("created_on", sa.String(23), nullable=False),
        sa.Column("started_on", sa.String(23)),
        sa.Column("ended_on", sa.String(23)),
        sa.UniqueConstraint("reserved_key", name=op.f("uq_jobs_reserved_key")),
        sa.UniqueConstraint("only_one", name=op.f("uq_jobs_only_one")),
    )
    op.create_index(op.f("ix_jobs_repository_id"), "jobs", ["repository_id"])
    op.create_index(op.f("ix_jobs_ended_on"), "jobs", ["ended_on"])
    op.create_index("ix_jobs_open", "jobs", ["state", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_jobs_user_id", "jobs", ["user_id", "id"])
    op.create_table(
        "schedules",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("next_run", sa.String(23), nullable=False),
    )
