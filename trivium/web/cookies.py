# SPDX-License-Identifier: GPL-3.0-or-later
"""The cookies of the pages: a session's, a visitor's forms', and what the next page says once (web.md 3.4)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from trivium.access.keys import KeyRing
from trivium.settings import Settings

_LONGEST: Final = 4096
_MOST: Final = 50
_LONGEST_SESSION: Final = 200
_MARK: Final = 32
_SAID_SECONDS: Final = 60
_YEAR: Final = 365 * 86400
_LONGEST_SAID: Final = 1024


class Cookies:
    """The names and the form of our cookies for one request."""

    __slots__ = ("_path", "_prefix", "_secure", "session")

    def __init__(self, settings: Settings, *, secure: bool, root: str) -> None:
        self._secure = secure or settings.session_secure
        self._path = root or "/"
        # A browser keeps a name that begins so for this host and for encrypted connections alone.
        self._prefix = "" if not self._secure else "__Secure-" if root else "__Host-"
        self.session = self._prefix + settings.session_cookie

    def session_in(self, cookies: Mapping[str, str]) -> str:
        """What a browser sent as its session; empty where that cannot be one."""
        value = cookies.get(self.session, "")
        return value if len(value) <= _LONGEST_SESSION else ""

    @property
    def forms(self) -> str:
        """To which a visitor's forms are bound."""
        return self.session + "_form"

    @property
    def said(self) -> str:
        """What the next page tells a visitor."""
        return self.session + "_said"

    @property
    def preferences(self) -> str:
        """What a visitor prefers."""
        return self.session + "_preferences"

    def preferred(self, cookies: Mapping[str, str]) -> str | None:
        """What a visitor prefers, as it was written."""
        found = cookies.get(self.preferences)
        return None if found is None else unquote(found)

    def preferring(self, written: str) -> tuple[str, str]:
        """The header by which a visitor's browser keeps what they prefer, for a year."""
        return self.header(self.preferences, quote(written, safe=""), _YEAR)

    def header(self, name: str, value: str, seconds: int | None = None) -> tuple[str, str]:
        """The header that sets a cookie; `seconds` None: until the browser is closed, 0: not any more."""
        lasts = "" if seconds is None else f"; Max-Age={seconds}"
        secure = "; Secure" if self._secure else ""
        return "Set-Cookie", f"{name}={value}; Path={self._path}; HttpOnly; SameSite=Lax{lasts}{secure}"

    def telling(self, ring: KeyRing, said: str) -> tuple[str, str]:
        """The header by which the next page tells a visitor something: signed, so that nobody else can do so."""
        text = msgspec.json.encode(said[:_LONGEST_SAID]).hex()
        return self.header(self.said, _mark(ring, text) + text, _SAID_SECONDS)

    def told(self, ring: KeyRing, cookies: Mapping[str, str]) -> str:
        """What this page is to tell a visitor; empty: nothing."""
        value = cookies.get(self.said, "")
        mark, text = value[:_MARK], value[_MARK:]
        if not text or not value.isascii() or not hmac.compare_digest(mark, _mark(ring, text)):
            return ""
        return str(msgspec.json.decode(bytes.fromhex(text)))


def _mark(ring: KeyRing, text: str) -> str:
    return ring.digest(f"said\n{text}").hex()[:_MARK]


def cookies_of(header: bytes) -> Mapping[str, str]:
    """The cookies that a browser sent, the first of each name; of a header that is too long none."""
    if not header or len(header) > _LONGEST:
        return {}
    found: dict[str, str] = {}
    for pair in header.decode("latin-1").split(";", _MOST)[:_MOST]:
        name, _, value = pair.strip().partition("=")
        found.setdefault(name, value.strip('"'))
    return found
