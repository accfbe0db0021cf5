# SPDX-License-Identifier: GPL-3.0-or-later
"""A look finds what killed processes left, also where no job of theirs tells of it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.unit.forge.upkeep.test_recovery import create, killed_before_commit, registered, rename
from trivium.assembly import open_site
from trivium.forge.naming.placement import staging
from trivium.forge.site import Site
from trivium.jobs.looking import look
from trivium.settings import Settings


def _killed_with_something_aside(settings: Settings) -> None:
    """A process is killed between the end of its job and the removal of what it built in."""
    child = os.fork()
    if not child:
        try:
            with staging(open_site(settings)) as aside:
                (aside / "groups" / "deep").mkdir(parents=True)
                os._exit(7)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


def _aside(site: Site) -> list[Path]:
    return list(site.tree.staging.iterdir())


def test_what_a_process_without_a_job_left_aside_does_not_stay(site: Site, settings: Settings) -> None:
    with staging(site) as ours:
        _killed_with_something_aside(settings)
        assert len(_aside(site)) == 2
        look(site, tuple)
        assert _aside(site) == [ours]
    look(site, tuple)
    assert _aside(site) == []


def test_a_rename_of_a_killed_command_does_not_stay_unsettled(site: Site, settings: Settings) -> None:
    create(site, "old")
    killed_before_commit(settings, lambda other: rename(other, "old", "new"))
    assert (site.tree.root / "new").exists()
    look(site, tuple)
    assert (site.tree.root / "old").exists() and not (site.tree.root / "new").exists()
    assert registered(site) == {"old"}
