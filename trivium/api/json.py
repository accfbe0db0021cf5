# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests are decoded once it is known that they are no burden: how deep they nest, how many values they have."""

from __future__ import annotations

from typing import Any, Final

import msgspec

MAX_VALUES: Final = 200_000
"""Values of one request, names of members included. Each takes about a hundred bytes when it is decoded."""

_ALWAYS: Final = 32
"""So many brackets are not looked at: the limit for the depth may not be lower."""
_CLOSED: Final = b"()"
_BRACKETS: Final = bytes.maketrans(b"[]{}", b"()()")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


class Unusable(Exception):
    """A text that is no request; the message says why, and repeats nothing of it."""


def decode(body: bytes, *, max_depth: int) -> dict[str, Any]:
    """The JSON object of a request; raises `Unusable`. Takes time in proportion to the length of the text."""
    _check_burden(body, max_depth)
    try:
        request = msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise Unusable(f"invalid UTF-8 (byte {error.start})") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unusable(str(error)) from error
    if not isinstance(request, dict):
        raise Unusable("the request is not a JSON object")
    return request


def _check_burden(body: bytes, max_depth: int) -> None:
    """Refuse what nests too deeply or has too many values.

    What is not JSON at all may be judged wrongly; then the parser refuses it. Everything here is done by a fixed number
    of searches through the whole text, or as many as the limit of the depth: never one for each of its parts.
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened <= min(_ALWAYS, max_depth) and body.count(b",") < MAX_VALUES and body.count(b":") < MAX_VALUES:
        return
    plain = body
    if b"\\" in body:
        # Of a row of backslashes each but the last of an odd number is one of a pair.
        plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > 2 * MAX_VALUES:
        raise Unusable("the value has too many parts")
    outside = b"".join(plain.split(b'"')[::2])
    if outside.count(b",") + outside.count(b":") + outside.count(b"[") + outside.count(b"{") > MAX_VALUES:
        raise Unusable("the value has too many parts")
    brackets = outside.translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(max_depth):
        if not brackets:
            return
        brackets = brackets.replace(_CLOSED, b"")
    if brackets:
        raise Unusable("the value is nested too deeply (max_api_depth)")
