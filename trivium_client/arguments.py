# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of a method: `key:value` sends text, `key:=json` sends JSON (api-users 12, decision C3)."""

import json
from collections.abc import Iterable

from trivium_client.errors import MalformedArguments


def parse(words: Iterable[str]) -> dict[str, object]:
    """Turn the words after the method into the `args` of the call; of a repeated key the last one counts.

    Text stays text, also `5` and `true`: the server knows the types. Raises `MalformedArguments`.
    """
    return dict(_pair(word) for word in words)


def _pair(word: str) -> tuple[str, object]:
    key, colon, value = word.partition(":")
    if not key or not colon or not _is_text(word):
        raise MalformedArguments("Error parsing arguments")
    if value.startswith("="):
        return key, _json(value.removeprefix("="))
    return key, value


def _is_text(word: str) -> bool:
    """Tell whether the shell handed us text; bytes that are none in this locale arrive as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _json(text: str) -> object:
    try:
        value: object = json.loads(text)
        # Python reads NaN, Infinity and 1e999, but JSON cannot say them: the server would refuse the call.
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        raise MalformedArguments("Error parsing arguments") from None
    return value
