# SPDX-License-Identifier: GPL-3.0-or-later
"""The program `rhodecode-gist`: makes a gist of files or of standard input (system.md 5.3)."""

import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from trivium_client import credentials, gist_options, output, running
from trivium_client.errors import FAILED, OK, CallFailed, FileUnusable
from trivium_client.gist_options import PROGRAM, USAGE, GistOptions

MAX_BYTES = 64 * 1024 * 1024
"""More than a server takes; a wrong FILE (a disk image, /dev/zero) shall not fill the memory."""

UNNAMED = "gistfile1.txt"
"""What standard input is called (system.md 6.4)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with `argv` (default: `sys.argv` without its first item) and return its exit status."""
    return running.run(PROGRAM, USAGE, lambda: _run(gist_options.parse(sys.argv[1:] if argv is None else argv)))


def _run(given: GistOptions) -> int:
    if given.connection.help:
        output.write(gist_options.help_text().rstrip())
        return OK
    if given.connection.save_config:
        return running.save_config(given.connection)
    used = credentials.find(given.connection, os.environ)
    args = {
        "files": _files(given),
        "gist_type": "private" if given.private else "public",
        "lifetime": given.lifetime,
        "description": given.description,
    }
    reply = running.send(used, "create_gist", args)
    pretty = given.connection.format == "pretty"
    if reply.refused:
        output.write(used.mask(output.document(reply.error, pretty=pretty)))
        if pretty:
            running.explain(PROGRAM, reply, used)
        return FAILED
    url = _url(reply.result)
    output.write(output.printable(url) if pretty else output.document(reply.result, pretty=False))
    if given.open:
        output.flush()
        webbrowser.open(url)
    return OK


def _url(result: object) -> str:
    """The address of the gist in the server's answer."""
    gist = result.get("gist") if isinstance(result, dict) else None
    url = gist.get("url") if isinstance(gist, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        # A browser is started with it: nothing but the address of a page.
        raise CallFailed("the server did not tell the address of the gist")
    return url


def _files(given: GistOptions) -> dict[str, dict[str, str]]:
    """The files of the gist, by the names that they have there. Raises `FileUnusable`."""
    found: dict[str, dict[str, str]] = {}
    for file in given.files:
        name = given.filename or (UNNAMED if file == "-" else Path(file).name)
        if name in found:
            raise FileUnusable(f"two files would be called {name}")
        found[name] = {"content": _content(file)}
    return found


def _content(file: str) -> str:
    shown = "standard input" if file == "-" else file
    try:
        if file == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin is not None else b""
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileUnusable(f"Could not read {shown}: {error.strerror or error}") from None
    except ValueError:  # a NUL in the name
        raise FileUnusable(f"Could not read {shown}") from None
    if len(content) > MAX_BYTES:
        raise FileUnusable(f"{shown} is too large for a gist")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise FileUnusable(f"{shown} is not UTF-8 text, and a gist holds texts") from None


if __name__ == "__main__":
    sys.exit(main())
