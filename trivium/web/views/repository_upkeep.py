# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a repository to answer faster, and what is set about its system (system.md 2.7, 6.6)."""

from __future__ import annotations

from typing import Any

from trivium.access.levels import Level
from trivium.forge.caches.files import held
from trivium.forge.repositories import settings
from trivium.forge.repositories.settings import Known
from trivium.forge.upkeep import maintenance, queued_maintenance
from trivium.turns import Pace
from trivium.vcs.abilities import Lines
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Text, Tick, read, stored
from trivium.web.registering import view
from trivium.web.showing import sizes
from trivium.web.showing.statistics import counted_at_hand
from trivium.web.visit import RepositoryVisit


@view(
    "GET",
    "/{repository}/settings/caches",
    needs=Level.ADMIN,
    word="ReposController:edit_caches_form",
    users_only=True,
    pace=Pace.SHORT,
)
def caches(visit: RepositoryVisit) -> Page:
    """How much is kept, of which sort."""
    answers, archives = held(visit.site, visit.repository.id)
    rows = [
        (visit.text("Answers and parts of pages"), answers.files, sizes.size(answers.room, visit.language)),
        (visit.text("Archives"), archives.files, sizes.size(archives.room, visit.language)),
    ]
    return Page("repository_settings/caches.html", rows=rows)


@view(
    "PUT",
    "/{repository}/settings/caches",
    needs=Level.ADMIN,
    word="ReposController:edit_caches",
    users_only=True,
    pace=Pace.LONG,
)
def forget(visit: RepositoryVisit) -> Redirect:
    """Forget all of it."""
    maintenance.invalidate_cache(visit.site, visit.caller, visit.repository)
    return Redirect(visit.url("repository_upkeep.caches", visit.repository.name), visit.text("Forgotten."))


@view(
    "PUT",
    "/{repository}/settings/maintenance",
    needs=Level.ADMIN,
    word="ReposController:repo_maintenance",
    users_only=True,
    pace=Pace.SHORT,
)
def maintain(visit: RepositoryVisit) -> Redirect:
    """Have a job put the repository in good order."""
    queued_maintenance.ask_for(visit.site, visit.caller, visit.repository)
    said = visit.text("A job does it; how far it is stands under “Your jobs”.")
    return Redirect(visit.url("repository_upkeep.caches", visit.repository.name), said)


@view(
    "GET",
    "/{repository}/settings/statistics",
    needs=Level.ADMIN,
    word="ReposController:edit_statistics_form",
    users_only=True,
    pace=Pace.SHORT,
)
def statistics(visit: RepositoryVisit) -> Page:
    """Whether they are on, and how much of the history they have counted."""
    found = counted_at_hand(visit) if visit.repository.enable_statistics else None
    return Page("repository_settings/statistics.html", found=found)


@view(
    "PUT",
    "/{repository}/settings/statistics",
    needs=Level.ADMIN,
    word="ReposController:edit_statistics",
    users_only=True,
    pace=Pace.LONG,
)
def reset_statistics(visit: RepositoryVisit) -> Redirect:
    """Forget what was counted: whoever looks next has it counted anew."""
    maintenance.invalidate_cache(visit.site, visit.caller, visit.repository)
    return Redirect(visit.url("repository_upkeep.statistics", visit.repository.name), visit.text("Forgotten."))


class Rules(Form):
    """What is set about the system of a repository."""

    hooks_outgoing_pull_logger: Tick = False
    phases_publish: Tick = False
    vcs_svn_branch: Text = ""
    """One path a line."""
    vcs_svn_tag: Text = ""


@view(
    "GET",
    "/{repository}/settings/vcs",
    needs=Level.ADMIN,
    word="ReposController:repo_vcs_settings",
    users_only=True,
)
def rules(visit: RepositoryVisit) -> Page:
    """What is set, or else holds on the site."""
    known = visit.ask(settings.known_of, visit.repository.id)
    return _rules(visit, stored(visit, _present(known)), known)


def _present(known: Known) -> Rules:
    return Rules(
        hooks_outgoing_pull_logger=known.journals_pulls,
        phases_publish=known.publishes,
        vcs_svn_branch="\n".join(known.branches),
        vcs_svn_tag="\n".join(known.tags),
    )


def _now(db: Any, caller: Any, repository_id: int) -> Rules:
    return _present(settings.known_of(db, caller, repository_id))


@view(
    "POST",
    "/{repository}/settings/vcs",
    needs=Level.ADMIN,
    word="ReposController:repo_settings_vcs_update",
    users_only=True,
    pace=Pace.SHORT,
)
def save_rules(visit: RepositoryVisit) -> Page | Redirect:
    """Set them for this repository."""
    entered = read(Rules, visit)
    if wanted := entered.form:
        given: dict[str, object] = {"hooks_outgoing_pull_logger": wanted.hooks_outgoing_pull_logger}
        if visit.abilities.phases:
            given["phases_publish"] = wanted.phases_publish
        if visit.abilities.lines is Lines.PATHS:
            given |= {"vcs_svn_branch": wanted.vcs_svn_branch, "vcs_svn_tag": wanted.vcs_svn_tag}
        with entered.refusals():
            seen = entered.as_seen(_now, visit.repository.id)
            settings.change(visit.site, visit.caller, visit.repository, given, seen)
            return Redirect(visit.url("repository_upkeep.rules", visit.repository.name), visit.text("Saved."))
    return _rules(visit, entered, visit.ask(settings.known_of, visit.repository.id))


@view(
    "DELETE",
    "/{repository}/settings/vcs",
    needs=Level.ADMIN,
    word="ReposController:repo_delete_svn_pattern",
    users_only=True,
    pace=Pace.SHORT,
)
def forget_rules(visit: RepositoryVisit) -> Redirect:
    """Let what holds on the site hold here again."""
    settings.change(visit.site, visit.caller, visit.repository, dict.fromkeys(Rules.__struct_fields__))
    said = visit.text("What holds on the site holds here again.")
    return Redirect(visit.url("repository_upkeep.rules", visit.repository.name), said)


def _rules(visit: RepositoryVisit, entered: Entered[Rules], known: Known) -> Page:
    return Page(
        "repository_settings/vcs.html",
        entered.status,
        fields=entered,
        own=known.own,
        in_paths=visit.abilities.lines is Lines.PATHS,
    )
