# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls that nobody waits for: a page, or whatever else asks for one, gets the id of a job (system.md 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Invalid
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.running import Work
from trivium.forge.jobs.submission import submit
from trivium.forge.pushes import from_remotes
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import user_locks
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.import_turns import count_import
from trivium.forge.repositories.queued import caller_of
from trivium.forge.site import Site
from trivium.vcs.abilities import Act


class PullArguments(msgspec.Struct, frozen=True):
    """Which repository; where from stands in its row, with the password sealed."""

    repository_id: int
    listening: tuple[str, int] | None
    """Where the server listens that was asked (decisions.md W10)."""


PULL: Final = JobKind("pull_repository", PullArguments, long=True)
"""To pull twice does no harm: the second time nothing is new."""


def submit_pull(site: Site, caller: Caller, repository: Repository) -> str | None:
    """Have a repository pulled by a job, for somebody who administers it; returns its id.

    None: one waits already, which will fetch all that there is by then. Raises what can be refused at once: `Invalid`
    without a remote address, `NotPossible`, `Locked` by somebody else, and `Busy` beyond `import_rate`.
    """
    site.back_ends[repository.kind].abilities.check(Act.PULL)
    if not repository.clone_uri:
        raise Invalid("the repository has no remote address", about="clone_uri")
    user_locks.check(caller, repository, writes=True)
    count_import(site, caller)
    return submit(
        site,
        caller,
        PULL,
        PullArguments(repository.id, site.listening),
        subject=repository.name,
        repository_id=repository.id,
        only_one=f"pull {repository.id}",
    )


def carry_out(site: Site, work: Work, arguments: PullArguments) -> None:
    """Pull what a job is told to."""
    here, caller = replace(site, listening=arguments.listening), caller_of(site, work.job)
    with site.store.read() as db:
        repository = repositories.find(db, caller, arguments.repository_id, Level.ADMIN)
    moved = from_remotes.pull(here, caller, repository, work=work)
    work.log(f"{moved} moved" if moved else "nothing is new")
