# SPDX-License-Identifier: GPL-3.0-or-later
"""User groups, for whoever administers them (system.md 2.8).

Who may use one, and what it may itself, is seen to by `admin_user_group_rights`.
"""

from __future__ import annotations

from typing import Any

from trivium.access.levels import Level
from trivium.errors import InUse
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.groups import user_group_listing, user_groups
from trivium.forge.groups.user_groups import UserGroup, UserGroupChanges
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Text, Tick, empty, read, stored
from trivium.web.registering import Who, view
from trivium.web.showing import administration as shown
from trivium.web.showing.administered_user_groups import group_of, page
from trivium.web.visit import Visit


class NewGroup(Form):
    """A new user group."""

    users_group_name: Line
    user_group_description: Text = ""
    users_group_active: Tick = False


class Group(Form):
    """A user group that is changed."""

    users_group_name: Line
    user: Line
    """Its owner."""
    user_group_description: Text = ""
    users_group_active: Tick = False


class Member(Form):
    """Who comes in."""

    user: Line


class Doomed(Form):
    """What is typed to delete something."""

    name: Line


@view("GET", "/_admin/user_groups", needs=Who.USER, word="UserGroupsController:index")
def listed(visit: Visit) -> Page:
    """Those that one administers."""
    query = shown.sought(visit)
    found = visit.ask(user_group_listing.page, query=query, **shown.place(visit))
    may_create = visit.ask(user_groups.may_create)
    addresses = shown.pages(visit, "admin_user_groups.listed", found, query=query)
    return Page("administration/user_groups.html", rows=found.rows, query=query, may_create=may_create, **addresses)


@view("GET", "/_admin/user_groups/new", needs=Who.USER, word="UserGroupsController:new")
def new(visit: Visit) -> Page:
    """The form of a new one."""
    if not visit.ask(user_groups.may_create):
        raise Refused(403, "You may not create user groups.")
    return Page("administration/user_group_new.html", fields=empty(visit, NewGroup, users_group_active="1"))


@view("POST", "/_admin/user_groups", needs=Who.USER, word="UserGroupsController:create", pace=Pace.SHORT)
def create(visit: Visit) -> Page | Redirect:
    """Make it."""
    entered = read(NewGroup, visit)
    if wanted := entered.form:
        with entered.refusals(name="users_group_name", exists="users_group_name", description="user_group_description"):
            made = user_groups.create(
                visit.site,
                visit.caller,
                name=wanted.users_group_name,
                description=wanted.user_group_description,
                active=wanted.users_group_active,
            )
            said = visit.text("The user group is made.")
            return Redirect(visit.url("admin_user_groups.members", str(made.id)), said)
    return Page("administration/user_group_new.html", entered.status, fields=entered)


@view(
    "GET",
    "/_admin/user_groups/{user_group}",
    "/_admin/user_groups/{user_group}/edit",
    needs=Who.USER,
    word="UserGroupsController:edit",
)
def edit(visit: Visit, user_group: str) -> Page:
    """The form with what is stored."""
    found = group_of(visit, user_group)
    return page("admin_user_groups.edit", "edit", found, fields=stored(visit, _present(found)))


def _present(group: UserGroup) -> Group:
    return Group(
        users_group_name=group.name,
        user=group.owner,
        user_group_description=group.description,
        users_group_active=group.active,
    )


def _now(db: Any, caller: Any, group: UserGroup) -> Group:
    return _present(user_groups.find(db, caller, group.id, Level.ADMIN))


@view("PUT", "/_admin/user_groups/{user_group}", needs=Who.USER, word="UserGroupsController:update", pace=Pace.SHORT)
def save(visit: Visit, user_group: str) -> Page | Redirect:
    """Store it."""
    found = group_of(visit, user_group)
    entered = read(Group, visit)
    if wanted := entered.form:
        fields = {"name": "users_group_name", "description": "user_group_description", "owner": "user"}
        with entered.refusals(**fields, exists="users_group_name", absent="user"):
            changes = UserGroupChanges(
                name=wanted.users_group_name,
                description=wanted.user_group_description,
                owner=visit.ask(_named_user, wanted.user),
                active=wanted.users_group_active,
            )
            user_groups.update_group(visit.site, visit.caller, found, changes, entered.as_seen(_now, found))
            return Redirect(visit.url("admin_user_groups.edit", str(found.id)), visit.text("Saved."))
    return page("admin_user_groups.edit", "edit", found, entered.status, fields=entered)


