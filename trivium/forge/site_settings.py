# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators set for the whole site in pages: rows of `site_values`, read where it matters (system.md 2.8)."""

from __future__ import annotations

import time
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from trivium.access.caller import Caller
from trivium.errors import Busy, Forbidden, Invalid
from trivium.forge.bounds import check_title
from trivium.forge.events import journal
from trivium.forge.events.site import SiteSettingsChanged
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


def set_repository_defaults(site: Site, caller: Caller, wanted: RepositoryDefaults) -> None:
    """Set that; raises `Forbidden` for others than super-admins, and `Invalid` for a kind that cannot be served."""
    if wanted.kind not in site.back_ends:
        raise Invalid("Such repositories cannot be served here.", about="kind")
    _set(site, caller, _REPOSITORIES, wanted)


class SiteLook(msgspec.Struct, frozen=True, kw_only=True):
    """What every page shows of the site."""

    title: str = ""
    """What the site is called; empty: Trivium."""
    support_url: str = ""
    """Where users find help."""
    show_version: bool = True
    """Whether pages name the version of the server."""


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


def set_look(site: Site, caller: Caller, wanted: SiteLook) -> None:
    """Set that; raises `Forbidden` for others than super-admins, and `Invalid` about `title` or `support_url`."""
    check_title(wanted.title)
    address = wanted.support_url
    if address and (len(address) > _LONGEST_ADDRESS or not address.startswith(_SCHEMES)):
        raise Invalid("An address begins with https:, http: or mailto:.", about="support_url")
    _set(site, caller, _LOOK, wanted)


def _stored(db: Connection, key: str, kind: type[T]) -> T:
    row = _VALUE.first(db, {"sought": key})
    return kind() if row is None else msgspec.json.decode(row[0], type=kind)


def _set(site: Site, caller: Caller, key: str, wanted: msgspec.Struct) -> None:
    if not caller.super_admin:
        raise Forbidden
    # Of two who set it at once one comes after the other.
    with site.store.write(told_apart=True) as db:
        before = msgspec.structs.asdict(_stored(db, key, type(wanted)))
        changes = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value != before[name]}
        if not changes:
            return
        db.execute(delete(table).where(table.c.key == key))
        db.execute(insert(table).values(key=key, value=msgspec.json.encode(wanted).decode()))
        was = {name: before[name] for name in changes}
        journal.record(db, caller, SiteSettingsChanged(subject=key, changes=changes, was=was))
