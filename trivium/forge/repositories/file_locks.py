# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks of files, which Subversion keeps itself: what somebody did with one stands in the journal.

Subversion knows no transaction of ours. The row is written when it has answered, before its client hears of that: a
kill in between leaves a lock that the journal does not tell of.
"""

from __future__ import annotations

from trivium.access.caller import Caller
from trivium.forge.events import journal
from trivium.forge.events.repositories import FileLocked, FileUnlocked
from trivium.forge.site import Site
from trivium.names import storable


def journal_change(
    site: Site, caller: Caller, repository_id: int, name: str, path: str, was: str | None, *, locked: bool
) -> None:
    """Write down that the caller locked a file, or unlocked it; `was` is who held it before."""
    path, before = storable(path), {"holder": None if was is None else storable(was)}
    told: FileLocked | FileUnlocked
    if locked:
        told = FileLocked(subject=name, repository_id=repository_id, path=path, holder=caller.username, was=before)
    else:
        told = FileUnlocked(subject=name, repository_id=repository_id, path=path, was=before)
    with site.store.write(access_unchanged=True) as db:
        journal.record(db, caller, told)
