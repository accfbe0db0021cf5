# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see what is in the trash, bring it back, and remove it for good: who administered it (api-users.md 5.3).

The rows of a deleted repository stand in its note. What they say is judged as it was before, for the accounts and
user groups that there are now. Where the note is lost, and of bundles, super-admins alone decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import groups_of
from trivium.errors import Kind, NotFound
from trivium.forge.repositories.trash_notes import Note
from trivium.forge.site import Site
from trivium.forge.trash import trash
from trivium.forge.trash.trash import Entry

PAGE: Final = 50
_MOST_LOOKED_AT: Final = 5_000
"""Entries whose notes are read for one page."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Some entries, what was deleted last first."""

    entries: tuple[Entry, ...]
    older: str
    """After which label the older ones begin; empty: there are none."""


def page(site: Site, caller: Caller, *, after: str = "", limit: int = PAGE) -> Entries:
    """What the caller may bring back."""
    groups = _groups(site, caller)
    labels = [label for label in reversed(trash.labels(site)) if not after or label < after]
    seen = (trash.entry(site, label) for label in islice(labels, _MOST_LOOKED_AT))
    found = tuple(islice((one for one in seen if _administers(caller, groups, one.note)), limit + 1))
    return Entries(found[:limit], found[limit - 1].label if len(found) > limit else "")


def find(site: Site, caller: Caller, label: str) -> Entry:
    """One entry that the caller may bring back; raises `NotFound` for what is not there, or another's."""
    found = trash.entry(site, label) if trash.is_there(site, label) else None
    if found is None or not _administers(caller, _groups(site, caller), found.note):
        raise NotFound(Kind.REPOSITORY, label)
    return found


def _groups(site: Site, caller: Caller) -> frozenset[int]:
    with site.store.read() as db:
        return groups_of(db, caller)


def _administers(caller: Caller, groups: frozenset[int], note: Note | None) -> bool:
    if caller.super_admin:
        return True
    if note is None or caller.anonymous:
        return False
    if note.owner_id == caller.user_id:
        return True
    rows = note.permissions or []
    own = [level for user_id, _, level in rows if user_id == caller.user_id]
    of_groups = [level for _, group_id, level in rows if group_id in groups]
    return max(own or of_groups, default=0) >= Level.ADMIN
