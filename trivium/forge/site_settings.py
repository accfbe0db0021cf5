# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators set for the whole site in pages: rows of `site_values`, read where they matter (system.md 2.8)."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from trivium.access.caller import Caller
from trivium.errors import Forbidden, Invalid
from trivium.forge.events import journal
from trivium.forge.events.settings import SiteSettingsChanged
from trivium.forge.site import Site
from trivium.store.tables import site_values as table

_REPOSITORIES: Final = "repository_defaults"


class RepositoryDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository that is made in a page begins with, unless its maker says otherwise."""

    kind: str = "git"
    private: bool = False
    enable_downloads: bool = False
    enable_locking: bool = False
    enable_statistics: bool = False


def repository_defaults(db: Connection, _caller: Caller) -> RepositoryDefaults:
    """What new repositories begin with: one statement."""
    stored = db.execute(select(table.c.value).where(table.c.key == _REPOSITORIES)).scalar()
    return RepositoryDefaults() if stored is None else msgspec.json.decode(stored, type=RepositoryDefaults)


def set_repository_defaults(site: Site, caller: Caller, wanted: RepositoryDefaults) -> None:
    """Set that; raises `Forbidden` for others than super-admins, and `Invalid` for a kind that cannot be served."""
    if not caller.super_admin:
        raise Forbidden
    if wanted.kind not in site.back_ends:
        raise Invalid("Such repositories cannot be served here.", about="kind")
    # Of two who set it at once one comes after the other.
    with site.store.write(told_apart=True) as db:
        before = msgspec.structs.asdict(repository_defaults(db, caller))
        changes = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value != before[name]}
        if not changes:
            return
        db.execute(delete(table).where(table.c.key == _REPOSITORIES))
        db.execute(insert(table).values(key=_REPOSITORIES, value=msgspec.json.encode(wanted).decode()))
        was = {name: before[name] for name in changes}
        journal.record(db, caller, SiteSettingsChanged(subject=_REPOSITORIES, changes=changes, was=was))
