# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker forgets the rights of a user when that user's rights change, not when anybody's do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("access_stamp", sa.Column("everybody", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("users", sa.Column("rights_version", sa.Integer(), nullable=False, server_default="1"))
