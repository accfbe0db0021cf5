# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium copy-db`: a site moves to another database."""

from __future__ import annotations

from typing import Final

import click

from trivium.cli.opening import fail, table
from trivium.errors import TriviumError

_PATIENCE: Final = 2.0
"""Seconds in which a server that is ending may let go of the source."""


@click.command("copy-db")
@click.argument("source")
@click.argument("target")
def copy_db(source: str, target: str) -> None:
    """Copy the database SOURCE into the empty database TARGET. Both are addresses as in sqlalchemy.db1.url.

    The server must not run meanwhile. It uses TARGET once sqlalchemy.db1.url says so; SOURCE stays as it is.
    """
    from trivium.cli.logs import set_up_logging
    from trivium.installation import usable_database
    from trivium.store.copying import Copied, copy
    from trivium.store.engine import Store

    set_up_logging("info")
    done: list[Copied] = []
    try:
        with usable_database():
            from_, to = Store(source, busy_timeout=_PATIENCE), Store(target)
            try:
                copy(from_, to, done.append)
            finally:
                from_.close()
                to.close()
    except TriviumError as error:
        fail(str(error))
    table([(one.table, str(one.rows)) for one in done])
    for one in done:
        if one.mended:
            click.echo(f"In {one.mended} rows of {one.table} U+FFFD replaces NUL, which the target cannot store.")
    click.echo(f"{sum(one.rows for one in done)} rows were copied and compared.")
