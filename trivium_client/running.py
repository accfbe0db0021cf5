# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs have in common: how they end, how they call, how they save a config."""

import contextlib
import os
from collections.abc import Callable, Mapping

from trivium_client import config, credentials, host, output
from trivium_client.call import Reply, call
from trivium_client.credentials import Credentials
from trivium_client.errors import (
    INTERRUPTED,
    OK,
    CallFailed,
    ClientError,
    MalformedArguments,
    OutputLost,
    UsageError,
)
from trivium_client.options import Options


def run(program: str, usage: str, work: Callable[[], int]) -> int:
    """Do the work of a program and return its exit status; what goes wrong is told on stderr, in one line."""
    output.name_program(program)
    output.open_streams()
    try:
        status = work()
        output.flush()
    except ClientError as error:
        _report(program, usage, error)
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _report(program: str, usage: str, error: ClientError) -> None:
    """Tell on stderr why we stop, and let stdout have what was already written to it."""
    with contextlib.suppress(OutputLost):
        output.flush()
    if isinstance(error, MalformedArguments):
        output.complain(str(error))
    elif isinstance(error, UsageError):
        output.complain(f"usage: {usage}\n{program}: error: {error}")
    elif str(error):
        output.complain(f"{program}: {' '.join(str(error).split())}")


def save_config(given: Options) -> int:
    """Write the key and the host to the config file; calls nothing."""
    saved = credentials.given(given)
    path = config.location(given.config, os.environ)
    created = config.write(path, saved.apikey, saved.apihost)
    output.write(output.printable(f"{'Created new config in' if created else 'Updated config in'} {path}"))
    return OK


def send(used: Credentials, method: str, args: Mapping[str, object]) -> Reply:
    """Call a method; raises `CallFailed`, without the key in its message."""
    if host.exposes_key(used.apihost):
        output.warn(f"your API key travels unencrypted to {used.apihost}; use https")
    try:
        return call(used, method, args)
    except CallFailed as error:
        raise CallFailed(used.mask(str(error))) from None


def explain(program: str, reply: Reply, used: Credentials) -> None:
    """Say on stderr why the server refused, if it says so. The documented text is on stdout. Raises `OutputLost`."""
    if reply.detail:
        output.flush()  # the error comes first, then its reason
        output.complain(used.mask(f"{program}: {' '.join(reply.detail.split())}"))
