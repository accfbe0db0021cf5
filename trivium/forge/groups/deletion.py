# SPDX-License-Identifier: GPL-3.0-or-later
"""Empty repository groups are deleted (api-reviews.md 6)."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, delete, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Invalid, Kind, NotFound
from trivium.forge.events import journal
from trivium.forge.events.groups import RepoGroupDeleted
from trivium.forge.groups import repo_groups
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.naming.placement import staging
from trivium.forge.site import Site
from trivium.store.intents import Move, carry_out
from trivium.store.tables import repo_groups as groups
from trivium.store.tables import repositories


def delete_group(site: Site, caller: Caller, group: RepoGroup) -> None:
    """Delete a group that holds nothing; its name is free at once. Raises `Invalid` when it is not empty.

    Unregistered things that somebody put into its directory by hand count too.
    """
    place = site.tree.path_of(group.name)

    def change(db: Connection) -> None:
        if repo_groups.find(db, caller, group.id, Level.ADMIN).name != group.name:
            raise Invalid("the group was renamed by somebody else", about="group")
        for table, holder in ((groups, groups.c.parent_id), (repositories, repositories.c.group_id)):
            if db.execute(select(table.c.id).where(holder == group.id).limit(1)).first() is not None:
                raise Invalid("the group is not empty: delete or move what it holds first", about="group")
        if _holds_something(place):
            raise Invalid(
                "the directory of the group holds something that is not registered (rescan_repos)", about="group"
            )
        if not db.execute(delete(groups).where(groups.c.id == group.id)).rowcount:
            raise NotFound(Kind.REPO_GROUP, group.id)
        journal.record(db, caller, RepoGroupDeleted(subject=group.name, group_id=group.id))

    with staging(site) as aside:
        moves = [Move(place, aside / "group")] if os.path.lexists(place) else []
        carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=change)


def _holds_something(place: Path) -> bool:
    try:
        with os.scandir(place) as entries:
            return next(entries, None) is not None
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Invalid("the directory of the group cannot be read", about="group") from error
