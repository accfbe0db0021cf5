# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of 64 bits and texts in the order of their code points, as SQLite always had them, on PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_COLUMNS = sa.text(
    "SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length, c.collation_name,"
    " pg_get_serial_sequence(quote_ident(c.table_name), c.column_name) AS sequence"
    " FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)"
    " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name <> 'alembic_version'"
    " ORDER BY c.table_name, c.ordinal_position"
)


def upgrade() -> None:
    context = op.get_context()
    if context.dialect.name == "postgresql" and not context.as_sql:
        widen(op.get_bind())


def widen(db: sa.Connection) -> None:
    """All columns of all tables that are there; a table is written anew once. What is right already stays as it is."""
    changes: dict[str, list[str]] = {}
    for table, column, kind, length, collation, sequence in db.execute(_COLUMNS).all():
        if kind == "integer":
            changes.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE BIGINT')
            if sequence is not None:
                db.execute(sa.text(f"ALTER SEQUENCE {sequence} AS BIGINT"))
        elif kind in ("character varying", "text") and collation != "C":
            wide = "TEXT" if kind == "text" else f"VARCHAR({length})"
            changes.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE {wide} COLLATE "C"')
    for table, parts in changes.items():
        db.execute(sa.text(f'ALTER TABLE "{table}" {", ".join(parts)}'))
