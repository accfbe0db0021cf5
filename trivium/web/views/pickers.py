# SPDX-License-Identifier: GPL-3.0-or-later
"""What is offered while somebody types a name (system.md 2.8).

All of them answer `{"more": false, "results": [{"text", "children": [{"id", "text", "url", "type", …}]}]}`, with at
most 20 children of a kind; groups of results that have none are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trivium.forge.repositories import pickers
from trivium.forge.repositories.listed import ListedRepository
from trivium.forge.repositories.pickers import PickedGroup, PickedUser
from trivium.web.answers import Json
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

Child = dict[str, Any]


@view("GET", "/_repos", needs=Who.VISITOR, word="HomeController:repo_list_data", script_only=True)
def repositories(visit: Visit) -> Json:
    """Repositories that one may read."""
    found = visit.ask(pickers.find_repositories, _query(visit))
    return _results((visit.text("Repositories"), _repositories(visit, found)))


@view("GET", "/_users", needs=Who.USER, word="HomeController:user_autocomplete_data", script_only=True)
def users(visit: Visit) -> Json:
    """Users, for whoever has signed in."""
    return _results((visit.text("Users"), _users(visit, visit.ask(pickers.find_users, _query(visit)))))


@view("GET", "/_user_groups", needs=Who.USER, word="HomeController:user_group_autocomplete_data", script_only=True)
def user_groups(visit: Visit) -> Json:
    """User groups that one may read."""
    found = visit.ask(pickers.find_user_groups, _query(visit))
    children = [{"id": one.id, "text": one.name, "url": "", "type": "user_group"} for one in found]
    return _results((visit.text("User groups"), children))


@view("GET", "/_goto_data", needs=Who.VISITOR, word="HomeController:goto_switcher_data", script_only=True)
def places(visit: Visit) -> Json:
    """Where the switcher leads: repositories and groups, or users after `user:`."""
    found = visit.ask(pickers.places, _query(visit))
    return _results(
        (visit.text("Repositories"), _repositories(visit, found.repositories)),
        (visit.text("Groups"), _groups(visit, found.groups)),
        (visit.text("Users"), _users(visit, found.users)),
    )


def _query(visit: Visit) -> str:
    return visit.query.get("query", "")


def _results(*groups: tuple[str, list[Child]]) -> Json:
    return Json({"more": False, "results": [{"text": text, "children": found} for text, found in groups if found]})


def _repositories(visit: Visit, found: Iterable[ListedRepository]) -> list[Child]:
    return [
        {
            "id": one.id,
            "text": one.name,
            "url": visit.urls.repository(one.name),
            "type": "repo",
            "kind": one.kind,
            "private": one.private,
        }
        for one in found
    ]


def _groups(visit: Visit, found: Iterable[PickedGroup]) -> list[Child]:
    return [
        {"id": one.id, "text": one.name, "url": visit.url("home.group", one.name), "type": "group"} for one in found
    ]


def _users(visit: Visit, found: Iterable[PickedUser]) -> list[Child]:
    return [
        {
            "id": one.id,
            "text": one.username,
            "url": visit.url("profiles.profile", one.username),
            "type": "user",
            "name": f"{one.firstname} {one.lastname}".strip(),
        }
        for one in found
    ]
