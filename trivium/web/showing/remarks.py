# SPDX-License-Identifier: GPL-3.0-or-later
"""What people wrote about changes, as HTML: Markdown or reStructuredText, as configured (security.md S-10).

A worker remembers what it has rendered. It is in its memory alone: what was deleted is nowhere else.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cachetools import LRUCache
from markupsafe import Markup

from trivium.forge.reviews.attachments import ADDRESS
from trivium.forge.reviews.comments import Comment
from trivium.forge.reviews.drafts import Draft
from trivium.forge.reviews.mentions import PATIENCE, kind_of_comments, people
from trivium.names import account_key_of
from trivium.render.markup import render
from trivium.render.mentions import Mentioning, mentioning
from trivium.web.visit import Visit

_MOST: Final = 8 << 20
"""Characters that a worker remembers."""
_OWN: Final = 600
"""What is remembered of a text takes, about, beside its HTML."""


def _size(known: Mentioning) -> int:
    return sum(map(len, known.pieces)) + _OWN


_lock = threading.Lock()
_known: LRUCache[bytes, Mentioning] = LRUCache(_MOST, _size)


@dataclass(frozen=True, slots=True)
class Written:
    """What several people wrote, as HTML for one visitor."""

    html: Mapping[int, Markup]
    """The id → the text; whoever it mentions is linked, if the visitor may see their pages."""
    people: Mapping[str, str]
    """Whom of those who are mentioned there is: another page when these are others."""


def written(visit: Visit, remarks: Iterable[Comment | Draft]) -> Written:
    """Texts as HTML: one statement for all whom they mention.

    Raises `TakesLong` where some of it has to be made, and there is no time for that.
    """
    made = {one.id: _mentioning(visit, one.text) for one in remarks if one.text}
    names = sorted({name for one in made.values() for name in one.names})
    known = visit.ask(people, names) if names and visit.signed_in else {}

    def address_of(name: str) -> str:
        username = known.get(account_key_of(name))
        return visit.url("profiles.profile", username) if username else ""

    return Written({number: one.linked(address_of) for number, one in made.items()}, known)


def rendered(visit: Visit, text: str) -> Markup:
    """One text as HTML; raises `TakesLong` where it has to be made, and there is no time for that."""
    return all_rendered(visit, [text])[0]


def all_rendered(visit: Visit, texts: Sequence[str]) -> list[Markup]:
    """Several texts as HTML, in their order; raises as `written`."""
    found = written(visit, [Draft(number, text, None, "") for number, text in enumerate(texts)]).html
    return [found.get(number, Markup()) for number in range(len(texts))]


def _mentioning(visit: Visit, text: str) -> Mentioning:
    kind, root = kind_of_comments(visit.site), visit.urls.root
    key = hashlib.sha256(f"{kind}\n{root}\n{text}".encode("utf-8", "surrogateescape")).digest()
    with _lock:
        found = _known.get(key)
    if found is None:
        visit.take_time()

        def resolve(_: Literal["link", "image"], target: str) -> str | None:
            """Of relative addresses those of files that were attached lead somewhere."""
            return root + target if target.startswith(ADDRESS) else None

        found = mentioning(render(text, kind, resolve=resolve, patience=PATIENCE))
        with _lock:
            if _size(found) <= _MOST:
                _known[key] = found
    return found
