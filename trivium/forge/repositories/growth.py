# SPDX-License-Identifier: GPL-3.0-or-later
"""How much room a repository takes, and the limit on it (max_repo_bytes).

Measuring looks at every file, so a measure is believed for a while. Bytes that come in through this process are added
to it; pushes through other processes are not. A commit of Subversion brings its files bit by bit, so its end measures
anew.
"""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import bindparam, select

from trivium.errors import RepositoryFull
from trivium.forge.site import Measure, Site
from trivium.store.tables import repositories
from trivium.tree.disk import room_of

_BELIEVED: Final = 30.0
"""Seconds for which a measure is believed, unless somebody pushes through this process."""
_AT_LEAST: Final = 1.0
"""Seconds for which it is believed even then: a client that was refused gains nothing by asking again."""
_MOST: Final = 10_000
"""Repositories whose measures are kept."""
_LOOK_EVERY: Final = 4 << 20
_LOOK_AFTER: Final = 1 << 20
"""Bytes of one transfer until the disk and the repository are looked at again: at most `_LOOK_EVERY`, at least this."""

_NAME = select(repositories.c.name).where(repositories.c.id == bindparam("repository_id"))


def check_room(site: Site, repository_id: int, *, anew: bool = False) -> int | None:
    """How many bytes a repository may still grow by; None means no limit. Raises `RepositoryFull` beyond the limit.

    `anew`: a measure more than a moment old is not good enough.
    """
    most = site.settings.max_repo_bytes
    if not most:
        return None
    known = site.rooms.get(repository_id)
    if known is None or not _is_good(known, most, anew=anew):
        moment = time.monotonic()
        with site.store.read() as db:
            name = db.execute(_NAME, {"repository_id": repository_id}).scalar()
        known = Measure(room_of(site.tree.path_of(name)) if name is not None else 0, moment)
        # A forgotten repository is only measured again.
        if len(site.rooms) >= _MOST:
            site.rooms.clear()
        site.rooms[repository_id] = known
    if known.room > most:
        raise RepositoryFull("the repository takes more room than max_repo_bytes")
    return max(0, most - known.room - known.came)


def _is_good(known: Measure, most: int, *, anew: bool) -> bool:
    """Whether a measure is good enough; bytes that came in may take less room by now, or be gone again."""
    age = time.monotonic() - known.at
    if known.room > most or (anew and not known.came):
        return age < _AT_LEAST
    return not anew and age < _BELIEVED and known.room + known.came <= most


def forget(site: Site, repository_id: int) -> None:
    """Forget a measure that is too large now, because something was removed."""
    site.rooms.pop(repository_id, None)


class Growth:
    """What one transfer adds to a repository while it is under way."""

    def __init__(self, site: Site, repository_id: int, *, anew: bool = False) -> None:
        self._site = site
        self._repository_id = repository_id
        self._anew = anew
        self._left = -1

    def check(self) -> None:
        """See that there is room, on the disk and in the repository; raises `StorageFull`."""
        self._site.tree.check_space()
        left = check_room(self._site, self._repository_id, anew=self._anew)
        self._left = _LOOK_EVERY if left is None else min(max(left, _LOOK_AFTER), _LOOK_EVERY)

    def add(self, size: int) -> bool:
        """Count bytes that have come; returns whether it is time to `check` again."""
        known = self._site.rooms.get(self._repository_id)
        if known is not None:
            known.came += size
        self._left -= size
        return self._left < 0
