# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium import`: repositories from elsewhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import click

from trivium.cli.opening import first_line, opened, with_data

_PROGRESS: Final = 1.0
"""Seconds between two reports of progress."""


@click.group("import")
def import_() -> None:
    """Bring a repository from elsewhere, with its history."""


@import_.command("svn")
@with_data
@click.argument("url")
@click.argument("name")
@click.option("--owner", help="Who will own it; default: the first administrator.")
@click.option("--private", is_flag=True, help="Close it to everybody without a permission of their own.")
@click.option("--username", default="", help="Name to sign in with there.")
@click.option("--password-file", type=click.Path(allow_dash=True), help="File with the password; - is standard input.")
def import_svn(
    data: Path,
    config: Path | None,
    url: str,
    name: str,
    owner: str | None,
    private: bool,
    username: str,
    password_file: str | None,
) -> None:
    """Copy the Subversion repository at URL (http or https) to the repository NAME, which is made.

    Revisions keep their numbers, authors and dates. Which hosts may be asked is set by allowed_remote_hosts.
    """
    from trivium.access.caller import the_system
    from trivium.egress.policy import RemoteUrl, admit_remote, parse_remote
    from trivium.forge.accounts import users as accounts
    from trivium.forge.repositories import creation

    password = first_line(password_file, "password") if password_file is not None else ""
    with opened(data, config) as site:
        given = parse_remote(url)
        if given.password:
            raise click.UsageError("others can see a password in the list of processes; use --password-file")
        asked = RemoteUrl(given.url, username or given.username, password)
        remote = admit_remote(site.settings, asked)
        with site.store.read() as db:
            owning = accounts.find(db, owner) if owner is not None else accounts.first_super_admin(db)
        shown = 0.0

        def progress(revision: int) -> None:
            nonlocal shown
            if time.monotonic() - shown >= _PROGRESS:
                shown = time.monotonic()
                click.echo(f"Loaded revision {revision}.", err=True)

        def load(target: Path) -> None:
            site.svn.load(remote, target, creation.transfer_limits(site), progress)

        made = creation.import_history(
            site, the_system(), name=name, kind=site.svn.kind, owner=owning.id, private=private, remote=asked, load=load
        )
    click.echo(f"Imported {given.url} as {made}.")
