# SPDX-License-Identifier: GPL-3.0-or-later
"""Extra fields of a repository (system.md 2.7)."""

from __future__ import annotations

import re
from typing import Final

from trivium.access.levels import Level
from trivium.errors import Kind, NotFound
from trivium.forge.repositories.fields import add_field, fields_of, remove_field
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, empty, read
from trivium.web.registering import view
from trivium.web.visit import RepositoryVisit

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{3,100}")
"""Narrower than what the API takes (api-repos.md 4), as the form of the reference is."""


class NewField(Form):
    """A field that a repository gets."""

    new_field_key: Line
    new_field_label: Line = ""
    new_field_desc: Line = ""


@view("GET", "/{repository}/settings/fields", needs=Level.ADMIN, word="ReposController:edit_fields", users_only=True)
def fields(visit: RepositoryVisit) -> Page:
    """The fields that there are."""
    return _shown(visit, empty(visit, NewField))


@view(
    "PUT",
    "/{repository}/settings/fields/new",
    needs=Level.ADMIN,
    word="ReposController:create_repo_field",
    users_only=True,
    pace=Pace.SHORT,
)
def add(visit: RepositoryVisit) -> Page | Redirect:
    """Add one; its value is set among the general settings."""
    entered = read(NewField, visit)
    if (wanted := entered.form) and not _KEY.fullmatch(wanted.new_field_key):
        said = visit.text("A key has three or more characters: letters from a to z, digits, “_” and “-”.")
        entered.refuse("new_field_key", said)
    elif wanted:
        with entered.refusals(
            key="new_field_key", exists="new_field_key", label="new_field_label", description="new_field_desc"
        ):
            add_field(
                visit.site,
                visit.caller,
                visit.repository,
                wanted.new_field_key,
                label=wanted.new_field_label,
                description=wanted.new_field_desc,
            )
            return _back(visit, visit.text("The field %(name)s was added.", name=wanted.new_field_key))
    return _shown(visit, entered)


@view(
    "DELETE",
    "/{repository}/settings/fields/{number}",
    needs=Level.ADMIN,
    word="ReposController:delete_repo_field",
    users_only=True,
    pace=Pace.SHORT,
)
def remove(visit: RepositoryVisit, number: str) -> Redirect:
    """Remove one with its value."""
    key = next((one.key for one in visit.ask(fields_of, visit.repository.id) if str(one.id) == number), None)
    if key is None:
        raise NotFound(Kind.FIELD, number)
    remove_field(visit.site, visit.caller, visit.repository, key)
    return _back(visit, visit.text("The field %(name)s was removed.", name=key))


def _back(visit: RepositoryVisit, said: str) -> Redirect:
    return Redirect(visit.url("repository_fields.fields", visit.repository.name), said)


def _shown(visit: RepositoryVisit, entered: Entered[NewField]) -> Page:
    found = visit.ask(fields_of, visit.repository.id)
    return Page("repository_settings/fields.html", entered.status, fields=entered, found=found)
