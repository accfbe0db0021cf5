# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose key is used on which server: options before environment before config file (api-users 12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trivium_client import config, host
from trivium_client.errors import UsageError
from trivium_client.options import Options
from trivium_client.output import warn

KEY_VARIABLE = "RHODECODE_API_KEY"
HOST_VARIABLE = "RHODECODE_API_HOST"

SHORTEST_MASKED = 8
"""Shorter "keys" are words somebody types for a trial; masking them would only garble the messages."""


@dataclass(frozen=True)
class Credentials:
    """A key and the server it belongs to; the key stays out of `repr` and thereby out of every trace."""

    apikey: str = field(repr=False)
    apihost: str

    def mask(self, text: str) -> str:
        """Return `text` without the key, should the other side have put it there."""
        if len(self.apikey) < SHORTEST_MASKED:
            return text
        return text.replace(self.apikey, "*" * 8)


def given(options: Options) -> Credentials:
    """Return what `--save-config` is to write: both options, nothing from elsewhere. Raises `UsageError`."""
    if not options.apikey or not options.apihost:
        raise UsageError("--save-config requires --apikey and --apihost")
    host.check(options.apihost)
    return Credentials(options.apikey, options.apihost)


def find(options: Options, environ: Mapping[str, str]) -> Credentials:
    """Return what to call with, each of the two values from the first place that has it.

    The config file is not even opened when both are known without it. Raises `UsageError`, `ConfigUnusable`.
    """
    for name, value in (("--apikey", options.apikey), ("--apihost", options.apihost)):
        if value == "":
            # Most likely an unset variable in a script: falling back would act as somebody else.
            raise UsageError(f"{name} is empty")
    # An empty variable is an unset one, as everywhere in a shell.
    apikey = options.apikey or environ.get(KEY_VARIABLE) or None
    apihost = options.apihost or environ.get(HOST_VARIABLE) or None
    if apikey is None or apihost is None:
        path = config.location(options.config, environ)
        saved = config.read(path)
        if saved is None:
            raise UsageError("Could not find config file and missing --apikey or --apihost in params")
        if saved.exposed:
            warn(f"other users can read your API key in {path}; run: chmod 600 {path}")
        apikey = apikey or saved.apikey
        apihost = apihost or saved.apihost
        if apikey is None or apihost is None:
            raise UsageError(f"Missing --apikey or --apihost in params and in config {path}")
    host.check(apihost)
    return Credentials(apikey, apihost)
