# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of 64 bits and texts in the order of their code points on PostgreSQL, as SQLite always had them.

That is seen to behind every step (`store/postgresql.py`), for later ones too. This one brings older databases there.
"""

from __future__ import annotations

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing but what is done behind every step."""
