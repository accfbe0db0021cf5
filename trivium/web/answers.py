# SPDX-License-Identifier: GPL-3.0-or-later
"""What a view answers with. None of these knows ASGI; `sending.py` sends them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from trivium.web.finished import Finished

HTML: Final = "text/html; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"

HeaderList = tuple[tuple[str, str], ...]
SECRET: Final[HeaderList] = (("Cache-Control", "private, no-store"), ("Referrer-Policy", "no-referrer"))
"""Of pages that show a secret, or whose address is one."""


class Page:
    """A page: a template and the values that it shows."""

    def __init__(
        self,
        template: str,
        status: int | None = None,
        /,
        *,
        headers: HeaderList = (),
        tag: Hashable = "",
        rest: Iterable[bytes] | None = None,
        **values: Any,
    ) -> None:
        """`status`: by default that of the form which the page shows as `fields`, else 200.

        `tag`: the state that the page shows, of which its `ETag` is made; empty: its content is.

        `rest`: what stands where the template has `{{ rest }}`; the page is then sent piece by piece, head first.
        """
        self.template = template
        self.status = getattr(values.get("fields"), "status", 200) if status is None else status
        self.headers = headers
        self.tag = tag
        self.rest = rest
        self.values = values


class PageAtHand(Page):
    """A page that was made before (`RepositoryVisit.page_at_hand`)."""

    def __init__(self, finished: Finished) -> None:
        super().__init__("")
        self.finished = finished


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a page, for a script that puts it there."""

    html: bytes
    status: int = 200


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another address, within the site."""

    address: str
    said: str = ""
    """What the next page tells."""
    status: int = 302
    headers: HeaderList = ()


@dataclass(frozen=True, slots=True)
class Json:
    """A value as JSON."""

    value: Any
    status: int = 200


@dataclass(frozen=True, slots=True)
class Body:
    """The content of a file, a diff, an archive: bytes that are no page of ours."""

    content: bytes | Iterable[bytes]
    """An iterator is read in a thread of its own, piece by piece, and closed."""
    type: str = PLAIN
    status: int = 200
    length: int | None = None
    """In bytes, where it is known of an iterator."""
    tag: str = ""
    """The strong `ETag`, without quotes; only for what never changes."""
    headers: HeaderList = ()
    sandboxed: bool = True
    """Whether a browser must run nothing of it (security.md 7)."""
    between: Callable[[int, int], Iterable[bytes]] | None = None
    """The bytes from one position up to, not including, another, where a part can be given (RFC 9110, 14)."""


@dataclass(frozen=True, slots=True)
class Feed:
    """An Atom or RSS document."""

    content: bytes
    type: str
    state: Hashable = None
    """Of what its `ETag` is made; None: of its content."""


Answer = Page | Part | Redirect | Json | Body | Feed


class Refused(Exception):
    """A view, or the gate, cannot give what was asked for. `sentence` is shown with what is `given`."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        given: Mapping[str, object] = {},
        hint: str = "",
        headers: HeaderList = (),
        values: Mapping[str, Any] = {},
        shape: str = "",
    ) -> None:
        super().__init__(sentence % given if given else sentence)
        self.status = status
        self.sentence = sentence
        """Before what is given was put in: the key of its translation."""
        self.given = given
        self.hint = hint
        """What to do next."""
        self.headers = headers
        self.values = values
        """What else the page shows."""
        self.shape = shape
        """What was wanted (`registering.Shape`), where the gate knew it already."""


class SignInNeeded(Exception):
    """Whoever asks has to sign in first; `said` tells why on the form."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request as views and gate see it: no headers, but what some of them say."""

    method: str
    segments: tuple[str, ...]
    """Of the path, decoded; an encoded slash is within a segment."""
    query: Mapping[str, str]
    """The first value of each parameter."""
    address: str
    """Of the client."""
    origin: str
    """Address of the server as the client sees it, without a path."""
    root: str
    """The path in front of ours, where a proxy puts us below one; else empty."""
    key: str = ""
    cookies: Mapping[str, str] = msgspec.field(default_factory=dict)
    tags: str = ""
    """What the client has already (`If-None-Match`)."""
    only_if: str = ""
    """What must be here now (`If-Match`)."""
    languages: str = ""
    by_script: bool = False
    own_origin: bool = True
    """Whether a browser says that a page of ours sent it."""
    page: str = ""
    """The page of ours from which a browser says that it sent this form: path and query, without keys."""
    form: Mapping[str, str] = msgspec.field(default_factory=dict)
    unread: bool = False
    """Whether something came that no form sends: another type of body, of which nothing was read."""
    token: str = ""
    """The anti-forgery token in a header."""
    agent: str = ""
    raw_path: str = ""
    """Of the path, as it came."""
    raw_query: str = ""
    secure: bool = False
    """Whether the client's connection is encrypted."""
    partial: str = ""
    """Which part of a content is wanted (`Range`)."""
    partial_if: str = ""
    """What the whole content must still be for that (`If-Range`)."""
    id: str = ""
    """What this request is called in the log."""
