# SPDX-License-Identifier: GPL-3.0-or-later
"""A new repository leaves what is remembered of all others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("access_stamp", sa.Column("standing", sa.Integer(), nullable=False, server_default="1"))
