# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a repository is brought up to date from: the address, and a pull now (system.md 2.7)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.errors import Invalid, Locked
from trivium.forge.jobs.finding import last_of
from trivium.forge.pushes.queued_pulls import PULL, submit_pull
from trivium.forge.repositories import changes
from trivium.forge.repositories.changes import RepositoryChanges
from trivium.turns import Pace
from trivium.vcs.abilities import Abilities, Act
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, empty, read, sentence
from trivium.web.registering import view
from trivium.web.visit import RepositoryVisit

_AGAIN = "2"
"""Seconds until a page that shows progress is fetched again."""


class Address(Form):
    """Where pulls fetch from."""

    clone_uri: Line = ""
    """Empty: from nowhere."""


def _pulls(abilities: Abilities) -> bool:
    return abilities.can(Act.PULL)


@view(
    "GET",
    "/{repository}/settings/remote",
    needs=Level.ADMIN,
    word="ReposController:edit_remote_form",
    users_only=True,
    possible=_pulls,
    pace=Pace.SHORT,
)
def remote(visit: RepositoryVisit) -> Page:
    """The address without its password, and how far the last pull is."""
    return _shown(visit, empty(visit, Address))


@view(
    "PUT",
    "/{repository}/settings/remote",
    needs=Level.ADMIN,
    word="ReposController:edit_remote",
    users_only=True,
    possible=_pulls,
    pace=Pace.LONG,
)
def save(visit: RepositoryVisit) -> Page | Redirect:
    """Pull now; with `clone_uri` store that address instead."""
    entered, one = read(Address, visit), visit.repository
    if (wanted := entered.form) is None:
        return _shown(visit, entered)
    here = visit.url("repository_remote.remote", one.name)
    try:
        if "clone_uri" in visit.form:
            with entered.refusals(clone_uri="clone_uri"):
                asked = RepositoryChanges(clone_uri=wanted.clone_uri)
                changes.update_repository(visit.site, visit.caller, one, asked)
                return Redirect(here, visit.text("Saved."))
        else:
            submit_pull(visit.site, visit.caller, one)
            return Redirect(here, visit.text("It is being pulled."))
    except Invalid as error:
        entered.refuse("", sentence(visit, error))
    except Locked as error:
        entered.refuse("", sentence(visit, error), 423)
    return _shown(visit, entered)


def _shown(visit: RepositoryVisit, entered: Entered[Address]) -> Page:
    job = visit.ask(last_of, PULL, visit.repository.id)
    under_way = job is not None and not job.state.over
    headers = (("Refresh", _AGAIN),) if under_way and visit.asked.method == "GET" else ()
    return Page("repository_settings/remote.html", entered.status, headers=headers, fields=entered, job=job)
