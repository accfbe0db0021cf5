# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands that work on an installation have in common: options, opening it, sentences for refusals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from trivium.errors import AlreadyExists, Invalid, NotFound, StartRefused, TriviumError
from trivium.settings import Settings, load

if TYPE_CHECKING:
    from trivium.forge.site import Site

F = TypeVar("F", bound=Callable[..., Any])


def with_data(command: F) -> F:
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


def fail(message: str) -> NoReturn:
    """End with one sentence and the status of a refused start."""
    if message:
        click.echo(f"trivium: {message}", err=True)
    sys.exit(2)


def settings_of(data: Path, config: Path | None, **given: Any) -> Settings:
    try:
        return load(data, config, **given)
    except Invalid as error:
        fail(str(error))


@contextmanager
def opened(data: Path, config: Path | None, *, upgrading: bool = False) -> Iterator[Site]:
    """The installation, for a command that works on it; refusals become sentences."""
    from trivium import installation
    from trivium.cli.logs import set_up_logging

    settings = settings_of(data, config)
    set_up_logging(settings.log_level)
    if not installation.is_set_up(settings):
        fail(f"{data} is not set up; run: trivium setup --data {data}")
    try:
        with installation.opened(settings, upgrading=upgrading) as site:
            yield site
    except NotFound as error:
        instead = f"; {error.hint}" if error.hint else ""
        click.echo(f"trivium: there is no {error.kind} {error.given!r}{instead}", err=True)
        sys.exit(1)
    except AlreadyExists as error:
        click.echo(f"trivium: the {error.kind} {error.name!r} exists already", err=True)
        sys.exit(1)
    except StartRefused as error:
        fail(str(error))
    except TriviumError as error:
        click.echo(f"trivium: {error}", err=True)
        sys.exit(1)


_LONGEST = 64 << 10


def first_line(file: str, what: str) -> str:
    """The first line of a file, or of standard input, that holds a secret; `what` names the secret in a refusal."""
    try:
        if file == "-":
            # Unbuffered by us: the next secret may be on the next line.
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        with Path(file).open("rb") as stream:
            return stream.readline(_LONGEST).decode().rstrip("\r\n")
    except OSError as error:
        fail(f"the {what} file {file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"the {what} file {file} is no text")


def table(rows: list[tuple[str, ...]]) -> None:
    """Show rows in columns, in the order given; nothing for none. Control characters are shown escaped."""
    if not rows:
        return
    shown = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _printable(text: str) -> str:
    """A text as a terminal may get it: other people wrote descriptions and names."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape", "replace").decode() for one in text)
