# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing to the terminal, a pipe or a file: results on stdout, everything said about them on stderr.

Text from a server is never trusted with the terminal: what would move the cursor, change colours or reverse
the reading direction is shown escaped.
"""

import contextlib
import io
import json
import os
import re
import sys

from trivium_client.errors import CallFailed, OutputLost

_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")


def open_streams() -> None:
    """Make stdout and stderr fit to write to, however we were started.

    A stream that the shell has closed (`>&-`) is `None` in Python; what is written to it then goes nowhere.
    """
    if sys.stdout is None:
        sys.stdout = io.StringIO()
    if sys.stderr is None:
        sys.stderr = io.StringIO()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def write(text: str) -> None:
    """Write `text` and a line end to stdout. Raises `OutputLost`."""
    try:
        sys.stdout.write(text + "\n")
    except OSError as error:
        raise _lost(error) from None


def flush() -> None:
    """Make sure that everything written has arrived. Raises `OutputLost`."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _lost(error) from None


def _lost(error: OSError) -> OutputLost:
    """Give up stdout for good, or Python would try, and complain, once more when it exits."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    # A reader that stops early, such as head, needs no message.
    return OutputLost("" if isinstance(error, BrokenPipeError) else f"Could not write the output: {error.strerror}")


def complain(text: str) -> None:
    """Write `text` to stderr; when even that is impossible only the exit status is left."""
    with contextlib.suppress(OSError):
        print(printable(text), file=sys.stderr)


_program = ["rhodecode-api"]


def name_program(name: str) -> None:
    """Say which program warns."""
    _program[0] = name


def warn(text: str) -> None:
    """Write something the user should know, though the call goes on."""
    complain(f"{_program[0]}: warning: {text}")


def printable(text: str) -> str:
    """Return `text` with everything escaped that a terminal might obey; line ends and tabs stay."""
    return _CONTROL.sub(_escape, _UNSAFE.sub(_escape, text))


def document(value: object, *, pretty: bool) -> str:
    """Return `value` as JSON, readable in the language it is in.

    `pretty`: indented by 4, keys sorted. Otherwise one line, keys as the server sent them.
    Raises `CallFailed` for a value nested so deeply that it could be read but not written.
    """
    indent = 4 if pretty else None
    try:
        # json itself escapes what is below 0x20. The rest is inside strings, where an escape means the same.
        text = _UNSAFE.sub(_escape, json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=pretty))
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, sort_keys=pretty)
    except RecursionError:
        raise CallFailed("the reply is nested too deeply to be shown") from None
    return text


def _escape(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"
