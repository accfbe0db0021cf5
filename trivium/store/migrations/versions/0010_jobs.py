# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, and what is done regularly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _text(length: int | None = None) -> sa.types.TypeEngine[str]:
    """In the order of code points, everywhere."""
    kind = sa.Text if length is None else sa.String
    return kind(length).with_variant(kind(length, collation="C"), "postgresql")


_OPEN = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _text(36), primary_key=True),
        sa.Column("kind", _text(40), nullable=False),
        sa.Column("arguments", _text(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("subject", _text(255), nullable=False),
        sa.Column("repository_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("reserves", sa.Boolean(), nullable=False),
        sa.Column("reserved_key", _text(255)),
        sa.Column("only_one", _text(100)),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("username", _text(255), nullable=False),
        sa.Column("address", _text(45), nullable=False),
        sa.Column("state", _text(10), nullable=False),
        sa.Column("asked_to_end", sa.Boolean(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("what", _text(100), nullable=False),
        sa.Column("log", _text(), nullable=False),
        sa.Column("reason", _text()),
        sa.Column("detail", _text()),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("most_attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("due_on", _text(23), nullable=False),
        sa.Column("sent_on", _text(23)),
        sa.Column("runner", _text(32)),
        sa.Column("created_on", _text(23), nullable=False),
        sa.Column("started_on", _text(23)),
        sa.Column("ended_on", _text(23)),
        sa.UniqueConstraint("reserved_key", name=op.f("uq_jobs_reserved_key")),
        sa.UniqueConstraint("only_one", name=op.f("uq_jobs_only_one")),
    )
    op.create_index(op.f("ix_jobs_repository_id"), "jobs", ["repository_id"])
    op.create_index(op.f("ix_jobs_ended_on"), "jobs", ["ended_on"])
    op.create_index("ix_jobs_open", "jobs", ["state", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_jobs_user_id", "jobs", ["user_id", "id"])
    op.create_table(
        "schedules",
        sa.Column("name", _text(40), primary_key=True),
        sa.Column("next_run", _text(23), nullable=False),
    )
