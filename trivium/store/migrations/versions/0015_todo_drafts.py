# SPDX-License-Identifier: GPL-3.0-or-later
"""A draft of a comment says whether it is a note or a to-do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    kind = sa.String(10).with_variant(sa.String(10, collation="C"), "postgresql")
    op.add_column("comment_drafts", sa.Column("kind", kind, nullable=False, server_default="note"))
