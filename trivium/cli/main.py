# SPDX-License-Identifier: GPL-3.0-or-later
"""The program `trivium`. Each command imports what it needs when it runs: starting stays quick."""

from __future__ import annotations

import click

from trivium import __version__
from trivium.cli.commands.accounts import address, permit, public_access, token
from trivium.cli.commands.databases import copy_db
from trivium.cli.commands.imports import import_
from trivium.cli.commands.jobs import jobs, worker
from trivium.cli.commands.repositories import archive, maintenance, repo_group, rescan, unarchive, verify
from trivium.cli.commands.rights import why
from trivium.cli.commands.site import make_config, send_test_mail, serve, setup, undelivered, upgrade_db
from trivium.cli.commands.trash import trash


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trivium")
def main() -> None:
    """Self-hosted source-code management for Git, Mercurial and Subversion."""


for command in (
    *(setup, serve, worker, make_config, upgrade_db, copy_db, send_test_mail, undelivered),
    *(token, address, permit, public_access, why),
    *(archive, unarchive, rescan, maintenance, verify, import_, repo_group, trash, jobs),
):
    main.add_command(command)


if __name__ == "__main__":
    main()
