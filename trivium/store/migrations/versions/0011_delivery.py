# SPDX-License-Identifier: GPL-3.0-or-later
"""Events are delivered, and forgotten passwords are replaced by mail.

Rows of the journal know their transaction on PostgreSQL, where the order of ids is not the order in which rows become
visible. What happened before has the number 0 there: it was seen by everybody.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_NUMBERED = sa.text("transaction_id > 0")


def upgrade() -> None:
    op.add_column("journal", sa.Column("transaction_id", sa.BigInteger(), nullable=False, server_default="0"))
    if op.get_context().dialect.name == "postgresql":
        # Apart from adding it: a default that differs from row to row would have the whole table written anew.
        op.execute("ALTER TABLE journal ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id()::text::bigint")
    op.create_index("ix_journal_transaction", "journal", ["transaction_id", "id"], sqlite_where=_NUMBERED)
    op.create_table(
        "event_positions",
        sa.Column("subscriber", sa.String(60), primary_key=True),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "undelivered_events",
        sa.Column("subscriber", sa.String(60), primary_key=True),
        sa.Column("event_id", sa.BigInteger(), primary_key=True),
        sa.Column("line", sa.String(320), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_aside", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_undelivered_events_line", "undelivered_events", ["subscriber", "line", "event_id"])
    op.create_table(
        "password_resets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("nonce", sa.LargeBinary(16), nullable=False),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE")),
        sa.Column("asked_for", sa.LargeBinary(32), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("locale", sa.String(20), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("digest", name=op.f("uq_password_resets_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_password_resets_user_id"), "password_resets", ["user_id"])
    op.create_index(op.f("ix_password_resets_asked_at"), "password_resets", ["asked_at"])
