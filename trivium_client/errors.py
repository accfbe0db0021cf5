# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, and the exit status each kind ends the program with."""

OK = 0
FAILED = 1
"""The server refused the call or could not be reached or understood, or our output could not be written."""
MISUSED = 2
"""The call was never made: the command line, the environment or the config file is wrong or incomplete."""
INTERRUPTED = 130
"""Ctrl-C, as a shell reports it: 128 + SIGINT."""


class ClientError(Exception):
    """Ends the program; the message is one line for stderr."""

    status = FAILED


class CallFailed(ClientError):
    """No usable reply: network, TLS, HTTP, JSON, or a reply that is not the one to our request."""


class ConfigNotWritten(ClientError):
    """`--save-config` could not, or would not, write the file."""


class OutputLost(ClientError):
    """Nobody can read our stdout any more: a closed pipe (no message then), a full disk."""


class UnknownMethod(ClientError):
    """`--help METHOD` for a method the server does not have."""


class FileUnusable(ClientError):
    """A file for a gist cannot be read, or is no text."""

    status = MISUSED


class ConfigUnusable(ClientError):
    """There is a config file, but it cannot be read or is not what `--save-config` writes."""

    status = MISUSED


class MalformedArguments(ClientError):
    """An argument of the method is neither `key:value` nor `key:=json`."""

    status = MISUSED


class UsageError(ClientError):
    """The command line cannot be obeyed; shown below the usage line."""

    status = MISUSED
