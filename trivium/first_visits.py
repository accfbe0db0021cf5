# SPDX-License-Identifier: GPL-3.0-or-later
"""The job that makes what the first visitor after a push would wait for. Whoever carries out jobs imports this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from trivium.access.caller import the_system
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.running import Work
from trivium.forge.jobs.submission import submit
from trivium.forge.site import Site
from trivium.jobs.registry import handles
from trivium.vcs.errors import VcsError
from trivium.web import first_visit


class Prepare(msgspec.Struct, frozen=True):
    """For which repository."""

    repository: int


PREPARE: Final = JobKind("prepare_pages", Prepare, attempts=2, long=True)
_AFTER: Final = 2.0
"""Seconds in which several pushes become one job."""


def by_job(site: Site) -> Callable[[int], None]:
    """Asks for it by jobs, of which one waits for each repository."""

    def ask(repository_id: int) -> None:
        submit(
            site,
            the_system(),
            PREPARE,
            Prepare(repository_id),
            subject=f"repository {repository_id}",
            repository_id=repository_id,
            only_one=f"prepare_pages {repository_id}",
            after=_AFTER,
        )

    return ask


@handles(PREPARE)
def prepare(site: Site, work: Work, arguments: Prepare) -> None:
    """Make it; that it cannot be made now is no reason to fail, for then its first visitor is told why."""
    work.check()
    try:
        first_visit.prepare(site, arguments.repository)
    except VcsError as error:
        work.log(str(error))
