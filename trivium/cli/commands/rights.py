# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium why`: what somebody may do with something, and why."""

from __future__ import annotations

from pathlib import Path

import click

from trivium.cli.opening import opened, table, with_data


@click.command()
@with_data
@click.argument("user")
@click.argument("name")
@click.option("--group", "kind", flag_value="group", help="NAME is a repository group.")
@click.option("--user-group", "kind", flag_value="usergroup", help="NAME is a user group.")
def why(data: Path, config: Path | None, user: str, name: str, kind: str | None) -> None:
    """Show what USER may do with the repository NAME, and why: USER `default` stands for visitors.

    Each line is something that speaks about it, in the order of the rule; the one with a star decides.
    """
    from trivium.access.caller import the_system
    from trivium.access.levels import Scope
    from trivium.forge.rights.explaining import explain

    scope = Scope(kind or "repository")
    with opened(data, config) as site, site.store.read() as db:
        found = explain(db, the_system(), scope, name, user)
    click.echo(found.permission)
    table(
        [
            (
                "*" if one.counts else " ",
                one.origin.value,
                one.group,
                "(no row)" if one.row is None else scope.name_of(one.row),
                one.void.value if one.void is not None else "",
            )
            for one in found.why.reasons
        ]
    )
    if not found.user.active:
        click.echo("Visitors may not look at all." if user == "default" else "The account is disabled.")
