# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of repositories: listed, created, changed, deleted; who may do what in them (system.md 2.8)."""

from __future__ import annotations

from itertools import islice
from typing import Any

from msgspec import UNSET

from trivium.access.levels import Level, Scope
from trivium.errors import Invalid
from trivium.forge.grants.preview import Effect, effect
from trivium.forge.grants.rows import are_many, rows_on
from trivium.forge.groups import changes, creation, deletion, offered, repo_groups
from trivium.forge.groups.changes import RepoGroupChanges
from trivium.forge.groups.repo_groups import RepoGroup, administered, path_below
from trivium.names import check_segment, last_segment
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Text, Tick, empty, read, sentence, stored
from trivium.web.registering import Who, view
from trivium.web.showing import permissions as rights
from trivium.web.showing.permissions import Grant, Wanted
from trivium.web.views.creation import TOP
from trivium.web.visit import Visit

_PAGE = 50


class NewGroup(Form):
    """A new group."""

    group_name: Line
    """The last segment."""
    group_parent_id: Line = ""
    """By name or id; empty: at top level."""
    group_owner: Line = ""
    """By name or id, from super-administrators; empty: whoever makes it."""
    group_description: Text = ""
    group_copy_permissions: Tick = False
    enable_locking: Tick = False


class General(Form):
    """What a group is."""

    group_name: Line
    group_owner: Line = ""
    """By name or id; empty: as it is."""
    group_parent_id: Line = ""
    group_description: Text = ""
    enable_locking: Tick = False


class Deletion(Form):
    """That a group is to be deleted."""

    confirm_name: Line


_FIELDS = {
    "name": "group_name",
    "exists": "group_name",
    "description": "group_description",
    "parent": "group_parent_id",
}


@view("GET", "/_admin/repo_groups", needs=Who.USER, word="RepoGroupsController:index", pace=Pace.SHORT)
def groups(visit: Visit) -> Page:
    """Those that the visitor administers."""
    tree = visit.trees.of(visit.site.store, visit.caller)
    query, after = visit.query.get("query", "")[:200], visit.query.get("after", "")
    words = query.casefold().split()
    wanted = (
        one
        for one in sorted(tree.nodes.values(), key=lambda node: node.name)
        if one.level >= Level.ADMIN and one.name > after and all(word in one.name.casefold() for word in words)
    )
    found = list(islice(wanted, _PAGE + 1))
    return Page(
        "group_settings/groups.html",
        found=found[:_PAGE],
        query=query,
        newer=visit.url("repo_groups.groups", query=query) if after else "",
        older=visit.url("repo_groups.groups", query=query, after=found[_PAGE - 1].name) if found[_PAGE:] else "",
        may_create=not visit.ask(offered.for_new_group).nowhere,
    )


@view("POST", "/_admin/repo_groups", needs=Who.USER, word="RepoGroupsController:create", pace=Pace.LONG)
def create(visit: Visit) -> Page | Redirect:
    """Create a group."""
    entered = read(NewGroup, visit)
    if wanted := entered.form:
        with entered.refusals(**_FIELDS, repo_group="group_parent_id", user="group_owner", owner="group_owner"):
            parent = "" if wanted.group_parent_id == TOP else wanted.group_parent_id
            made = creation.create(
                visit.site,
                visit.caller,
                name=visit.ask(path_below, parent, check_segment(wanted.group_name)),
                description=wanted.group_description,
                owner=wanted.group_owner or None,
                copy_permissions=wanted.group_copy_permissions,
                enable_locking=wanted.enable_locking,
            )
            said = visit.text("%(name)s was created.", name=made.name)
            return Redirect(visit.url("home.group", made.name), said)
    return _new(visit, entered)


@view("GET", "/_admin/repo_groups/new", needs=Who.USER, word="RepoGroupsController:new", pace=Pace.SHORT)
def new(visit: Visit) -> Page:
    """The form of a new group; `?parent_group=` says where."""
    return _new(visit, empty(visit, NewGroup, group_parent_id=visit.query.get("parent_group", "")))


def _new(visit: Visit, entered: Entered[NewGroup]) -> Page:
    places = visit.ask(offered.for_new_group)
    if places.nowhere:
        raise Refused(403, "You may not create groups.", hint="Whoever administers a group can let you.")
    return Page("group_settings/new.html", entered.status, fields=entered, places=places)


@view(
    "GET",
    "/_admin/repo_groups/{group*}/edit/permissions",
    needs=Who.USER,
    word="RepoGroupsController:edit_repo_group_perms",
)
def permissions(visit: Visit, group: str) -> Page:
    """The rows, and what each comes from."""
    return _permissions(visit, visit.ask(administered, group), empty(visit, Grant))


@view(
    "PUT",
    "/_admin/repo_groups/{group*}/edit/permissions",
    needs=Who.USER,
    word="RepoGroupsController:update_perms",
    pace=Pace.LONG,
)
def save_permissions(visit: Visit, group: str) -> Page | Redirect:
    """Give somebody a right or take their row away, also in what is inside; `preview` only shows how much changes."""
    found, entered = visit.ask(administered, group), rights.given(visit)
    asked = rights.wanted(visit, entered)
    if asked is None:
        return _permissions(visit, found, entered)
    if "preview" in visit.form:
        seen = visit.ask(effect, found.name, asked.subject, asked.level, asked.recursive)
        return _permissions(visit, found, entered, asked, seen)
    if asked.locks_out(visit, Scope.REPO_GROUP, found.id, found.owner_id):
        return _permissions(visit, found, entered, asked)
    said = rights.carry_out(visit, Scope.REPO_GROUP, found.id, found.name, asked)
    if asked.sure:
        return Redirect(visit.url("home.home"), said)
    return Redirect(visit.url("repo_groups.permissions", found.name), said)


