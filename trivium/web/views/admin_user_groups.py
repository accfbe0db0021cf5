# SPDX-License-Identifier: GPL-3.0-or-later
"""User groups, for whoever administers them (system.md 2.8)."""

from __future__ import annotations

from typing import Annotated, Any

from trivium.access.levels import Level, Scope, parse_permission
from trivium.errors import InUse, Kind, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.grants import global_permissions as grants
from trivium.forge.grants import on_objects, summary
from trivium.forge.grants.on_objects import Subject, Target
from trivium.forge.grants.rows import are_many
from trivium.forge.groups import user_group_listing, user_groups
from trivium.forge.groups.user_groups import UserGroup, UserGroupChanges
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Text, Tick, empty, one_of, read, stored
from trivium.web.registering import Who, view
from trivium.web.showing import administration as shown
from trivium.web.showing.permissions import used_by
from trivium.web.visit import Visit

_Perm = Annotated[str, one_of(*(Scope.USER_GROUP.name_of(level) for level in Level))]


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


class Grant(Form):
    """Who may use or administer it."""

    name: Line
    perm: _Perm = Scope.USER_GROUP.name_of(Level.READ)
    of_group: Tick = False


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
    found = _group(visit, user_group)
    return _page("edit", found, fields=stored(visit, _present(found)))


def _present(group: UserGroup) -> Group:
    return Group(
        users_group_name=group.name,
        user=group.owner,
        user_group_description=group.description,
        users_group_active=group.active,
    )


@view("PUT", "/_admin/user_groups/{user_group}", needs=Who.USER, word="UserGroupsController:update", pace=Pace.SHORT)
def save(visit: Visit, user_group: str) -> Page | Redirect:
    """Store it."""
    found = _group(visit, user_group)
    entered = read(Group, visit)
    if wanted := entered.unless_changed(_present(found)):
        fields = {"name": "users_group_name", "description": "user_group_description", "owner": "user"}
        with entered.refusals(**fields, exists="users_group_name", absent="user"):
            changes = UserGroupChanges(
                name=wanted.users_group_name,
                description=wanted.user_group_description,
                owner=visit.ask(_named_user, wanted.user),
                active=wanted.users_group_active,
            )
            user_groups.update_group(visit.site, visit.caller, found, changes)
            return Redirect(visit.url("admin_user_groups.edit", str(found.id)), visit.text("Saved."))
    return _page("edit", found, entered.status, fields=entered)


@view("GET", "/_admin/user_groups/{user_group}/edit/members", needs=Who.USER, word="UserGroupsController:members")
def members(visit: Visit, user_group: str) -> Page:
    """Who is in it."""
    return _members(visit, _group(visit, user_group), empty(visit, Member))


@view(
    "POST",
    "/_admin/user_groups/{user_group}/edit/members",
    needs=Who.USER,
    word="UserGroupsController:add_member",
    pace=Pace.SHORT,
)
def add_member(visit: Visit, user_group: str) -> Page | Redirect:
    """Put somebody in."""
    found = _group(visit, user_group)
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
    found = _group(visit, user_group)
    whom = visit.ask(_named_user, visit.form.get("user", ""))
    user_groups.remove_member(visit.site, visit.caller, found, whom)
    said = visit.text("%(name)s is out.", name=whom.username)
    return Redirect(visit.url("admin_user_groups.members", str(found.id)), said)


@view(
    "GET", "/_admin/user_groups/{user_group}/edit/permissions", needs=Who.USER, word="UserGroupsController:edit_perms"
)
def permissions(visit: Visit, user_group: str) -> Page:
    """Who may use it, and who may administer it."""
    return _permissions(visit, _group(visit, user_group), empty(visit, Grant))


@view(
    "PUT",
    "/_admin/user_groups/{user_group}/edit/permissions",
    needs=Who.USER,
    word="UserGroupsController:update_perms",
    pace=Pace.SHORT,
)
def grant(visit: Visit, user_group: str) -> Page | Redirect:
    """Give a right on it."""
    found = _group(visit, user_group)
    entered = read(Grant, visit)
    if wanted := entered.form:
        with entered.refusals(absent="name"):
            subject = visit.ask(_subject, wanted.name, of_group=wanted.of_group)
            if subject.group_id == found.id:
                entered.refuse("name", visit.text("A group has no rights on itself."))
            else:
                level = parse_permission(wanted.perm, Scope.USER_GROUP)
                on_objects.set_permission(visit.site, visit.caller, _target(found), subject, level)
                return Redirect(visit.url("admin_user_groups.permissions", str(found.id)), visit.text("Saved."))
    return _permissions(visit, found, entered)


@view(
    "DELETE",
    "/_admin/user_groups/{user_group}/edit/permissions",
    needs=Who.USER,
    word="UserGroupsController:delete_perms",
    pace=Pace.SHORT,
)
def revoke(visit: Visit, user_group: str) -> Redirect:
    """Take a right back."""
    found = _group(visit, user_group)
    subject = visit.ask(_subject, visit.form.get("name", ""), of_group=bool(visit.form.get("of_group")))
    on_objects.set_permission(visit.site, visit.caller, _target(found), subject, None)
    return Redirect(visit.url("admin_user_groups.permissions", str(found.id)), visit.text("Deleted."))


