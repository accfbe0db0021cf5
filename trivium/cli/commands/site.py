# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium setup`, `serve`, `make-config`, `upgrade-db`: the installation itself."""

from __future__ import annotations

from pathlib import Path

import click

from trivium.cli.opening import fail, first_line, opened, settings_of, table, with_data
from trivium.errors import StartRefused, TriviumError
from trivium.settings import template


@click.command()
@with_data
@click.option("--user", required=True, help="Name of the first administrator.")
@click.option("--password", help="Their password; others can see it in the list of processes.")
@click.option("--password-file", type=click.Path(allow_dash=True), help="File with the password; - is standard input.")
@click.option("--email", required=True, help="Their e-mail address.")
@click.option("--api-key", help="Their API key; others can see it in the list of processes. Default: a new one.")
@click.option(
    "--api-key-file",
    type=click.Path(allow_dash=True),
    help="File with the API key; - is standard input, its second line with --password-file -.",
)
@click.option("--public-access/--no-public-access", default=None, help="Whether visitors may look without an account.")
def setup(
    data: Path,
    config: Path | None,
    user: str,
    password: str | None,
    password_file: str | None,
    email: str,
    api_key: str | None,
    api_key_file: str | None,
    public_access: bool | None,
) -> None:
    """Create the database and the first administrator. Running it again changes nothing."""
    import re

    from trivium.cli.logs import set_up_logging
    from trivium.installation import Administrator, set_up

    if (password is None) == (password_file is None):
        raise click.UsageError("give either --password or --password-file")
    if password_file is not None:
        password = first_line(password_file, "password")
    if api_key is not None and api_key_file is not None:
        raise click.UsageError("give either --api-key or --api-key-file")
    if api_key_file is not None:
        api_key = first_line(api_key_file, "API key")
    if api_key is not None and not re.fullmatch("[0-9a-f]{40}", api_key):
        raise click.UsageError("an API key has 40 lower-case hexadecimal characters")
    if not password:
        raise click.UsageError("the password is empty")
    settings = settings_of(data, config)
    set_up_logging(settings.log_level)
    try:
        done = set_up(settings, Administrator(user, password, email, api_key), public_access=public_access)
    except TriviumError as error:
        fail(str(error))
    if done:
        click.echo(f"Trivium is set up in {data}; the administrator is {user}.")
    else:
        click.echo(f"Trivium is set up in {data} already; nothing was changed.")


@click.command()
@with_data
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@click.option("--workers", type=int, help="Worker processes.")
def serve(data: Path, config: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve in the foreground until SIGTERM or Ctrl-C."""
    from trivium.cli.serve import Supervisor

    given = {"host": host, "port": port, "workers": workers}
    settings = settings_of(data, config, **given)
    if not (data / "secret.key").exists():
        fail(f"{data} is not set up; run: trivium setup --data {data}")
    try:
        Supervisor(settings, config=config, given=given).run()
    except StartRefused as error:
        fail(str(error))


@click.command("make-config")
@click.argument("file", type=click.Path(path_type=Path))
def make_config(file: Path) -> None:
    """Write a commented configuration FILE with every option at its default."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(template())
    except FileExistsError:
        fail(f"{file} exists already")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")
    click.echo(f"Wrote {file}.")


@click.command("upgrade-db")
@with_data
def upgrade_db(data: Path, config: Path | None) -> None:
    """Bring the database up to date; `serve` does it by itself. A backup is made before."""
    from trivium.store import schema

    with opened(data, config, upgrading=True) as site:
        done = schema.upgrade(site.store, site.settings.data / "backups")
    click.echo("The database was brought up to date." if done else "The database is up to date.")


@click.command("send-test-mail")
@with_data
@click.argument("address")
def send_test_mail(data: Path, config: Path | None, address: str) -> None:
    """Send a mail to ADDRESS, and say why it does not leave if it does not."""
    from trivium.mail.trial import send_test_mail

    with opened(data, config) as site:
        send_test_mail(site.settings, address)
        where = {
            "smtp": f"The mail server {site.settings.smtp_server} took the mail.",
            "file": f"The mail is in {site.settings.data / 'mail'}.",
            "log": "The mail is in the log.",
        }
        click.echo(where[site.settings.mail_goes])


@click.command()
@with_data
@click.option("--again", nargs=2, type=(str, int), metavar="SUBSCRIBER EVENT", help="Have this one tried again.")
def undelivered(data: Path, config: Path | None, again: tuple[str, int] | None) -> None:
    """Show what happened that a subscriber has not taken: what is tried again, and what was set aside, with reasons."""
    from trivium.access.caller import the_system
    from trivium.forge.events import outbox

    with opened(data, config) as site:
        if again is not None:
            if not outbox.try_again(site, the_system(), *again):
                fail(f"{again[0]} has taken event {again[1]}, or never heard of it")
            return
        with site.store.read() as db:
            found = outbox.troubles(db, most=1000)
    told = ((one, _state(one.tries, aside=one.set_aside)) for one in found)
    table([(one.subscriber, str(one.event_id), one.action, one.subject, state, one.reason) for one, state in told])


def _state(tries: int, *, aside: bool) -> str:
    return "set aside" if aside else f"tried {tries} times" if tries else "waits"
