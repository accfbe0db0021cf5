# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache's answers as the client may see them: without the private server's names, port or places.

Apache calls a repository by a link that nobody outside can know (`vcs.svn.apache`). So a link in Apache's own text can
only come from Apache, and the client's name of the repository replaces it. Errors are written anew: with Subversion's
number and words, which clients act on and show, and with a status that says whose fault it is.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from html import escape
from typing import Final
from xml.parsers import expat

import structlog

from trivium.errors import NO_ROOM, StorageFull
from trivium.http.asgi import TEXT
from trivium.vcs.svn.apache import LINKS
from trivium.wire.admission import Refused
from trivium.wire.svn.paths import Translation
from trivium.wire.svn.xml import DAV

_log = structlog.get_logger(__name__)

_ERROR: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<D:error xmlns:D="DAV:" xmlns:m="http://apache.org/dav/xmlns" xmlns:C="svn:">
<C:error/>
<m:human-readable errcode="{code}">
{text}
</m:human-readable>
</D:error>
"""
ERROR_TYPE: Final = (b"content-type", b'text/xml; charset="utf-8"')
_CODES: Final = {403: 220004}
"""Subversion's own numbers: an action that is not authorised; anything else is a failed request."""
_FAILED: Final = 175002
_FIRST_OF_SUBVERSION: Final = 120000
"""Smaller numbers are the system's."""
_MISSING: Final = frozenset({160006, 160007, 160013, 160056, 200009})
"""No such revision, transaction, path."""
_OURS: Final = frozenset({
    *range(160000, 160005), 160009, 160010, 160011, 160014, 160029, 160030, 165000, 165005, 200029, 200030, 235000,
})  # fmt: skip
"""The repository cannot be opened or is damaged; something failed that should not."""
NO_CACHE: Final = (b"cache-control", b"no-cache")
LARGEST_ERROR: Final = 64 << 10
_PLAIN: Final = {404: b"There is no such file or directory.\n", 423: b"The file is locked.\n"}
_LINKS: Final = f"{LINKS}/".encode()
_PRIVATE: Final = ("/proc/", "127.0.0.1", "apache")

_HOP: Final = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
})  # fmt: skip
_NOT_PASSED_ON: Final = _HOP | {b"server", b"date", b"vary", b"www-authenticate", b"content-length", b"allow"}


def error_body(status: int, text: str, code: int = 0) -> bytes:
    """An error in the words of DAV, which Subversion shows to its user."""
    return _ERROR.format(code=code or _CODES.get(status, _FAILED), text=escape(text, quote=False)).encode()


class Outwards:
    """Puts one answer into the client's terms."""

    def __init__(self, translation: Translation, address: str) -> None:
        """`address`: scheme and host of this server, as the client knows it."""
        self._translation = translation
        self._address = address.encode("latin-1")
        self._link = translation.inside.encode()
        self._start = b"/" + self._link
        self._prefix = translation.prefix.encode()

    def headers(self, given: list[tuple[bytes, bytes]], *, allow: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer, except its length."""
        found = []
        for name, value in given:
            if name == b"location":
                if location := self._location(value):
                    found.append((name, location))
            elif name == b"allow":
                found.append(allow)
            elif name not in _NOT_PASSED_ON and (not value.startswith(b"/") or self._is_inside(value)):
                found.append((name, self._plain(value)))
        return found

    def _is_inside(self, path: bytes) -> bool:
        return path == self._start or path.startswith(self._start + b"/")

    def _location(self, value: bytes) -> bytes | None:
        """The place of something made or found; None when that is not in the repository."""
        scheme, separator, rest = value.partition(b"://")
        path = value
        if separator and b"/" not in scheme:
            path = rest[rest.find(b"/") :] if b"/" in rest else b"/"
        return self._address + self._plain(path) if self._is_inside(path) else None

    def _plain(self, value: bytes) -> bytes:
        return value.replace(self._start, self._prefix)

    def shown(self, text: bytes) -> bytes:
        """A piece of XML or HTML."""
        if self._link not in text:
            return text
        return self._replaced(
            text,
            escape(self._translation.prefix, quote=False).encode(),
            escape(self._translation.outside[-1], quote=False),
        )

    def _replaced(self, text: bytes, prefix: bytes, name: str) -> bytes:
        *starts, link = self._marks()
        for start in starts:
            text = text.replace(start, prefix)
        return text.replace(link, name.encode())

    def _marks(self) -> tuple[bytes, ...]:
        """Apache's names of the repository, the longer ones first."""
        return (_LINKS + self._link, self._translation.upstream + self._start, self._start, self._link)

    async def body(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """XML or HTML as it comes, in whatever pieces."""
        marks = self._marks()
        kept = b""
        async for chunk in body:
            kept = self.shown(kept + chunk)
            waits = _beginning_at_end(kept, marks)
            if len(kept) > waits:
                yield kept[: len(kept) - waits]
            kept = kept[len(kept) - waits :]
        if kept:
            yield kept

    def error(self, status: int, body: bytes | None, *, made: bool = False) -> tuple[int, tuple[bytes, bytes], bytes]:
        """An error of Apache's, written anew: status, type and body. Raises `Refused` where Apache's status misleads.

        `body` is None where it is unknown, as for HEAD, which fails on directories. `made`: the request was about a
        transaction; Apache takes a missing one for a fault of its own. Where Apache used no words of Subversion's, the
        client gets none either, and goes by the status.
        """
        code, said = _read(body or b"")
        said = self._replaced(said.encode(), self._prefix, self._translation.outside[-1]).decode()
        if status >= 500:
            if code is None and (status == 501 or body is None):
                raise Refused(400, "Subversion cannot do this.")
            if code is None and status == 500 and made:
                raise Refused(404, "There is no such transaction.")
            if code == errno.ENAMETOOLONG:
                raise Refused(400, "A name in the request is too long.")
            if code is None or code < _FIRST_OF_SUBVERSION or code in _OURS:
                _log.error("Subversion failed", status=status, code=code, why=said)
                if code in (errno.ENOSPC, errno.EDQUOT):
                    raise StorageFull(NO_ROOM)
                raise Refused(503, "Subversion cannot do this at the moment.", ((b"retry-after", b"5"),))
            status = 404 if code in _MISSING else 400
        if code is None or not said or any(word in said for word in _PRIVATE):
            return status, TEXT, _PLAIN.get(status, b"Subversion refuses this request.\n")
        return status, ERROR_TYPE, error_body(status, said, code)


def _read(body: bytes) -> tuple[int | None, str]:
    """Subversion's number and words in an error of mod_dav_svn; the number is None for other errors."""
    code: int | None = None
    said: list[str] = []
    inside = False

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal code, inside
        inside = name.endswith("human-readable")
        if inside and (given := attributes.get("errcode", "")).isdecimal():
            code = int(given[:9])

    def end(_: str) -> None:
        nonlocal inside
        inside = False

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = lambda text: said.append(text) if inside else None
    if DAV.encode() in body:
        try:
            parser.Parse(body, True)
        except expat.ExpatError:
            return None, ""
    return code, "".join(said).strip()


def _beginning_at_end(text: bytes, marks: tuple[bytes, ...]) -> int:
    """How many bytes at the end of `text` may be the beginning of a mark."""
    first = {mark[0] for mark in marks}
    for at in range(max(0, len(text) - max(map(len, marks)) + 1), len(text)):
        if text[at] in first and any(mark.startswith(text[at:]) for mark in marks):
            return len(text) - at
    return 0