@view("GET", "/_admin/user_groups/{user_group}/edit/members", needs=Who.USER, word="UserGroupsController:members")
def members(visit: Visit, user_group: str) -> Page:
    """Who is in it."""
    return _members(visit, group_of(visit, user_group), empty(visit, Member))


@view(
    "POST",
    "/_admin/user_groups/{user_group}/edit/members",
    needs=Who.USER,
    word="UserGroupsController:add_member",
    pace=Pace.SHORT,
)
def add_member(visit: Visit, user_group: str) -> Page | Redirect:
    """Put somebody in."""
    found = group_of(visit, user_group)
    entered = read(Member, visit)
    if wanted := entered.form:
        with entered.refusals(absent="user"):
            whom = visit.ask(_named_user, wanted.user)
            if user_groups.add_member(visit.site, visit.caller, found, whom):
                said = visit.text("%(name)s is in.", name=whom.username)
                return Redirect(visit.url("admin_user_groups.members", str(found.id)), said)
            entered.refuse("user", visit.text("%(name)s is in already.", name=whom.username))
    return _members(visit, found, entered)


@view(
    "DELETE",
    "/_admin/user_groups/{user_group}/edit/members",
    needs=Who.USER,
    word="UserGroupsController:remove_member",
    pace=Pace.SHORT,
)
def remove_member(visit: Visit, user_group: str) -> Redirect:
    """Take somebody out."""
    found = group_of(visit, user_group)
    whom = visit.ask(_named_user, visit.form.get("user", ""))
    user_groups.remove_member(visit.site, visit.caller, found, whom)
    said = visit.text("%(name)s is out.", name=whom.username)
    return Redirect(visit.url("admin_user_groups.members", str(found.id)), said)


@view(
    "GET", "/_admin/user_groups/{user_group}/edit/advanced", needs=Who.USER, word="UserGroupsController:edit_advanced"
)
def advanced(visit: Visit, user_group: str) -> Page:
    """Where it has rights, and its end."""
    return _advanced(visit, group_of(visit, user_group), empty(visit, Doomed))


@view("DELETE", "/_admin/user_groups/{user_group}", needs=Who.USER, word="UserGroupsController:delete", pace=Pace.SHORT)
def delete(visit: Visit, user_group: str) -> Page | Redirect:
    """Delete it, unless it has rights somewhere."""
    found = group_of(visit, user_group)
    entered = read(Doomed, visit)
    if entered.form and entered.form.name != found.name:
        entered.refuse("name", visit.text("This is not the name."))
    elif entered.form:
        try:
            user_groups.delete_group(visit.site, visit.caller, found)
            said = visit.text("The user group %(name)s is deleted.", name=found.name)
            return Redirect(visit.url("admin_user_groups.listed"), said)
        except InUse:
            entered.refuse("", visit.text("It still has rights on something: take these back first."))
    return _advanced(visit, found, entered)


def _named_user(db: Any, _caller: Any, given: str) -> User:
    return accounts.find(db, given)


def _members(visit: Visit, group: UserGroup, entered: Entered[Member]) -> Page:
    found = visit.ask(user_group_listing.members, group, **shown.place(visit))
    addresses = shown.pages(visit, "admin_user_groups.members", found, str(group.id))
    name, status = "admin_user_groups.members", entered.status
    return page(name, "members", group, status, fields=entered, rows=found.rows, **addresses)


def _advanced(visit: Visit, group: UserGroup, entered: Entered[Doomed]) -> Page:
    assigned = visit.ask(user_groups.assigned_to, group)
    return page("admin_user_groups.advanced", "advanced", group, entered.status, fields=entered, assigned=assigned)