@view(
    "GET",
    "/_admin/user_groups/{user_group}/edit/global_permissions",
    needs=Who.SUPER_ADMIN,
    word="UserGroupsController:edit_global_perms",
)
def global_permissions(visit: Visit, user_group: str) -> Page:
    """What its members may create."""
    found = _group(visit, user_group)
    own = visit.ask(lambda db, _: grants.own_permissions(db, _as_subject(found)))
    return _global(visit, found, stored(visit, shown.Creating(**shown.as_fields(own))))


@view(
    "PUT",
    "/_admin/user_groups/{user_group}/edit/global_permissions",
    needs=Who.SUPER_ADMIN,
    word="UserGroupsController:update_global_perms",
    pace=Pace.SHORT,
)
def save_global_permissions(visit: Visit, user_group: str) -> Page | Redirect:
    """Store that."""
    found = _group(visit, user_group)
    entered = read(shown.Creating, visit)
    if wanted := entered.form:
        with entered.refusals(**shown.FIELD_OF):
            grants.set_permissions(visit.site, visit.caller, _as_subject(found), shown.as_values(wanted))
            return Redirect(visit.url("admin_user_groups.global_permissions", str(found.id)), visit.text("Saved."))
    return _global(visit, found, entered)


@view(
    "GET",
    "/_admin/user_groups/{user_group}/edit/permissions_summary",
    needs=Who.SUPER_ADMIN,
    word="UserGroupsController:edit_perms_summary",
)
def permissions_summary(visit: Visit, user_group: str) -> Page:
    """What it has rights on."""
    found, of = _group(visit, user_group), shown.scope(visit)
    rows = visit.ask(summary.rows_of, _as_subject(found), of, **shown.place(visit))
    name = "admin_user_groups.permissions_summary"
    addresses = shown.pages(visit, name, rows, str(found.id), of=of.value)
    return _page("permissions_summary", found, named="summary", rows=rows.rows, of=of.value, **addresses)


@view(
    "GET", "/_admin/user_groups/{user_group}/edit/advanced", needs=Who.USER, word="UserGroupsController:edit_advanced"
)
def advanced(visit: Visit, user_group: str) -> Page:
    """Where it has rights, and its end."""
    return _advanced(visit, _group(visit, user_group), empty(visit, Doomed))


@view("DELETE", "/_admin/user_groups/{user_group}", needs=Who.USER, word="UserGroupsController:delete", pace=Pace.SHORT)
def delete(visit: Visit, user_group: str) -> Page | Redirect:
    """Delete it, unless it has rights somewhere."""
    found = _group(visit, user_group)
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


def _group(visit: Visit, given: str) -> UserGroup:
    """The group that an address is about, which the visitor administers; raises `NotFound`."""
    return visit.ask(user_groups.find, given, Level.ADMIN)


def _named_user(db: object, _caller: object, given: str) -> User:
    return accounts.find(db, given)  # type: ignore[arg-type]


def _subject(db: object, caller: object, given: str, *, of_group: bool) -> Subject:
    """Who is given a right; raises `NotFound`."""
    if of_group:
        group = user_groups.find(db, caller, given, Level.READ)  # type: ignore[arg-type]
        return Subject(group.name, group_id=group.id)
    if not given:
        raise NotFound(Kind.USER, given)
    user = accounts.find(db, given)  # type: ignore[arg-type]
    return Subject(user.username, user_id=user.id)


def _as_subject(group: UserGroup) -> Subject:
    return Subject(group.name, group_id=group.id)


def _target(group: UserGroup) -> Target:
    return Target(Scope.USER_GROUP, group.id, group.name)


def _page(tab: str, group: UserGroup, status: int = 200, *, named: str = "", **values: Any) -> Page:
    return Page(
        f"administration/user_group_{named or tab}.html", status, group=group, this=str(group.id), tab=tab, **values
    )


def _members(visit: Visit, group: UserGroup, entered: Entered[Member]) -> Page:
    found = visit.ask(user_group_listing.members, group, **shown.place(visit))
    addresses = shown.pages(visit, "admin_user_groups.members", found, str(group.id))
    return _page("members", group, entered.status, fields=entered, rows=found.rows, **addresses)


def _permissions(visit: Visit, group: UserGroup, entered: Entered[Grant]) -> Page:
    if visit.ask(are_many, Scope.USER_GROUP, group.id):
        visit.take_a_moment()
    found = visit.ask(lambda db, _: on_objects.members(db, Scope.USER_GROUP, group.id))
    rows = used_by(visit, found, visit.url("admin_user_groups.revoke", str(group.id)))
    return _page("permissions", group, entered.status, fields=entered, rows=rows)


def _global(visit: Visit, group: UserGroup, entered: Entered[shown.Creating]) -> Page:
    as_others = [("", visit.text("As everybody's rights say"))]
    rows = [
        (field, shown.family(visit, family), as_others + shown.choices(visit, family))
        for field, family in shown.FIELDS.items()
    ]
    return _page("global_permissions", group, entered.status, named="global", fields=entered, rows=rows)


def _advanced(visit: Visit, group: UserGroup, entered: Entered[Doomed]) -> Page:
    assigned = visit.ask(user_groups.assigned_to, group)
    return _page("advanced", group, entered.status, fields=entered, assigned=assigned)
