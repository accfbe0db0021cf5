# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of views: taken apart, and written (system.md 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

from trivium.names import MAX_DEPTH
from trivium.web.registering import matching, named

_LONGEST_PATH: Final = 8 << 10
_MOST_SEGMENTS: Final = 1_000
_LONGEST_QUERY: Final = 8 << 10
_MOST_PARAMETERS: Final = 100
_PERMANENT = re.compile(r"_[0-9]{1,18}")
_OURS: Final = frozenset({"", "favicon.ico", "robots.txt"})
"""Whole addresses of the site that do not begin with an underscore."""
_KEYS: Final = frozenset({"api_key", "auth_token"})


def segments_of(raw_path: bytes) -> tuple[str, ...] | None:
    """The decoded segments of a path; slashes too many do not matter. None for what no address looks like.

    An encoded slash stays within its segment. Bytes that are not UTF-8 become surrogates, as in paths of files.
    """
    if len(raw_path) > _LONGEST_PATH:
        return None
    pieces = [piece for piece in raw_path.split(b"/") if piece]
    if len(pieces) > _MOST_SEGMENTS:
        return None
    found = tuple(unquote_to_bytes(piece).decode("utf-8", "surrogateescape") for piece in pieces)
    return None if any("\0" in segment for segment in found) else found


def is_of_site(first: str) -> bool:
    """Whether an address with this first segment is one of the site, and so of no repository (system.md 2.2)."""
    return first in _OURS or (first.startswith("_") and not is_permanent(first))


def is_permanent(first: str) -> bool:
    """Whether a first segment names a repository by its number, for ever."""
    return _PERMANENT.fullmatch(first) is not None


def is_shown(segments: tuple[str, ...]) -> bool:
    """Whether an address may be that of something to look at, whatever repositories there are."""
    if not segments or is_of_site(segments[0]):
        found = matching(segments, of_repository=False)
    else:
        ends = range(1, min(len(segments), MAX_DEPTH) + 1)
        found = [one for end in ends for one in matching(segments[end:], of_repository=True)]
    return any("GET" in view.methods for view, _ in found)


def query_of(raw_query: bytes) -> Mapping[str, str]:
    """The first value of each parameter; of a query that is too long nothing."""
    if len(raw_query) > _LONGEST_QUERY:
        return {}
    try:
        return parameters(raw_query.decode("latin-1"), _MOST_PARAMETERS)
    except ValueError:
        return {}


def parameters(text: str, most: int, errors: str = "replace") -> dict[str, str]:
    """The first value of each parameter of a query or a form; raises `ValueError` when there are more than `most`.

    `errors` says what becomes of bytes that are not UTF-8, as for `bytes.decode`.
    """
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=most, errors=errors):
        found.setdefault(name, value)
    return found


def without_keys(query: Mapping[str, str]) -> str:
    """A query as it may stand in an address that is kept somewhere (system.md 1.4)."""
    return urlencode({name: value for name, value in query.items() if name not in _KEYS})


@lru_cache(maxsize=2048)
def quoted(path: str) -> str:
    """A path in an address, slashes kept."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/~:@!$,")


@lru_cache(maxsize=2048)
def quoted_segment(text: str) -> str:
    """One segment of an address, whatever is in it."""
    return quote(text.encode("utf-8", "surrogateescape"), safe="~:@!$,")


@lru_cache(maxsize=2048)
def _written(root: str, view: str, given: tuple[str, ...]) -> str:
    """As `Urls.to`, without a query. Every page has a dozen of these, most of them the same."""
    found = named(view)
    arguments = list(given)
    start = f"{root}/{quoted(arguments.pop(0))}" if found.of_repository else root
    rule = next(rule for rule in found.rules if len(rule.names) == len(arguments))
    pieces = []
    for segment in rule.segments:
        if segment.endswith("*}"):
            pieces.append(quoted(arguments.pop(0)))
        elif segment.startswith("{"):
            pieces.append(quoted_segment(arguments.pop(0)))
        else:
            pieces.append(segment)
    return "/".join((start, *(piece for piece in pieces if piece))) or "/"


class Urls:
    """Writes addresses below the path that a proxy puts in front."""

    __slots__ = ("origin", "root")

    def __init__(self, origin: str, root: str) -> None:
        self.origin = origin
        """The server as users see it, without a path."""
        self.root = root
        """The path in front of ours, without a slash at the end."""

    def repository(self, name: str) -> str:
        return f"{self.root}/{quoted(name)}"

    def to(self, view: str, *given: str, **query: object) -> str:
        """The address of a view: `given` are the repository, if it is about one, and what its rule names.

        Without the values of its last names the shorter form is written.
        """
        address = _written(self.root, view, given)
        wanted = {name: value for name, value in query.items() if value not in (None, "", False)}
        return f"{address}?{urlencode(wanted, errors='surrogateescape')}" if wanted else address

    def absolute(self, address: str) -> str:
        """An address of ours with the server in front."""
        return self.origin + address
