# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs of Subversion requests: which repository they are about, and how they are called on the other side.

The private Apache knows a repository by a short name of its own (`vcs.svnapache`), so paths are translated wherever
they occur: in the request line, in `Destination` and `If`, in the `href` elements of XML, in `SVN-*` and `Location`.
Apache resolves dot segments in every encoding; they are refused here, all of them (design/protocols.md 3).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape, unescape

from trivium.wire.admission import Refused

_DECODINGS: Final = 4
"""How often a path may be encoded; nobody who means a file encodes it more often."""
_SAFE: Final = "/!$&'()*+,:=@~-_."
"""What Subversion leaves as it is in a URL."""
_SEGMENT = re.compile(r"(?:/|%2[fF])*((?:(?!/|%2[fF]).)+)", re.DOTALL)
_REFERENCE = re.compile(rb"(<(?:[A-Za-z_][\w.\-]*:)?(?:href|src-path|dst-path)(?:\s[^<>]*)?>)([^<]*)(?=<)")
_MARK: Final = b"<D:href>"
_TAGGED = re.compile(r"<([^<>]*)>")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/]*")
_LONGEST_TAG: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class RawPath:
    """The path of a URL as it was sent, taken apart."""

    text: str
    segments: tuple[str, ...]
    """Decoded, without empty ones; `%2F` separates like `/` (decisions.md W5)."""
    ends: tuple[int, ...]
    """Where in `text` each of them ends."""

    def after(self, count: int) -> str:
        """What follows the first `count` segments, as it was sent."""
        return self.text[self.ends[count - 1] :] if count else self.text


def parse_path(text: str) -> RawPath:
    """Take a path apart; raises `Refused` for one that could lead elsewhere than it seems to."""
    _check(text)
    found = list(_SEGMENT.finditer(text))
    return RawPath(text, tuple(unquote(one[1]) for one in found), tuple(one.end() for one in found))


def _check(text: str) -> None:
    """Refuse dot segments, and NULs, however they are encoded; a backslash separates too."""
    for _ in range(_DECODINGS):
        if "\0" in text or any(segment in (".", "..") for segment in re.split(r"[/\\]", text)):
            raise Refused(400, "This path is not allowed.")
        decoded = unquote(text, errors="surrogateescape")
        if decoded == text:
            return
        text = decoded
    raise Refused(400, "This path is encoded too often.")


@dataclass(frozen=True, slots=True)
class Translation:
    """One repository's two names: what the client calls it in this request, and what Apache does."""

    outside: tuple[str, ...]
    """The segments of its URL."""
    inside: str
    """One segment, of plain letters."""
    upstream: str
    """Scheme and host of Apache."""

    @property
    def prefix(self) -> str:
        """The path of its URL, as Subversion writes it."""
        return "/" + quote("/".join(self.outside), safe=_SAFE)

    def inwards(self, reference: str) -> str | None:
        """A path or URL of the client, as Apache has it; None when it is not in this repository."""
        path = parse_path(_ABSOLUTE.sub("", reference, count=1))
        count = len(self.outside)
        if path.segments[:count] != self.outside:
            return None
        return f"/{self.inside}{path.after(count)}"

    def destination(self, given: str) -> str:
        """The `Destination` of a copy or move, which stays in its repository."""
        found = self.inwards(given)
        if found is None:
            raise Refused(502, "The destination is not in the same repository.")
        return self.upstream + found

    def condition(self, given: str) -> str:
        """An `If` header, whose conditions may name resources."""

        def translated(tag: re.Match[str]) -> str:
            if not (tag[1].startswith("/") or tag[1].startswith("http")):
                return tag[0]  # a lock token
            found = self.inwards(tag[1])
            if found is None:
                raise Refused(400, "A condition names something outside of the repository.")
            return f"<{self.upstream}{found}>"

        return _TAGGED.sub(translated, given)

    def outwards(self, value: str) -> str:
        """A path in a header of Apache's, as the client has it."""
        inside = f"/{self.inside}"
        if value == inside or value.startswith(f"{inside}/"):
            return self.prefix + value[len(inside) :]
        return value

    async def body_inwards(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """An XML body of the client, with its references translated as it passes."""

        def translated(found: re.Match[bytes]) -> bytes:
            reference = unescape(found[2].decode("utf-8", "surrogateescape").strip())
            inside = self.inwards(reference)
            if inside is None:
                raise Refused(400, "The request names something outside of the repository.")
            return found[1] + escape(inside).encode("utf-8", "surrogateescape")

        kept = b""
        async for chunk in body:
            kept += chunk
            # An element is complete when the next tag begins; what may go on in the next chunk waits for it.
            last = kept.rfind(b"<")
            before = kept.rfind(b"<", 0, max(last, 0))
            cut = max(before, 0)
            if len(kept) - cut > _LONGEST_TAG:
                cut = len(kept)
            if cut:
                # The tag that follows is needed to see the end of the one before it.
                done = _REFERENCE.sub(translated, kept[: cut + 1])[:-1] if cut < len(kept) else kept
                kept = kept[cut:]
                yield done
        if kept:
            yield _REFERENCE.sub(translated, kept)

    async def body_outwards(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """An XML body of Apache's, with its references translated as it passes.

        What users wrote is escaped in it: the mark cannot be theirs.
        """
        mark = _MARK + f"/{self.inside}".encode()
        ours = _MARK + escape(self.prefix).encode()
        kept = b""
        async for chunk in body:
            kept = (kept + chunk).replace(mark, ours)
            waits = _beginning_at_end(kept, mark)
            if len(kept) > waits:
                yield kept[: len(kept) - waits]
            kept = kept[len(kept) - waits :]
        if kept:
            yield kept


def _beginning_at_end(text: bytes, mark: bytes) -> int:
    """How many bytes at the end of `text` may be the beginning of a mark."""
    at = text.rfind(b"<", max(0, len(text) - len(mark) + 1))
    while at != -1:
        if mark.startswith(text[at:]):
            return len(text) - at
        at = text.rfind(b"<", max(0, len(text) - len(mark) + 1), at)
    return 0
