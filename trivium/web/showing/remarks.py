# SPDX-License-Identifier: GPL-3.0-or-later
"""What people wrote about changes, as HTML: Markdown or reStructuredText, as configured (security.md S-10).

A worker remembers what it has rendered. It is in its memory alone: what was deleted is nowhere else.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from typing import Final, Literal, cast

from cachetools import LRUCache
from markupsafe import Markup

from trivium.forge.reviews.attachments import ADDRESS
from trivium.forge.reviews.comments import Comment
from trivium.forge.reviews.drafts import Draft
from trivium.render.markup import Kind, render
from trivium.web.visit import Visit

_MOST: Final = 8 << 20
"""Characters that a worker remembers."""
_OWN: Final = 300
"""What is remembered of a text takes, about, beside its HTML."""
_PATIENCE: Final = 0.5
"""Seconds of the processor for one text."""

_lock = threading.Lock()
_rendered: LRUCache[bytes, Markup] = LRUCache(_MOST, lambda html: len(html) + _OWN)


def written(visit: Visit, remarks: Iterable[Comment | Draft]) -> dict[int, Markup]:
    """The id → the text as HTML. Raises `TakesLong` where some of it has to be made, and there is no time for that."""
    return {one.id: rendered(visit, one.text) for one in remarks if one.text}


def rendered(visit: Visit, text: str) -> Markup:
    """One text as HTML; raises `TakesLong` where it has to be made, and there is no time for that."""
    kind, root = visit.site.settings.markup_renderer, visit.urls.root
    key = hashlib.sha256(f"{kind}\n{root}\n{text}".encode("utf-8", "surrogateescape")).digest()
    with _lock:
        found = _rendered.get(key)
    if found is None:
        visit.take_time()

        def resolve(_: Literal["link", "image"], target: str) -> str | None:
            """Of relative addresses those of files that were attached lead somewhere."""
            return root + target if target.startswith(ADDRESS) else None

        found = render(text, cast("Kind", kind), resolve=resolve, patience=_PATIENCE)
        with _lock:
            if len(found) + _OWN <= _MOST:
                _rendered[key] = found
    return found
