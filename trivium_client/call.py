# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of one method: the JSON envelope there and back (api-users 1 and 12)."""

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from trivium_client import transport
from trivium_client.credentials import Credentials
from trivium_client.errors import CallFailed


@dataclass(frozen=True)
class Reply:
    """What the server answered; `error` is `None` after a success."""

    result: object
    error: object
    detail: str = ""
    """Why the method failed, where the server tells."""

    @property
    def refused(self) -> bool:
        """Tell whether the method failed."""
        return self.error is not None


def call(credentials: Credentials, method: str, args: Mapping[str, object]) -> Reply:
    """Call `method` and return the server's reply. Raises `CallFailed` if none comes to this very call."""
    number = 1 + secrets.randbelow(9999)
    request = {"id": number, "api_key": credentials.apikey, "method": method, "args": args}
    answer = transport.post(credentials.apihost, json.dumps(request).encode("ascii"))
    return _reply(answer, number, credentials.apihost)


def _reply(answer: bytes, number: int, apihost: str) -> Reply:
    try:
        envelope = json.loads(answer, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise CallFailed(f"{apihost} did not answer with JSON; is it the right host?") from None
    if not isinstance(envelope, dict) or not envelope.keys() >= {"id", "result", "error"}:
        raise CallFailed(f"{apihost} did not answer with a JSON-RPC reply; is it the right host?")
    echoed = envelope["id"]
    # type() because JSON's true equals 1 in Python.
    if type(echoed) is not int or echoed != number:
        # A server that could not read the request has no id to echo; its error is then all there is to know.
        error = f": {envelope['error']}" if isinstance(envelope["error"], str) else ""
        raise CallFailed(f"{apihost} answered with another id than the {number} of the request{error}")
    detail = envelope.get("error_detail")
    return Reply(envelope["result"], envelope["error"], detail if isinstance(detail, str) else "")


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity: Python reads them, but what we print has to be JSON."""
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
