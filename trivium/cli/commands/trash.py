# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium trash`: what was deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivium.cli.opening import opened, table, with_data
from trivium.errors import Invalid

if TYPE_CHECKING:
    from trivium.forge.site import Site
    from trivium.forge.trash.trash import Entry


@click.group()
def trash() -> None:
    """Deleted repositories, and bundles of stripped commits."""


@trash.command("list")
@with_data
def trash_list(data: Path, config: Path | None) -> None:
    """Show what is in the trash, oldest first: entry, kind, name, owner, by whom it was deleted."""
    from trivium.forge.trash import trash

    with opened(data, config) as site:
        found = trash.entries(site)
    table([(one.label, one.kind or "unknown", *_known(one)) for one in found])


def _known(entry: Entry) -> tuple[str, str, str]:
    note = entry.note
    if note is None:
        return "", "", ""
    return note.name, f"owner {note.owner}", f"deleted by {note.deleted_by}"


@trash.command("restore")
@with_data
@click.argument("entry")
@click.option("--name", help="Its new full name, with groups; default: the old one.")
@click.option("--owner", help="Who will own it; default: the old owner, or the first administrator.")
def trash_restore(data: Path, config: Path | None, entry: str, name: str | None, owner: str | None) -> None:
    """Bring the repository ENTRY back; ENTRY may also be its old name, for the one that was deleted last.

    It has all that it had, and a new id; what cannot come back is named on standard error, with the reason. Groups
    that are missing on the way to it are made.
    """
    from trivium.access.caller import the_system
    from trivium.forge.accounts import users as accounts
    from trivium.forge.trash import trash
    from trivium.store.tables import DEFAULT_USER_ID

    with opened(data, config) as site:
        owning = None
        if owner is not None:
            with site.store.read() as db:
                owning = accounts.find(db, owner)
            if owning.id == DEFAULT_USER_ID:
                raise Invalid("the user default owns nothing")
        made = trash.restore(site, the_system(), _chosen(site, entry), name, owning)
    click.echo(f"Restored {made.name}.")
    for one in made.left_out:
        click.echo(f"left out {one}", err=True)


def _chosen(site: Site, given: str) -> Entry:
    from trivium.forge.trash import trash

    called = [one for one in trash.entries(site) if given and one.name == given]
    return called[-1] if called else trash.find(site, given)


@trash.command("empty")
@with_data
@click.argument("chosen", metavar="[ENTRY]...", nargs=-1)
@click.option("--older-than", type=click.IntRange(min=0), metavar="DAYS", help="What was deleted so many days ago.")
@click.option("--all", "everything", is_flag=True, help="Everything.")
def trash_empty(
    data: Path, config: Path | None, chosen: tuple[str, ...], older_than: int | None, everything: bool
) -> None:
    """Remove what is in the trash for good: each ENTRY, or what --older-than or --all says."""
    from datetime import UTC, datetime, timedelta

    from trivium.access.caller import the_system
    from trivium.forge.trash import trash

    if bool(chosen) + (older_than is not None) + everything != 1:
        raise click.UsageError("give entries, or --older-than, or --all")
    with opened(data, config) as site:
        doomed = [trash.find(site, one) for one in dict.fromkeys(chosen)] if chosen else trash.entries(site)
        if older_than is not None:
            try:
                last = datetime.now(UTC) - timedelta(days=older_than)
            except OverflowError as error:
                raise Invalid("so many days ago there was no Trivium") from error
            doomed = [one for one in doomed if one.deleted_on <= last.replace(tzinfo=None).isoformat()]
        for one in doomed:
            trash.remove(site, the_system(), one)
            click.echo(f"Removed {one.label} {one.name}".rstrip() + ".")
