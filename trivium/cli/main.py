# SPDX-License-Identifier: GPL-3.0-or-later
"""The program `trivium`. Each command imports what it needs when it runs: starting stays quick."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from trivium import __version__
from trivium.errors import AlreadyExists, Invalid, NotFound, StartRefused, TriviumError
from trivium.settings import Settings, load, template

if TYPE_CHECKING:
    from trivium.forge.site import Site

F = TypeVar("F", bound=Callable[..., Any])

_PROGRESS = 1.0
"""Seconds between two words about how far something is."""
ROLES = ("all", "api", "vcs", "http", "feed")


def _data(command: F) -> F:
    """The options of every command that works on an installation."""
    command = click.option(
        "--config", type=click.Path(path_type=Path), help="Configuration file; default: trivium.ini in the data."
    )(command)
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default="data",
        show_default=True,
        help="Directory of the installation.",
    )(command)


def _fail(message: str) -> NoReturn:
    """End with one sentence and the status of a refused start."""
    if message:
        click.echo(f"trivium: {message}", err=True)
    sys.exit(2)


def _settings(data: Path, config: Path | None, **given: Any) -> Settings:
    try:
        return load(data, config, **given)
    except Invalid as error:
        _fail(str(error))


@contextmanager
def _opened(data: Path, config: Path | None, *, upgrading: bool = False) -> Iterator[Site]:
    """The installation, for a command that works on it; refusals become sentences."""
    from trivium.forge import installation

    settings = _settings(data, config)
    if not installation.is_set_up(settings):
        _fail(f"{data} is not set up; run: trivium setup --data {data}")
    try:
        with installation.opened(settings, upgrading=upgrading) as site:
            yield site
    except NotFound as error:
        click.echo(f"trivium: there is no {error.kind} {error.given!r}", err=True)
        sys.exit(1)
    except AlreadyExists as error:
        click.echo(f"trivium: the {error.kind} {error.name!r} exists already", err=True)
        sys.exit(1)
    except StartRefused as error:
        _fail(str(error))
    except TriviumError as error:
        click.echo(f"trivium: {error}", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trivium")
def main() -> None:
    """Self-hosted source-code management for Git, Mercurial and Subversion."""


@main.command()
@_data
@click.option("--user", required=True, help="Name of the first administrator.")
@click.option("--password", help="His password; others can see it in the list of processes.")
@click.option("--password-file", type=click.Path(allow_dash=True), help="File with his password; - is standard input.")
@click.option("--email", required=True, help="His e-mail address.")
@click.option("--api-key", help="His API key; default: a new one.")
@click.option("--public-access/--no-public-access", default=None, help="Whether visitors may look without an account.")
def setup(
    data: Path,
    config: Path | None,
    user: str,
    password: str | None,
    password_file: str | None,
    email: str,
    api_key: str | None,
    public_access: bool | None,
) -> None:
    """Create the database and the first administrator. Running it again changes nothing."""
    import re

    from trivium.forge.installation import Administrator, set_up

    if (password is None) == (password_file is None):
        raise click.UsageError("give either --password or --password-file")
    if password_file is not None:
        password = _read_password(password_file)
    if api_key is not None and not re.fullmatch("[0-9a-f]{40}", api_key):
        raise click.UsageError("an API key has 40 lower-case hexadecimal characters")
    if not password:
        raise click.UsageError("the password is empty")
    try:
        done = set_up(
            _settings(data, config), Administrator(user, password, email, api_key), public_access=public_access
        )
    except TriviumError as error:
        _fail(str(error))
    if done:
        click.echo(f"Trivium is set up in {data}; the administrator is {user}.")
    else:
        click.echo(f"Trivium is set up in {data} already; nothing was changed.")


@main.command()
@_data
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@click.option("--workers", type=int, help="Worker processes.")
def serve(data: Path, config: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve in the foreground until SIGTERM or Ctrl-C."""
    from trivium.cli.serve import Supervisor

    given = {"host": host, "port": port, "workers": workers}
    settings = _settings(data, config, **given)
    if not (data / "secret.key").exists():
        _fail(f"{data} is not set up; run: trivium setup --data {data}")
    try:
        Supervisor(settings, config=config, given=given).run()
    except StartRefused as error:
        _fail(str(error))