def _permissions(
    visit: Visit,
    group: RepoGroup,
    entered: Entered[Grant],
    asked: Wanted | None = None,
    seen: Effect | None = None,
) -> Page:
    after, action = visit.query.get("after", ""), visit.url("repo_groups.permissions", group.name)
    if visit.ask(are_many, Scope.REPO_GROUP, group.id):
        visit.take_a_moment()
    found = visit.ask(rows_on, Scope.REPO_GROUP, group.id, after=after)
    return Page(
        "group_settings/permissions.html",
        422 if asked and not seen else entered.status,
        group=group,
        fields=entered,
        asked=asked,
        seen=seen,
        rows=rights.table(visit, found.rows, action, {"group": group.name}),
        action=action,
        newer=action if after else "",
        older=visit.url("repo_groups.permissions", group.name, after=found.older) if found.older else "",
    )


@view(
    "GET",
    "/_admin/repo_groups/{group*}/edit/advanced",
    needs=Who.USER,
    word="RepoGroupsController:edit_repo_group_advanced",
    pace=Pace.SHORT,
)
def advanced(visit: Visit, group: str) -> Page:
    """What it holds, and how it is deleted."""
    return _advanced(visit, visit.ask(administered, group), empty(visit, Deletion), deletes=False)


def _advanced(visit: Visit, group: RepoGroup, entered: Entered[Deletion], *, deletes: bool = True) -> Page:
    node = visit.trees.of(visit.site.store, visit.caller).nodes.get(group.id)
    return Page(
        "group_settings/advanced.html", entered.status, group=group, deletion=entered, deletes=deletes, node=node
    )


@view("GET", "/_admin/repo_groups/{group*}/edit", needs=Who.USER, word="RepoGroupsController:edit", pace=Pace.SHORT)
def edit(visit: Visit, group: str) -> Page:
    """The form with what is stored."""
    found = visit.ask(administered, group)
    return _edit(visit, found, stored(visit, _present(found)))


def _present(group: RepoGroup) -> General:
    return General(
        group_name=last_segment(group.name),
        group_owner=group.owner,
        group_parent_id=group.parent or "",
        group_description=group.description,
        enable_locking=group.enable_locking,
    )


def _now(db: Any, caller: Any, group: RepoGroup) -> General:
    return _present(repo_groups.find(db, caller, group.id, Level.ADMIN))


def _edit(visit: Visit, group: RepoGroup, entered: Entered[General]) -> Page:
    places = visit.ask(offered.for_moved_group)
    return Page("group_settings/general.html", entered.status, group=group, fields=entered, places=places)


@view("GET", "/_admin/repo_groups/{group*}", needs=Who.USER, word="RepoGroupsController:show")
def show(visit: Visit, group: str) -> Redirect:
    """Its settings."""
    return Redirect(visit.url("repo_groups.edit", visit.ask(administered, group).name))


@view("PUT", "/_admin/repo_groups/{group*}", needs=Who.USER, word="RepoGroupsController:update", pace=Pace.WAITING)
def save(visit: Visit, group: str) -> Page | Redirect:
    """Store it; another name or parent moves the group with all that it holds."""
    found, entered = visit.ask(administered, group), read(General, visit)
    if wanted := entered.form:
        parent = "" if wanted.group_parent_id == TOP else wanted.group_parent_id
        asked = RepoGroupChanges(
            name=UNSET if wanted.group_name == last_segment(found.name) else wanted.group_name,
            owner=UNSET if wanted.group_owner in ("", found.owner) else wanted.group_owner,
            parent=UNSET if parent == (found.parent or "") else parent,
            description=wanted.group_description,
            enable_locking=UNSET if wanted.enable_locking == found.enable_locking else wanted.enable_locking,
        )
        with entered.refusals(**_FIELDS, repo_group="group_parent_id", user="group_owner", owner="group_owner"):
            changed = changes.update_group(visit.site, visit.caller, found, asked, entered.as_seen(_now, found))
            there = "repo_groups.edit" if changed.level >= Level.ADMIN else "home.group"
            return Redirect(visit.url(there, changed.name), visit.text("Saved."))
    return _edit(visit, found, entered)


@view("DELETE", "/_admin/repo_groups/{group*}", needs=Who.USER, word="RepoGroupsController:delete", pace=Pace.LONG)
def delete(visit: Visit, group: str) -> Page | Redirect:
    """Delete it, if it holds nothing."""
    found, entered = visit.ask(administered, group), read(Deletion, visit)
    if wanted := entered.form:
        if wanted.confirm_name != found.name:
            entered.refuse("confirm_name", visit.text("This is not the name of the group."))
        else:
            try:
                deletion.delete_group(visit.site, visit.caller, found)
                above = visit.url("home.group", found.parent) if found.parent else visit.url("home.home")
                return Redirect(above, visit.text("%(name)s was deleted.", name=found.name))
            except Invalid as error:
                entered.refuse("", sentence(visit, error))
    return _advanced(visit, found, entered)
