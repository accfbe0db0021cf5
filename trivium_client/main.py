# SPDX-License-Identifier: GPL-3.0-or-later
"""The program `rhodecode-api`, from the command line to the exit status (api-users 12)."""

import difflib
import os
import shutil
import sys
from collections.abc import Iterable, Sequence

from trivium_client import arguments, credentials, explanation, openrpc, options, output, running
from trivium_client.credentials import Credentials
from trivium_client.errors import FAILED, OK, CallFailed, UnknownMethod, UsageError
from trivium_client.options import PROGRAM, USAGE, Options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with `argv` (default: `sys.argv` without its first item) and return its exit status."""
    return running.run(PROGRAM, USAGE, lambda: _run(options.parse(sys.argv[1:] if argv is None else argv)))


def _run(given: Options) -> int:
    if given.help:
        return _help(given)
    if given.save_config:
        return running.save_config(given)
    # A method has no colon: this is the first argument of a method that was forgotten.
    if not given.method or ":" in given.method:
        raise UsageError("Please specify method name")
    args = arguments.parse(given.words)
    return _call(given, given.method, args, credentials.find(given, os.environ))


def _call(given: Options, method: str, args: dict[str, object], used: Credentials) -> int:
    pretty = given.format == "pretty"
    if pretty:
        output.write(output.printable(f"Calling method {method} => {used.apihost}"))
    reply = running.send(used, method, args)
    if pretty:
        output.write("Server response")
    if reply.refused:
        output.write(used.mask(output.document(reply.error, pretty=pretty)))
        if pretty:
            running.explain(PROGRAM, reply, used)
        return FAILED
    output.write(output.document(reply.result, pretty=pretty))
    return OK


def _help(given: Options) -> int:
    """Explain the program or, with a method, what the server says about that."""
    if given.method is None:
        output.write(options.help_text().rstrip())
        return OK
    try:
        used = credentials.find(given, os.environ)
    except UsageError as error:
        raise UsageError(f"{error} (--help {given.method} asks the server about the method)") from None
    reply = running.send(used, "rpc.discover", {})
    if reply.refused:
        raise CallFailed(used.mask(f"{used.apihost} does not describe its methods: {reply.error}"))
    described = openrpc.methods(reply.result)
    if given.method not in described:
        raise UnknownMethod(_unknown(given.method, described))
    entry = described[given.method]
    if given.format == "json":
        output.write(output.document(entry, pretty=False))
    else:
        columns = shutil.get_terminal_size().columns
        output.write(output.printable(explanation.explain(openrpc.method(entry), columns)))
    return OK


def _unknown(method: str, known: Iterable[str]) -> str:
    similar = difflib.get_close_matches(method, list(known))
    return f"No such method: {method}" + (f"; did you mean {' or '.join(similar)}?" if similar else "")


if __name__ == "__main__":
    sys.exit(main())