@main.command("make-config")
@click.argument("file", type=click.Path(path_type=Path))
def make_config(file: Path) -> None:
    """Write a commented configuration FILE with every option at its default."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(template())
    except FileExistsError:
        _fail(f"{file} exists already")
    except OSError as error:
        _fail(f"{file} cannot be written: {error.strerror}")
    click.echo(f"Wrote {file}.")


@main.command("upgrade-db")
@_data
def upgrade_db(data: Path, config: Path | None) -> None:
    """Bring the database up to date; `serve` does it by itself. A backup is made before."""
    from trivium.store import schema

    with _opened(data, config, upgrading=True) as site:
        done = schema.upgrade(site.store, site.settings.data / "backups")
    click.echo("The database was brought up to date." if done else "The database is up to date.")


@main.group()
def token() -> None:
    """Further keys of an account."""


@token.command("create")
@_data
@click.argument("user")
@click.option("--role", type=click.Choice(ROLES), default="all", show_default=True, help="What the key is for.")
@click.option("--lifetime", type=int, default=-1, show_default=True, help="Minutes until it expires; -1: never.")
@click.option("--description", default="", help="What it is used by.")
def token_create(data: Path, config: Path | None, user: str, role: str, lifetime: int, description: str) -> None:
    """Make a key for USER and print it: it is not shown again here."""
    from trivium.access.caller import the_system
    from trivium.access.keys import Role
    from trivium.forge import accounts, tokens

    if lifetime < -1:
        raise click.UsageError("a lifetime is a number of minutes, or -1")
    expires = -1 if lifetime == -1 else int(time.time()) + 60 * lifetime
    with _opened(data, config) as site:
        with site.store.read() as db:
            owner = accounts.find(db, user)
        made = tokens.create_token(
            *(site, the_system(), owner.id, owner.username),
            role=Role[role.upper()],
            description=description,
            expires=expires,
        )
    click.echo(made)


@main.group()
def address() -> None:
    """From where an account may be used."""


def _change_address(data: Path, config: Path | None, user: str, network: str, *, allow: bool) -> None:
    from trivium.access.addresses import parse_network
    from trivium.access.caller import the_system
    from trivium.forge import accounts, addresses

    with _opened(data, config) as site:
        with site.store.read() as db:
            owner = accounts.find(db, user)
        change = addresses.allow_address if allow else addresses.forget_address
        change(site, the_system(), owner, str(parse_network(network)))


@address.command("allow")
@_data
@click.argument("user")
@click.argument("network")
def address_allow(data: Path, config: Path | None, user: str, network: str) -> None:
    """Let USER in from NETWORK (an address or a range such as 10.0.0.0/8), and from nowhere else.

    The ranges of the user `default` hold for everybody.
    """
    _change_address(data, config, user, network, allow=True)


@address.command("forget")
@_data
@click.argument("user")
@click.argument("network")
def address_forget(data: Path, config: Path | None, user: str, network: str) -> None:
    """Take a range of USER back."""
    _change_address(data, config, user, network, allow=False)


@main.command()
@_data
@click.argument("user")
@click.argument("permission")
def permit(data: Path, config: Path | None, user: str, permission: str) -> None:
    """Set a global PERMISSION of USER, such as hg.create.none or hg.usergroup.create.true.

    The permissions of the user `default` are everybody's.
    """
    from trivium.access.caller import the_system
    from trivium.forge import accounts

    with _opened(data, config) as site:
        with site.store.read() as db:
            owner = accounts.find(db, user)
        accounts.set_global_permission(site, the_system(), owner, permission)


@main.command("public-access")
@_data
@click.argument("state", type=click.Choice(["on", "off"]))
def public_access(data: Path, config: Path | None, state: str) -> None:
    """Whether visitors may look without an account."""
    from trivium.access.caller import the_system
    from trivium.forge import accounts

    with _opened(data, config) as site:
        accounts.set_anonymous_access(site, the_system(), state == "on")


@main.group("import")
def import_() -> None:
    """Bring a repository from elsewhere, with its history."""


@import_.command("svn")
@_data
@click.argument("url")
@click.argument("name")
@click.option("--owner", help="Who will own it; default: the first administrator.")
@click.option("--private", is_flag=True, help="Close it to everybody without a permission of his own.")
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
    from trivium.access.remotes import RemoteUrl, admit_remote, parse_remote
    from trivium.forge import accounts, repository_creation

    password = _read_password(password_file) if password_file is not None else ""
    with _opened(data, config) as site:
        given = parse_remote(url)
        if given.password:
            raise click.UsageError("others can see a password in the list of processes; use --password-file")
        remote = admit_remote(site.settings, RemoteUrl(given.url, username or given.username, password))
        with site.store.read() as db:
            owning = accounts.find(db, owner) if owner is not None else accounts.first_super_admin(db)
        shown = 0.0

        def progress(revision: int) -> None:
            nonlocal shown
            if time.monotonic() - shown >= _PROGRESS:
                shown = time.monotonic()
                click.echo(f"Loaded revision {revision}.", err=True)

        def load(target: Path) -> None:
            site.svn.load(remote, target, repository_creation.transfer_limits(site), progress)

        made = repository_creation.import_history(
            site, the_system(), name=name, kind=site.svn.kind, owner=owning.id, private=private, load=load
        )
    click.echo(f"Imported {given.url} as {made}.")


def _read_password(file: str) -> str:
    """The first line of a file, or of standard input."""
    try:
        with click.open_file(file, encoding="utf-8") as stream:
            return str(stream.readline()).rstrip("\r\n")
    except OSError as error:
        _fail(f"the password file {file} cannot be read: {error.strerror}")


def _set_archived(data: Path, config: Path | None, repository: str, archived: bool) -> None:
    from trivium.access.caller import the_system
    from trivium.access.levels import Level
    from trivium.forge import repositories, repository_changes

    with _opened(data, config) as site:
        with site.store.read() as db:
            found = repositories.find(db, the_system(), repository, Level.ADMIN)
        repository_changes.set_archived(site, the_system(), found, archived)


@main.command()
@_data
@click.argument("repository")
def archive(data: Path, config: Path | None, repository: str) -> None:
    """Close REPOSITORY for pushes; it stays readable."""
    _set_archived(data, config, repository, archived=True)


@main.command()
@_data
@click.argument("repository")
def unarchive(data: Path, config: Path | None, repository: str) -> None:
    """Open an archived REPOSITORY for pushes again."""
    _set_archived(data, config, repository, archived=False)


@main.command()
@_data
@click.option("--remove-obsolete", is_flag=True, help="Forget repositories whose directories are gone.")
@click.option("--even-most", is_flag=True, help="Forget them even if they are more than half of all.")
def rescan(data: Path, config: Path | None, remove_obsolete: bool, even_most: bool) -> None:
    """Register repositories that were put into the repository root by hand."""
    from trivium.access.caller import the_system
    from trivium.forge import rescans

    with _opened(data, config) as site:
        done = rescans.rescan(site, the_system(), remove_obsolete=remove_obsolete, at_most_half=not even_most)
    for what, names in (("added", done.added), ("removed", done.removed)):
        for name in names:
            click.echo(f"{what} {name}")


@main.command()
@_data
@click.argument("repositories", nargs=-1)
def maintenance(data: Path, config: Path | None, repositories: tuple[str, ...]) -> None:
    """Put REPOSITORIES (default: all) in good order, thoroughly. The server may go on running meanwhile."""
    from trivium.access.caller import the_system
    from trivium.access.levels import Level
    from trivium.forge import housekeeping
    from trivium.forge import repositories as forge_repositories

    failed = False
    with _opened(data, config) as site:
        with site.store.read() as db:
            if repositories:
                chosen = [forge_repositories.find(db, the_system(), one, Level.ADMIN) for one in repositories]
            else:
                chosen = forge_repositories.readable(db, the_system())
        for repository in chosen:
            began = time.monotonic()
            try:
                housekeeping.tidy(site, repository.id, thorough=True, stop=lambda: False)
            except TriviumError as error:
                click.echo(f"trivium: {repository.name}: {error}", err=True)
                failed = True
            else:
                click.echo(f"{repository.name}: {time.monotonic() - began:.1f} s")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
