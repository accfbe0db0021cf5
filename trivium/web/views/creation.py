# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are created: empty, from another server, as a fork (system.md 2.3, 2.8)."""

from __future__ import annotations

from dataclasses import dataclass

from trivium.access.levels import Level
from trivium.forge.groups import offered
from trivium.forge.groups.repo_groups import path_below
from trivium.forge.repositories import queued
from trivium.forge.repositories.queued import Made
from trivium.forge.repositories.requests import CreationRequest, ForkRequest
from trivium.forge.site_settings import repository_defaults
from trivium.names import check_segment, last_segment, parent_of
from trivium.turns import Pace
from trivium.vcs.abilities import Act
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Text, Tick, empty, read
from trivium.web.registering import Who, view
from trivium.web.visit import RepositoryVisit, Visit

TOP = "-1"
"""The group that RhodeCode's form sends for none."""


class NewRepository(Form):
    """A new repository."""

    repo_name: Line
    """The last segment."""
    repo_type: Line = "git"
    repo_group: Line = ""
    """A group, by name or id; empty: none."""
    repo_description: Text = ""
    repo_private: Tick = False
    repo_landing_rev: Line = "rev:tip"
    repo_copy_permissions: Tick = False
    clone_uri: Line = ""


class NewFork(Form):
    """A fork."""

    repo_name: Line
    repo_group: Line = ""
    repo_description: Text = ""
    repo_private: Tick = False
    repo_landing_rev: Line = "rev:tip"
    repo_copy_permissions: Tick = False


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of repository as its card shows it."""

    name: str
    title: str
    imports: bool


@view("GET", "/_admin/create_repository", needs=Who.USER, word="ReposController:create_repository", pace=Pace.SHORT)
def form(visit: Visit) -> Page:
    """The form of a new repository; `?parent_group=` says where."""
    return _form(visit, visit.query.get("parent_group", ""), "")


@view("GET", "/_admin/add_repo/{name*}", needs=Who.USER, word="ReposController:add_repo", pace=Pace.SHORT)
def form_named(visit: Visit, name: str) -> Page:
    """The same form, with a name in it."""
    return _form(visit, parent_of(name), last_segment(name))


def _form(visit: Visit, group: str, name: str) -> Page:
    begins = visit.ask(repository_defaults)
    private = "1" if begins.private else ""
    given = {"repo_group": group, "repo_name": name, "repo_type": begins.kind, "repo_private": private}
    return _shown(visit, empty(visit, NewRepository, **given))


@view("POST", "/_admin/repos", needs=Who.USER, word="ReposController:create", pace=Pace.WAITING)
def create(visit: Visit) -> Page | Redirect:
    """Create it; what another server has comes by a job, whose page is shown."""
    entered = read(NewRepository, visit)
    if wanted := entered.form:
        with entered.refusals(**_FIELDS, kind="repo_type", exists="repo_name", repo_group="repo_group"):
            begins = visit.ask(repository_defaults)
            asked = CreationRequest(
                name=_path(visit, wanted.repo_group, wanted.repo_name),
                enable_downloads=begins.enable_downloads,
                enable_locking=begins.enable_locking,
                enable_statistics=begins.enable_statistics,
                kind=wanted.repo_type,
                description=wanted.repo_description,
                private=wanted.repo_private,
                landing_rev=wanted.repo_landing_rev,
                copy_permissions=wanted.repo_copy_permissions,
            )
            return _on_to(
                visit, queued.create(visit.site, visit.caller, asked, clone_uri=wanted.clone_uri or None, waits=False)
            )
    return _shown(visit, entered)


_FIELDS = {"name": "repo_name", "description": "repo_description", "landing_rev": "repo_landing_rev"}


def _shown(visit: Visit, entered: Entered[NewRepository]) -> Page:
    places = visit.ask(offered.for_new_repository)
    if places.nowhere:
        raise Refused(403, "You may not create repositories.", hint="Whoever administers a group can let you.")
    kinds = [
        _Kind(name, one.abilities.title, one.abilities.can(Act.IMPORT)) for name, one in visit.site.back_ends.items()
    ]
    return Page("creation/create.html", entered.status, fields=entered, places=places, kinds=kinds)


@view("GET", "/{repository}/fork", needs=Level.READ, word="ForksController:fork", users_only=True, pace=Pace.SHORT)
def fork_form(visit: RepositoryVisit) -> Page:
    """The form of a fork."""
    source = visit.repository
    return _shown_fork(
        visit,
        empty(
            visit,
            NewFork,
            repo_name=last_segment(source.name),
            repo_description=source.description,
            repo_landing_rev=source.landing_rev,
            repo_private="1" if source.private else "",
        ),
    )


@view(
    "POST", "/{repository}/fork", needs=Level.READ, word="ForksController:fork_create", users_only=True, pace=Pace.LONG
)
def fork(visit: RepositoryVisit) -> Page | Redirect:
    """Copy the repository: a job does it, whose page is shown."""
    entered = read(NewFork, visit)
    if wanted := entered.form:
        with entered.refusals(**_FIELDS, exists="repo_name", repo_group="repo_group"):
            asked = ForkRequest(
                name=_path(visit, wanted.repo_group, wanted.repo_name),
                description=wanted.repo_description,
                private=wanted.repo_private,
                landing_rev=wanted.repo_landing_rev,
                copy_permissions=wanted.repo_copy_permissions,
            )
            return _on_to(visit, queued.fork(visit.site, visit.caller, visit.repository, asked, waits=False))
    return _shown_fork(visit, entered)


def _shown_fork(visit: RepositoryVisit, entered: Entered[NewFork]) -> Page:
    places = visit.ask(offered.for_new_repository)
    if places.nowhere:
        raise Refused(403, "You may not create repositories.", hint="Whoever administers a group can let you.")
    return Page("creation/fork.html", entered.status, fields=entered, places=places)


def _path(visit: Visit, group: str, name: str) -> str:
    """The full name that is wanted; raises `Invalid` and `NotFound`."""
    return visit.ask(path_below, "" if group == TOP else group, check_segment(name))


def _on_to(visit: Visit, made: Made) -> Redirect:
    if made.task is not None:
        return Redirect(visit.url("jobs.creating", made.name, task_id=made.task))
    return Redirect(visit.url("summary.summary", made.name), visit.text("%(name)s was created.", name=made.name))
