# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes requests, after a check of how deeply they nest and how many values they have."""

from __future__ import annotations

from typing import Any, Final

import msgspec

MAX_VALUES: Final = 200_000
"""Values of one request, names of members included. Each takes about a hundred bytes when it is decoded."""

_ALWAYS: Final = 32
"""A body with so few brackets is not examined further, unless the limit of the depth is lower."""
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

    A text that is no JSON may be judged wrongly; then the parser refuses it. All this takes a fixed number of searches
    through the whole text, or as many as the limit of the depth. No part of the text has a search of its own.
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened <= min(_ALWAYS, max_depth) and body.count(b",") < MAX_VALUES and body.count(b":") < MAX_VALUES:
        return
    plain = body
    if b"\\" in body:
        # Backslashes in a row are pairs; only the last of an odd number is left over.
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
