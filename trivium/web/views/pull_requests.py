# SPDX-License-Identifier: GPL-3.0-or-later
"""Pull requests (system.md 2.3): there are none yet, and their addresses say so."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.vcs.abilities import Abilities
from trivium.web.answers import Page, Refused
from trivium.web.registering import view
from trivium.web.visit import RepositoryVisit


def _possible(abilities: Abilities) -> bool:
    return abilities.pull_requests


@view(
    "GET",
    "/{repository}/pull-request",
    needs=Level.READ,
    word="PullrequestsController:show_all",
    possible=_possible,
)
def pull_requests(visit: RepositoryVisit) -> Page:
    """Those of a repository."""
    raise Refused(404, "This server has no pull requests yet.")


@view(
    "GET",
    "/{repository}/pull-request/{number}",
    needs=Level.READ,
    word="PullrequestsController:show",
    possible=_possible,
)
def pull_request(visit: RepositoryVisit, number: str) -> Page:
    """One of them, or the form for a new one."""
    raise Refused(404, "There is no such pull request.")
