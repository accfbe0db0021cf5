# SPDX-License-Identifier: GPL-3.0-or-later
"""The envelope of a call and of its answer (api-users.md 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from trivium.api.json import Unusable, decode
from trivium.api.texts import Refusal
from trivium.forge.caches.answers import Kept
from trivium.http.asgi import Scope, key_in_headers

PARSE_ERROR: Final = "JSON parse error ERR:"
_MISSING_KEY: Final = "Incorrect JSON data. Missing 'api_key or auth_token'"
_SHOWN_ID: Final = 80


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. When a large one is in a file, `body` and `end` stand before and after its content."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    kept: Kept | None = None
    end: bytes = b""

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.body) + (self.kept.size if self.kept else 0) + len(self.end)


def parsed(body: bytes, max_depth: int) -> dict[str, Any]:
    """The JSON object of a request; raises `Refusal` with the parser's words and position, never with the body."""
    try:
        return decode(body, max_depth=max_depth)
    except Unusable as error:
        raise Refusal(f"{PARSE_ERROR} {error}") from error


def key_of(request: Mapping[str, Any], scope: Scope) -> Any:
    """The key of the body, or of a header where the body has none (decisions.md A9)."""
    present = [request[name] for name in ("api_key", "auth_token") if name in request]
    given = [key for key in present if key is not None and key != ""]
    key = given[0] if given else "" if present else key_in_headers(scope)
    if key == "":
        raise Refusal(_MISSING_KEY)
    return key


def key_given(request: Mapping[str, Any], scope: Scope) -> str:
    """The same, only to know whose call it is; empty for a key that would be refused."""
    try:
        key = key_of(request, scope)
    except Refusal:
        return ""
    return key if isinstance(key, str) else ""


def shown_id(request_id: Any) -> str:
    """The id of a request as the log shows it."""
    return msgspec.json.encode(request_id).decode()[:_SHOWN_ID]


def answer_of(request_id: Any, result: Any) -> Answer:
    """The envelope of a result; one in a file stays there."""
    if not isinstance(result, Kept):
        return Answer(envelope(request_id, result=result))
    beginning, end = envelope(request_id, result="").rsplit(b'""', 1)  # the last empty text in it
    return Answer(beginning, kept=result, end=end)


def envelope(request_id: Any, *, result: Any = None, error: str | None = None, detail: str | None = None) -> bytes:
    """The documented three members, and the reason of an error in a fourth where there is one to tell."""
    members = {"id": request_id, "result": result, "error": error}
    return msgspec.json.encode(members if detail is None else members | {"error_detail": detail})
