# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists as pages show them: lists of them, and one that somebody opens by its address (system.md 6.4)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, or_, select, true

from trivium.access.caller import Caller
from trivium.errors import Forbidden, Kind, NotFound
from trivium.forge.gists import gists
from trivium.forge.gists.gists import COLUMNS, Gist
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.query import Query
from trivium.store.tables import LARGEST_ID, users
from trivium.store.tables import gists as table
from trivium.vcs.git.filestore import FileRevision

PAGE: Final = 50
_LONGEST_ID: Final = 40
_NEWEST: Final = "tip"
"""What the newest revision is called in addresses."""


class Which(StrEnum):
    """Which gists a list is of."""

    PUBLIC = "public"
    """Everybody's public ones."""
    OWN = "own"
    """The caller's, public and private."""
    OWN_PUBLIC = "own public"
    OWN_PRIVATE = "own private"
    ALL = "all"
    """Everybody's; for super-admins."""


@dataclass(frozen=True, slots=True)
class ShownGist:
    """A gist without its files, as its page and the lists show it."""

    gist: Gist
    owner: str
    firstname: str
    lastname: str
    may_change: bool
    """Whether the caller may change and delete it."""


@dataclass(frozen=True, slots=True)
class GistPage:
    """A part of a list of gists, newest first."""

    gists: Sequence[ShownGist]
    older: str | None
    """The `after` of the next page; None for the last."""


_moment: Any = bindparam("moment")
_lasting = or_(table.c.expires < 0, table.c.expires > _moment)
_ONE = (
    select(*COLUMNS, users.c.username, users.c.firstname, users.c.lastname)
    .join(users, users.c.id == table.c.owner_id)
    .where(_lasting)
)
_BY_ADDRESS: Final = Query(_ONE.where(table.c.access_id == bindparam("sought")))
_before: Any = bindparam("before")
_LIST = _ONE.where(table.c.id < _before).order_by(table.c.id.desc()).limit(bindparam("most"))
_known: Any = bindparam("known")
"""Whether the caller has an account."""
_opened = or_(table.c.acl_level == "acl_public", _known == true())
_own = table.c.owner_id == bindparam("owner")
_LISTS: Final = {
    Which.PUBLIC: Query(
        _LIST.where(table.c.kind == "public", or_(table.c.acl_level == "acl_public", _known == true()))
    ),
    Which.OWN: Query(_LIST.where(_own)),
    Which.OWN_PUBLIC: Query(_LIST.where(_own, table.c.kind == "public")),
    Which.OWN_PRIVATE: Query(_LIST.where(_own, table.c.kind == "private")),
    Which.ALL: Query(_LIST),
}


def page(db: Connection, caller: Caller, which: Which, *, after: str = "", limit: int = PAGE) -> GistPage:
    """Gists that have not expired: one statement.

    Raises `Forbidden` for a visitor's own, and for all unless a super-admin asks.
    """
    if (which is Which.ALL and not caller.super_admin) or (which is not Which.PUBLIC and caller.anonymous):
        raise Forbidden
    usable = after.isascii() and after.isdigit() and len(after) <= len(str(LARGEST_ID))
    given = {"moment": int(time.time()), "owner": caller.user_id, "most": limit + 1, "known": not caller.anonymous}
    rows = _LISTS[which].all(db, given | {"before": min(int(after), LARGEST_ID) if usable else LARGEST_ID})
    shown = [_shown(row, caller) for row in rows[:limit]]
    return GistPage(shown, str(shown[-1].gist.id) if len(rows) > limit else None)


def opened(db: Connection, caller: Caller, access_id: str) -> ShownGist:
    """The gist at an address, for whoever knows that; raises `NotFound` for what is not there, or not any more."""
    row = None
    if len(access_id) <= _LONGEST_ID and is_clean_text(access_id):
        row = _BY_ADDRESS.first(db, {"sought": access_id, "moment": int(time.time())})
    if row is None:
        raise NotFound(Kind.GIST, access_id)
    shown = _shown(row, caller)
    if caller.anonymous and shown.gist.acl_level != "acl_public":
        raise NotFound(Kind.GIST, access_id)
    return shown


def to_change(db: Connection, caller: Caller, access_id: str) -> ShownGist:
    """The same for its owner and super-admins; raises `Forbidden` for whoever may only look at it."""
    shown = opened(db, caller, access_id)
    if not shown.may_change:
        raise Forbidden
    return shown


def files(site: Site, shown: ShownGist, revision: str = "") -> Mapping[str, str]:
    """The files of a gist, by name in the order in which they are shown; it reads the disk.

    `revision` is the beginning of an id, or `tip`; raises `UnknownRevision`.
    """
    return dict(sorted(gists.content(site, shown.gist, "" if revision == _NEWEST else revision).items()))


def revisions(site: Site, shown: ShownGist) -> list[FileRevision]:
    """The newest revisions of a gist, at most 50; it reads the disk."""
    return gists.revisions(site, shown.gist, PAGE)


def newest(site: Site, shown: ShownGist) -> str:
    """The full id of its newest revision; it reads the disk."""
    return gists.revisions(site, shown.gist, 1)[0].id


def raw(site: Site, shown: ShownGist, name: str = "", *, revision: str = "") -> bytes:
    """One file of a gist as it is, or all of them with a blank line between; raises `NotFound` for no such file."""
    found = files(site, shown, revision)
    if not name:
        return "\n\n".join(found.values()).encode()
    if name not in found:
        raise NotFound(Kind.GIST, name)
    return found[name].encode()


def _shown(row: Sequence[Any], caller: Caller) -> ShownGist:
    *columns, owner, firstname, lastname = row
    gist = Gist(*columns)
    may_change = caller.super_admin or (gist.owner_id == caller.user_id and not caller.anonymous)
    return ShownGist(gist, owner, firstname, lastname, may_change)
