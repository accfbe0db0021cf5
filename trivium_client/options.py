# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of the command line: options in any place, then a method and its arguments.

Only syntax is settled here. What the words mean for the method is in `arguments`; where missing values come
from, in `credentials`.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn, cast

from trivium_client.errors import UsageError

Format = Literal["pretty", "json"]

PROGRAM = "rhodecode-api"

USAGE = (
    f"{PROGRAM} [--format=pretty|json] [--apikey=KEY] [--apihost=URL] [--config=FILE]\n"
    "                     METHOD [key:value ...]\n"
    f"       {PROGRAM} --save-config --apikey=KEY --apihost=URL [--config=FILE]\n"
    f"       {PROGRAM} --help [METHOD]"
)

DESCRIPTION = "Calls one API method of a Trivium server and shows what it answers."

EPILOG = """\
arguments of a method:
  key:value          sends text; split at the first colon, so clone_uri:https://host/repo works
  key:=json          sends JSON: 'files:={"a.txt": {"content": "hello"}}', private:=true, lifetime:=60
                     ('key:="=text"' sends text that begins with an equals sign)

the key and the host are taken from, first found wins:
  1. --apikey and --apihost (a key given this way can be seen in the list of processes)
  2. the environment variables RHODECODE_API_KEY and RHODECODE_API_HOST
  3. the config file written by --save-config: --config, else ~/.config when that is a regular file,
     else $XDG_CONFIG_HOME/rhodecode/api.json (normally ~/.config/rhodecode/api.json)

exit status:
  0  the method succeeded
  1  the server answered an error, or could not be reached or understood
  2  the command line or the config file is wrong; nothing was called

examples:
  rhodecode-api --save-config --apikey=<key> --apihost=https://code.example.org
  rhodecode-api get_repo repoid:group/project
  rhodecode-api --format=json get_repos | python3 -m json.tool
  rhodecode-api --help create_repo
"""


@dataclass(frozen=True)
class Options:
    """A command line, taken apart. `None` means "not given"."""

    apikey: str | None = field(repr=False)
    apihost: str | None
    config: Path | None
    format: Format
    save_config: bool
    help: bool
    method: str | None
    words: tuple[str, ...]
    """What follows the method, not yet split into keys and values."""


class Parser(argparse.ArgumentParser):
    """The command line of a program: what is wrong with it is raised, and none of it is repeated."""

    def __init__(self, *, prog: str, usage: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=False,  # argparse's own --help exits before it has seen the method
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Let the program alone write messages and choose the exit status."""
        # argparse would quote the value, and --save-config=<key> is an easy mistake.
        raise UsageError(re.sub("ignored explicit argument .*", "takes no value", message, flags=re.DOTALL))

    def add_connection(self, *, on_format: str, on_save_config: str, on_help: str) -> None:
        """Add the options that all programs have; the arguments are what `--help` says of three of them."""
        self.add_argument("--apikey", metavar="KEY", help="the API key to call with")
        self.add_argument("--apihost", metavar="URL", help="the server, such as https://code.example.org")
        self.add_argument("--format", choices=("pretty", "json"), default="pretty", help=on_format)
        self.add_argument("--config", metavar="FILE", help="the config file to read, or to write with --save-config")
        self.add_argument("--save-config", action="store_true", help=on_save_config)
        self.add_argument("-h", "--help", action="store_true", help=on_help)

    def read(self, command_line: Sequence[str]) -> argparse.Namespace:
        """Take a command line apart. Raises `UsageError`, also for unknown options."""
        given, unknown = self.parse_known_intermixed_args(command_line)
        if unknown:
            # Names only: a mistyped --apikey=<key> must not put the key on the screen or into a log.
            names = " ".join(re.sub("(?<=[a-z])[^a-z-].*", "", word, flags=re.DOTALL) for word in unknown)
            raise UsageError(f"unrecognized arguments: {names}")
        return given


def options_of(given: argparse.Namespace, words: Sequence[str] = ()) -> Options:
    """What was given for the options that all programs have; `words` are a method and its arguments."""
    return Options(
        apikey=given.apikey,
        apihost=given.apihost,
        config=Path(given.config) if given.config is not None else None,
        format=given.format,
        save_config=given.save_config,
        help=given.help,
        method=words[0] if words else None,
        words=tuple(words[1:]),
    )


def _parser() -> Parser:
    parser = Parser(prog=PROGRAM, usage=USAGE, description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("words", nargs="*", metavar="METHOD [key:value ...]", help="the method to call, its arguments")
    parser.add_connection(
        on_format="pretty (default): a reply to read; json: one JSON document and nothing else",
        on_save_config="write --apikey and --apihost to the config file; calls nothing",
        on_help="show this text or, with a METHOD, what the server says about it",
    )
    return parser


def parse(command_line: Sequence[str]) -> Options:
    """Take the command line apart (without the program's name). Raises `UsageError`."""
    given = _parser().read(command_line)
    return options_of(given, cast("list[str]", given.words))


def help_text() -> str:
    """Return what `--help` without a method prints."""
    return _parser().format_help()
