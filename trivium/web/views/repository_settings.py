# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of one repository: what it is called, and what it is (system.md 2.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from trivium.access.levels import Level
from trivium.forge.groups import offered
from trivium.forge.repositories import changes, finding
from trivium.forge.repositories.changes import RepositoryChanges
from trivium.forge.repositories.fields import Field, fields_of
from trivium.names import last_segment, parent_of
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, Text, Tick, read, stored
from trivium.web.registering import view
from trivium.web.views.creation import TOP
from trivium.web.visit import RepositoryVisit

_OF_FIELD = "ex_"
"""What the name of an extra field begins with in the form, as in objects of the API."""


class General(Form):
    """What a repository is."""

    repo_name: Line
    """The last segment."""
    repo_owner: Line = ""
    """By name or id; empty: as it is."""
    repo_group: Line = ""
    """By name or id; empty: none."""
    repo_description: Text = ""
    repo_private: Tick = False
    repo_landing_rev: Line = "rev:tip"
    repo_enable_statistics: Tick = False
    repo_enable_locking: Tick = False
    repo_enable_downloads: Tick = False
    extra: Text = ""
    """The extra fields as one text: no form sends it, but what was stored is compared by it."""


@view(
    "GET",
    "/{repository}/settings",
    needs=Level.ADMIN,
    word="ReposController:edit_settings",
    users_only=True,
    pace=Pace.SHORT,
)
def general(visit: RepositoryVisit) -> Page:
    """The form with what is stored."""
    return _shown(visit, stored(visit, visit.ask(_present, visit.repository.id)))


def _present(db: Any, caller: Any, repository_id: int) -> General:
    one = finding.by_id(db, caller, repository_id)
    return General(
        repo_name=last_segment(one.name),
        repo_group=parent_of(one.name),
        repo_owner=one.owner,
        repo_description=one.description,
        repo_private=one.private,
        repo_landing_rev=one.landing_rev,
        repo_enable_statistics=one.enable_statistics,
        repo_enable_locking=one.enable_locking,
        repo_enable_downloads=one.enable_downloads,
        extra=_as_text(fields_of(db, caller, repository_id), {}),
    )


def _as_text(extra: Iterable[Field], typed: Mapping[str, str]) -> str:
    return "\n".join(f"{one.label}: {typed.get(one.key, one.value)}" for one in extra)


@view(
    "PUT",
    "/_admin/repos/{repository*}",
    needs=Level.ADMIN,
    word="ReposController:update",
    users_only=True,
    pace=Pace.WAITING,
)
def save(visit: RepositoryVisit) -> Page | Redirect:
    """Store it; another name or group moves the repository."""
    entered = read(General, visit)
    one = visit.repository
    if wanted := entered.form:
        group = "" if wanted.repo_group == TOP else wanted.repo_group
        fields = {
            name.removeprefix(_OF_FIELD): value.replace("\r\n", "\n")
            for name, value in visit.form.items()
            if name.startswith(_OF_FIELD)
        }
        wanted.extra = _as_text(visit.ask(fields_of, one.id), fields)
        asked = RepositoryChanges(
            name=UNSET if wanted.repo_name == last_segment(one.name) else wanted.repo_name,
            group=UNSET if group == parent_of(one.name) else group,
            owner=UNSET if wanted.repo_owner in ("", one.owner) else wanted.repo_owner,
            description=wanted.repo_description,
            private=UNSET if wanted.repo_private == one.private else wanted.repo_private,
            landing_rev=wanted.repo_landing_rev,
            enable_statistics=wanted.repo_enable_statistics,
            enable_locking=wanted.repo_enable_locking,
            enable_downloads=wanted.repo_enable_downloads,
            fields=fields or UNSET,
        )
        with entered.refusals(
            name="repo_name",
            exists="repo_name",
            group="repo_group",
            repo_group="repo_group",
            owner="repo_owner",
            user="repo_owner",
            description="repo_description",
            landing_rev="repo_landing_rev",
        ):
            changed = changes.update_repository(visit.site, visit.caller, one, asked, entered.as_seen(_present, one.id))
            if changed.level >= Level.ADMIN:
                return Redirect(visit.url("repository_settings.general", changed.name), visit.text("Saved."))
            seen = changed.level >= Level.READ
            there = visit.url("summary.summary", changed.name) if seen else visit.url("home.home")
            return Redirect(there, visit.text("Saved."))
    return _shown(visit, entered)


def _shown(visit: RepositoryVisit, entered: Entered[General]) -> Page:
    return Page(
        "repository_settings/general.html",
        entered.status,
        fields=entered,
        places=visit.ask(offered.for_moved_repository),
        extra=visit.ask(fields_of, visit.repository.id),
        typed={name: value for name, value in visit.form.items() if name.startswith(_OF_FIELD)},
    )
