# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a Subversion client in one repository, whatever brings them.

A commit comes in steps: a transaction is begun, files are put into it, and in the end it becomes a revision. Only that
end is a push (`settling`). A door carries the steps to Subversion and back and tells a `SvnSession` of them; what it
sends, and over what, nobody here knows. One session is one request over HTTP, and may be all that one client does.

The door holds the repository's lock shared during every step that changes something.
"""

from __future__ import annotations

from collections.abc import Sequence

from trivium.access.caller import Caller
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import Finished, Push
from trivium.forge.repositories import growth
from trivium.forge.repositories.growth import Growth
from trivium.forge.site import Site
from trivium.vcs.svn.snapshot import revision_update


class SvnSession:
    """What one caller does to one repository.

    All of it looks at the disk or the database, and so belongs into threads, but for `adds` while it says False and
    `gave_up`.
    """

    def __init__(self, site: Site, caller: Caller, repository_id: int) -> None:
        self._site = site
        self._caller = caller
        self._repository_id = repository_id
        self._push: Push | None = None
        self._growth: Growth | None = None

    def check_growth(self, *, ends: bool = False) -> None:
        """See that the repository may grow; raises `StorageFull`. `ends`: a commit, whose files came bit by bit."""
        if self._growth is None:
            self._growth = Growth(self._site, self._repository_id, anew=ends)
        self._growth.check()

    def adds(self, size: int) -> bool:
        """So many bytes of a file have come; returns whether it is time for `check_growth` again."""
        return self._growth is not None and self._growth.add(size)

    def gave_up(self) -> None:
        """A transaction was given up: the repository is smaller than it was measured."""
        growth.forget(self._site, self._repository_id)

    def begin_commit(self) -> None:
        """Record that a revision is about to be made, before Subversion hears of it; raises `StorageFull`."""
        self._push = pushes.begin(self._site, self._caller, self._repository_id, ())

    def committed(self, revisions: Sequence[int]) -> Finished:
        """Journal the revisions that were made, perhaps none; what is told to the client comes afterwards."""
        return pushes.finish(self._site, self._begun(), [revision_update(number) for number in revisions])

    def recover_commit(self) -> None:
        """Nobody knows how the commit ended: the repository is asked, as soon as nobody else uses it.

        The door holds its lock no more.
        """
        pushes.try_to_recover(self._site, self._begun())

    def _begun(self) -> Push:
        assert self._push is not None
        return self._push
