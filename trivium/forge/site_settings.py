# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators set for the whole site in pages: rows of `site_values`, read where it matters (system.md 2.8)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from trivium.access.caller import Caller
from trivium.errors import Busy, Forbidden, Invalid
from trivium.forge.bounds import check_title
from trivium.forge.events import journal
from trivium.forge.events.site import SiteSettingsChanged
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.store.query import Query
from trivium.store.tables import site_values as table

T = TypeVar("T", bound=msgspec.Struct)

_REPOSITORIES: Final = "repository_defaults"
_LOOK: Final = "look"
_SCHEMES: Final = ("https://", "http://", "mailto:")
_LONGEST_ADDRESS: Final = 500
_A_MOMENT: Final = 5.0
"""Seconds for which visitors may see what was set before."""
_MOST_AT_HAND: Final = 16
_VALUE: Final = Query(select(table.c.value).where(table.c.key == bindparam("sought")))
_at_hand: dict[Any, tuple[float, Any]] = {}
"""(Data, state of the rights) → when it was read, and what it was; of this process, and right for that state alone."""


class RepositoryDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository that is made in a page begins with, unless its maker says otherwise."""

    kind: str = "git"
    private: bool = False
    enable_downloads: bool = False
    enable_locking: bool = False
    enable_statistics: bool = False


def repository_defaults(db: Connection, _caller: Caller) -> RepositoryDefaults:
    """What new repositories begin with: one statement."""
    return _stored(db, _REPOSITORIES, RepositoryDefaults)


def set_repository_defaults(site: Site, caller: Caller, wanted: RepositoryDefaults, seen: Seen = whatever) -> None:
    """Set that; raises `Forbidden` for others than super-admins, and `Invalid` for a kind that cannot be served."""
    if wanted.kind not in site.back_ends:
        raise Invalid("Such repositories cannot be served here.", about="kind")
    _set(site, caller, _REPOSITORIES, lambda _: wanted, seen)


class SiteLook(msgspec.Struct, frozen=True, kw_only=True):
    """What every page shows of the site, and how lists, ids and descriptions look."""

    title: str = ""
    """What the site is called; empty: Trivium."""
    support_url: str = ""
    """Where users find help."""
    show_version: bool = True
    """Whether pages name the version of the server."""
    show_private_icon: bool = True
    """Whether lists mark repositories that only those see who are listed."""
    show_public_icon: bool = False
    """Whether they mark the others."""
    stylify_metatags: bool = False
    """Whether marks in descriptions are shown as tags (`render.metatags`)."""
    repository_fields: bool = True
    """Whether extra fields are shown on the first page of a repository."""
    dashboard_items: int = 50
    """Repositories of a page of the first list, and entries of a journal."""
    admin_grid_items: int = 50
    """Rows of a page of the lists of administrators."""
    show_revision_number: bool = True
    """Whether the number of a changeset stands before its id, where a system has both."""
    show_sha_length: int = 12
    """Characters of ids in lists."""
    clone_uri_tmpl: str = ""
    """What the addresses of repositories look like (`web/showing/clone_addresses.py`); empty: that of the pages."""

    @property
    def ids(self) -> tuple[bool, int]:
        """How ids are written."""
        return self.show_revision_number, self.show_sha_length


def look(db: Connection, _caller: Caller) -> SiteLook:
    """What every page shows, as it is stored."""
    return _stored(db, _LOOK, SiteLook)


def look_at_hand(site: Site, version: int | None) -> SiteLook:
    """What every page shows, without a statement for each: for one state of the rights (`access.stamps`), which every
    change of this raises too, or, for visitors, as it was a few seconds ago.

    Where the database is away pages look as if nothing had been set.
    """
    key = (str(site.settings.data), version)
    kept = _at_hand.get(key)
    if kept is not None and (version is not None or kept[0] > time.monotonic() - _A_MOMENT):
        at_hand: SiteLook = kept[1]
        return at_hand
    try:
        with site.store.read() as db:
            found = _stored(db, _LOOK, SiteLook)
    except Busy:
        return SiteLook()
    while len(_at_hand) >= _MOST_AT_HAND:
        _at_hand.pop(next(iter(_at_hand)), None)
    _at_hand[key] = (time.monotonic(), found)
    return found


def change_look(site: Site, caller: Caller, seen: Seen = whatever, **changes: Any) -> None:
    """Set some of that; raises `Forbidden` for others than super-admins, and `Invalid` about what is wrong."""
    for name, check in _CHECKS.items():
        if name in changes:
            check(changes[name], name)
    _set(site, caller, _LOOK, lambda db: msgspec.structs.replace(_stored(db, _LOOK, SiteLook), **changes), seen)


def _check_title(title: str, _about: str) -> None:
    check_title(title)


def _check_address(address: str, about: str) -> None:
    if address and (len(address) > _LONGEST_ADDRESS or not address.startswith(_SCHEMES)):
        raise Invalid("An address begins with https:, http: or mailto:.", about=about)


def _check_items(count: int, about: str) -> None:
    if not _FEWEST_ITEMS <= count <= _MOST_ITEMS:
        raise Invalid("This is a number from 10 to 200.", about=about)


def _check_length(length: int, about: str) -> None:
    if not _SHORTEST_ID <= length <= _LONGEST_ID:
        raise Invalid("This is a number from 6 to 40.", about=about)


def _check_template(template: str, about: str) -> None:
    if not template:
        return
    known = _PLACEHOLDER.sub("", template)
    if len(template) > _LONGEST_ADDRESS or not template.startswith(_CLONE_SCHEMES) or not known.isprintable():
        raise Invalid("An address of a repository begins with {scheme}://, https://, http:// or ssh://.", about=about)
    if "{" in known or "}" in known or " " in known:
        raise Invalid("What is replaced is {scheme}, {user}, {netloc}, {repo} and {repoid}.", about=about)
    if not ("{repo}" in template or "{repoid}" in template):
        raise Invalid("Without {repo} or {repoid} all repositories would have one address.", about=about)


_FEWEST_ITEMS: Final = 10
_MOST_ITEMS: Final = 200
_SHORTEST_ID: Final = 6
_LONGEST_ID: Final = 40
_CLONE_SCHEMES: Final = ("{scheme}://", "https://", "http://", "ssh://")
_PLACEHOLDER: Final = re.compile(r"\{(?:scheme|user|netloc|repo|repoid)\}")
_CHECKS: Final[dict[str, Callable[[Any, str], None]]] = {
    "title": _check_title,
    "support_url": _check_address,
    "dashboard_items": _check_items,
    "admin_grid_items": _check_items,
    "show_sha_length": _check_length,
    "clone_uri_tmpl": _check_template,
}


def _stored(db: Connection, key: str, kind: type[T]) -> T:
    row = _VALUE.first(db, {"sought": key})
    return kind() if row is None else msgspec.json.decode(row[0], type=kind)


def _set(site: Site, caller: Caller, key: str, made: Callable[[Connection], msgspec.Struct], seen: Seen) -> None:
    if not caller.super_admin:
        raise Forbidden
    # Of two who set it at once one comes after the other.
    with site.store.write(told_apart=True) as db:
        seen(db, caller)
        wanted = made(db)
        before = msgspec.structs.asdict(_stored(db, key, type(wanted)))
        changes = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value != before[name]}
        if not changes:
            return
        db.execute(delete(table).where(table.c.key == key))
        db.execute(insert(table).values(key=key, value=msgspec.json.encode(wanted).decode()))
        was = {name: before[name] for name in changes}
        journal.record(db, caller, SiteSettingsChanged(subject=key, changes=changes, was=was))
