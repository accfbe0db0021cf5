# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of `rhodecode-gist` (system.md 5.3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trivium_client.errors import UsageError
from trivium_client.options import Options, Parser, options_of

PROGRAM = "rhodecode-gist"

USAGE = (
    f"{PROGRAM} [-p] [-f FILENAME] [-d DESCRIPTION] [-l MINUTES] [--open]\n"
    "                      [--format=pretty|json] [--apikey=KEY] [--apihost=URL] [--config=FILE] [FILE ...]\n"
    f"       {PROGRAM} --save-config --apikey=KEY --apihost=URL [--config=FILE]"
)

EPILOG = """\
Without a FILE, or for the FILE -, standard input is read. Prints the address of the gist, or with --format=json
all that the server tells of it. Where the key and the host come from: rhodecode-api --help.

examples:
  make 2>&1 | rhodecode-gist -f build.log -l 1440
  rhodecode-gist --private -d 'for the review' notes.txt patch.diff
"""


@dataclass(frozen=True)
class GistOptions:
    """A command line, taken apart."""

    connection: Options
    """Which server is called, and with which key."""
    private: bool
    filename: str | None
    description: str
    lifetime: int
    """Minutes; -1 for ever."""
    open: bool
    files: tuple[str, ...]


def _parser() -> Parser:
    described = "Makes a gist of files, or of what it reads, on a Trivium server."
    parser = Parser(prog=PROGRAM, usage=USAGE, description=described, epilog=EPILOG)
    parser.add_argument("files", nargs="*", metavar="FILE", help="the files; - is standard input")
    parser.add_argument("-p", "--private", action="store_true", help="who does not know its address does not find it")
    parser.add_argument("-f", "--filename", help="what the file is called in the gist")
    parser.add_argument("-d", "--description", default="", help="what the gist is about")
    parser.add_argument("-l", "--lifetime", metavar="MINUTES", default="-1", help="minutes to live; -1: for ever")
    parser.add_argument("--open", action="store_true", help="show the gist in a browser")
    parser.add_connection(
        on_format="json: all about the gist",
        on_save_config="write --apikey and --apihost to the config file",
        on_help="show this text",
    )
    return parser


def parse(command_line: Sequence[str]) -> GistOptions:
    """Take the command line apart (without the program's name). Raises `UsageError`."""
    given = _parser().read(command_line)
    if not re.fullmatch("-1|[0-9]{1,9}", given.lifetime, re.ASCII):
        raise UsageError("--lifetime is a number of minutes, or -1")
    if given.filename is not None and len(given.files) > 1:
        raise UsageError("--filename names one file only")
    return GistOptions(
        connection=options_of(given),
        private=given.private,
        filename=given.filename,
        description=given.description,
        lifetime=int(given.lifetime),
        open=given.open,
        files=tuple(given.files) or ("-",),
    )


def help_text() -> str:
    """Return what `--help` prints."""
    return _parser().format_help()
