# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as they are, byte by byte (system.md 2.4): nothing of them is ever run by a browser (security.md 7)."""

from __future__ import annotations

import hashlib
from functools import partial

from trivium.access.levels import Level
from trivium.forge.history.files import content
from trivium.forge.history.places import Place
from trivium.render.text import charset_of
from trivium.vcs.pages import EntryKind
from trivium.web.answers import Body
from trivium.web.declared import BINARY, type_by_name
from trivium.web.downloads import attachment
from trivium.web.registering import view
from trivium.web.showing.contents import file_to_send, is_small, key_of, nature, small
from trivium.web.showing.places import is_whole
from trivium.web.visit import RepositoryVisit


@view("GET", "/{repository}/raw/{revision}/{path*}", needs=Level.READ, word="FilesController:raw")
def raw(visit: RepositoryVisit, revision: str, path: str) -> Body:
    """A file to be looked at: a picture as such, text as text, anything else to be saved."""
    place = file_to_send(visit, revision, path)
    kind = "text" if place.kind is EntryKind.SYMLINK else nature(visit, place)
    match kind:
        case "text":
            usual = visit.site.settings.default_encoding.partition(",")[0].strip() or "utf-8"
            charset = charset_of(visit.query.get("default_encoding", "")) or usual
            return _body(visit, place, f"text/plain; charset={charset}", "inline")
        case "binary":
            return _body(visit, place, BINARY, attachment(place.file_name))
        case _:
            return _body(visit, place, kind, "inline")


@view("GET", "/{repository}/rawfile/{revision}/{path*}", needs=Level.READ, word="FilesController:rawfile")
def rawfile(visit: RepositoryVisit, revision: str, path: str) -> Body:
    """A file to be saved."""
    place = file_to_send(visit, revision, path)
    return _body(visit, place, type_by_name(place.file_name), attachment(place.file_name))


def _body(visit: RepositoryVisit, place: Place, kind: str, how: str) -> Body:
    tag = hashlib.sha256(repr(key_of(place)).encode()).hexdigest()[:32]
    return Body(
        small(visit, place)
        if is_small(place) and not visit.asked.partial
        else content(visit.history, visit.repository, place),
        kind,
        length=place.size,
        tag=tag if is_whole(place) else "",
        headers=(("Content-Disposition", how),),
        between=partial(content, visit.history, visit.repository, place),
    )
