# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs of Subversion requests: their repositories, and their translation for Apache.

The private Apache knows a repository by a short name of its own (`vcs.svn.apache`), so paths are translated wherever
they occur: in the request line, in `Destination` and `If`, in the references of XML (`wire.svn.xml`), and in all that
Apache answers (`wire.svn.answers`). A path is decoded once, as Apache does: what looks like an escape after that is
part of a name. Apache would resolve dot segments; they are refused.

Everything here takes time in proportion to the length of what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from trivium.wire.admission import Refused

SAFE: Final = "/!$&'()*+,:=@~-_."
"""What Subversion leaves as it is in a URL."""
_SCHEMES: Final = (b"http", b"https")
_HTTP: Final = len(b"https://")
_NEVER: Final = frozenset(range(0x21)) | {0x7F, *b"?#"}
"""Bytes that no reference has: one program would read a query or fragment as a part of the path, another would not."""
_NOT_HERE: Final = "The request names something outside of the repository."


@dataclass(frozen=True, slots=True)
class RawPath:
    """The path of a URL as it was sent, taken apart."""

    text: bytes
    segments: tuple[str, ...]
    """Decoded, without empty ones; `%2F` separates like `/` (decisions.md W5)."""
    ends: tuple[int, ...]
    """Where in `text` each of them ends."""

    def after(self, count: int) -> bytes:
        """The rest after the first `count` segments, as it was sent."""
        return self.text[self.ends[count - 1] :] if count else self.text


def parse_path(text: bytes) -> RawPath:
    """Take a path apart; raises `Refused` for one that could lead elsewhere than it seems to."""
    segments, ends = [], []
    at = 0
    # Three slashes are as long as the escape that they replace, so positions stay; there are no empty segments.
    for piece in text.replace(b"%2f", b"%2F").replace(b"%2F", b"///").split(b"/"):
        at += len(piece)
        if piece:
            segments.append(_decoded(piece))
            ends.append(at)
        at += 1
    return RawPath(text, tuple(segments), tuple(ends))


def _decoded(segment: bytes) -> str:
    plain = unquote_to_bytes(segment) if b"%" in segment else segment
    if plain in (b".", b"..") or b"\0" in plain:
        raise Refused(400, "This path is not allowed.")
    try:
        return plain.decode()
    except UnicodeDecodeError:
        raise Refused(400, "The names in a path are written in UTF-8.") from None


@dataclass(frozen=True, slots=True)
class Translation:
    """One repository's two names: the client's in this request, and Apache's."""

    outside: tuple[str, ...]
    """The segments of its URL, as this server sees it."""
    inside: str
    """One segment, of plain letters."""
    upstream: bytes
    """Scheme and host of Apache."""
    base: tuple[str, ...] = ()
    """The segments that a proxy takes away in front: `Settings.prefix`."""

    @property
    def prefix(self) -> str:
        """The path of its URL as clients see it, written as Subversion writes it."""
        return _written((*self.base, *self.outside))

    def path_inwards(self, path: RawPath) -> bytes:
        """The path of a request for something in this repository, as Apache has it."""
        return f"/{self.inside}".encode() + path.after(len(self.outside))

    def inwards(self, reference: bytes) -> tuple[bytes, tuple[str, ...]]:
        """A path or URL of the client, as Apache has it, and its segments below the repository.

        Raises `Refused` when it is not in this repository.
        """
        path = parse_path(_path_of(reference))
        for start in ((*self.base, *self.outside), self.outside):
            count = len(start)
            if path.segments[:count] == start:
                return f"/{self.inside}".encode() + path.after(count), path.segments[count:]
        raise Refused(400, _NOT_HERE)

    def destination(self, given: bytes) -> tuple[bytes, tuple[str, ...]]:
        """The `Destination` of a copy or move, which stays in its repository, and its segments there."""
        try:
            path, segments = self.inwards(given)
        except Refused as error:
            if error.text != _NOT_HERE:
                raise
            # A 502 would say that the server is at fault.
            raise Refused(409, "The destination is not in the same repository.") from None
        return self.upstream + path, segments

    def condition(self, given: bytes) -> bytes:
        """An `If` header: lists of lock tokens and entity tags, each for a resource that may be named before it."""
        parts = []
        at = 0
        while at < len(given):
            match given[at : at + 1]:
                case b"<":
                    end = _find(given, b">", at)
                    parts += [b"<", self.upstream, self.inwards(given[at + 1 : end])[0], b">"]
                case b"(":
                    end = _end_of_list(given, at)
                    parts.append(given[at : end + 1])
                case b" " | b"\t":
                    end = at
                    parts.append(b" ")
                case _:
                    raise _unreadable()
            at = end + 1
        return b"".join(parts)


@lru_cache
def _written(segments: tuple[str, ...]) -> str:
    return "/" + quote("/".join(segments), safe=SAFE)


@lru_cache
def base_segments(prefix: str) -> tuple[str, ...]:
    """The path below which users reach the server, taken apart."""
    return parse_path(prefix.encode()).segments


def _path_of(reference: bytes) -> bytes:
    """The path of a reference, which is a URL of any server or a path."""
    if not _NEVER.isdisjoint(reference):
        raise Refused(400, "A reference in the request is no path.")
    scheme, separator, _ = reference[: _HTTP + 1].partition(b"://")
    if separator and scheme.lower() in _SCHEMES:
        start = reference.find(b"/", len(scheme) + len(separator))
        return reference[start:] if start >= 0 else b"/"
    if not reference.startswith(b"/"):
        raise Refused(400, _NOT_HERE)
    return reference


def _end_of_list(given: bytes, at: int) -> int:
    """Where a list of conditions that begins at `at` ends. Tokens and tags may hold any bracket but their own."""
    at += 1
    while at < len(given):
        match given[at : at + 1]:
            case b")":
                return at
            case b"<":
                at = _find(given, b">", at)
            case b"[":
                at = _find(given, b"]", at)
        at += 1
    raise _unreadable()


def _find(given: bytes, what: bytes, at: int) -> int:
    found = given.find(what, at)
    if found < 0:
        raise _unreadable()
    return found


def _unreadable() -> Refused:
    return Refused(400, "The condition of the request (If) cannot be read.")
