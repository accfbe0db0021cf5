# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of mail are confirmed before they count, and keys know from where they were used last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("tokens", sa.Column("last_address", sa.String(45)))
    op.create_table(
        "email_confirmations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("nonce", sa.LargeBinary(16), nullable=False),
        sa.Column("locale", sa.String(20), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("digest", name=op.f("uq_email_confirmations_digest")),
        sa.UniqueConstraint("user_id", "email", name=op.f("uq_email_confirmations_user_id_email")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_email_confirmations_asked_at"), "email_confirmations", ["asked_at"])
