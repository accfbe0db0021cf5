# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium archive`, `unarchive`, `rescan`, `maintenance`, `verify`, `repo-group`: repositories and their groups."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivium.cli.opening import opened, with_data
from trivium.errors import TriviumError

if TYPE_CHECKING:
    from trivium.forge.repositories.finding import Repository
    from trivium.forge.site import Site


def _set_archived(data: Path, config: Path | None, repository: str, archived: bool) -> None:
    from trivium.access.caller import the_system
    from trivium.access.levels import Level
    from trivium.forge.repositories import changes
    from trivium.forge.repositories import finding as repositories

    with opened(data, config) as site:
        with site.store.read() as db:
            found = repositories.find(db, the_system(), repository, Level.ADMIN)
        changes.set_archived(site, the_system(), found, archived)


@click.command()
@with_data
@click.argument("repository")
def archive(data: Path, config: Path | None, repository: str) -> None:
    """Close REPOSITORY for pushes; it stays readable."""
    _set_archived(data, config, repository, archived=True)


@click.command()
@with_data
@click.argument("repository")
def unarchive(data: Path, config: Path | None, repository: str) -> None:
    """Open an archived REPOSITORY for pushes again."""
    _set_archived(data, config, repository, archived=False)


@click.command()
@with_data
@click.option("--remove-obsolete", is_flag=True, help="Forget repositories whose directories are gone.")
@click.option("--even-most", is_flag=True, help="Forget them even if they are more than half of all.")
def rescan(data: Path, config: Path | None, remove_obsolete: bool, even_most: bool) -> None:
    """Register repositories that were put into the repository root by hand."""
    from trivium.access.caller import the_system
    from trivium.forge.repositories import rescans

    with opened(data, config) as site:
        done = rescans.rescan(site, the_system(), remove_obsolete=remove_obsolete, at_most_half=not even_most)
    for what, names in (("added", done.added), ("removed", done.removed)):
        for name in names:
            click.echo(f"{what} {name}")
    for skipped in done.skipped:
        click.echo(f"skipped {skipped.name}: {skipped.reason}", err=True)


@click.command()
@with_data
@click.argument("repositories", nargs=-1)
def maintenance(data: Path, config: Path | None, repositories: tuple[str, ...]) -> None:
    """Put REPOSITORIES (default: all) in good order, thoroughly. The server may go on running meanwhile."""
    from trivium.access.caller import the_system
    from trivium.forge.upkeep import maintenance as upkeep

    failed = False
    with opened(data, config) as site:
        for repository in _chosen(site, repositories):
            began = time.monotonic()
            try:
                upkeep.carry_out(site, the_system(), repository)
            except TriviumError as error:
                click.echo(f"trivium: {repository.name}: {error}", err=True)
                failed = True
            else:
                click.echo(f"{repository.name}: {time.monotonic() - began:.1f} s")
    if failed:
        sys.exit(1)


@click.command()
@with_data
@click.option("--queue", is_flag=True, help="Have the server do it, and print the ids of its jobs.")
@click.argument("repositories", nargs=-1)
def verify(data: Path, config: Path | None, queue: bool, repositories: tuple[str, ...]) -> None:
    """Look through REPOSITORIES (default: all) for damage. The server may go on running meanwhile."""
    from trivium.access.caller import the_system
    from trivium.forge.upkeep import integrity

    failed = False
    with opened(data, config) as site:
        for repository in _chosen(site, repositories):
            if queue:
                job = integrity.ask_for_verification(site, the_system(), repository)
                click.echo(f"{repository.name}: {job or 'waits for its check already'}")
                continue
            try:
                found = integrity.verify(site, the_system(), repository, lambda: None)
            except TriviumError as error:
                click.echo(f"trivium: {repository.name}: {error}", err=True)
                failed = True
                continue
            click.echo(f"{repository.name}: {'damaged' if found else 'nothing is damaged'}")
            for line in found:
                click.echo(f"  {line}")
            failed = failed or bool(found)
    if failed:
        sys.exit(1)


def _chosen(site: Site, names: tuple[str, ...]) -> list[Repository]:
    """The repositories with these names; without any, all."""
    from trivium.access.caller import the_system
    from trivium.access.levels import Level
    from trivium.forge.repositories import finding

    with site.store.read() as db:
        if names:
            return [finding.find(db, the_system(), one, Level.ADMIN) for one in names]
        return list(finding.readable(db, the_system()))


@click.group("repo-group")
def repo_group() -> None:
    """Groups of repositories."""


@repo_group.command("delete")
@with_data
@click.argument("group")
def repo_group_delete(data: Path, config: Path | None, group: str) -> None:
    """Delete the repository group GROUP, which must be empty."""
    from trivium.access.caller import the_system
    from trivium.access.levels import Level
    from trivium.forge.groups import deletion, repo_groups

    with opened(data, config) as site:
        with site.store.read() as db:
            found = repo_groups.find(db, the_system(), group, Level.ADMIN)
        deletion.delete_group(site, the_system(), found)
    click.echo(f"Deleted repository group {found.name}.")
