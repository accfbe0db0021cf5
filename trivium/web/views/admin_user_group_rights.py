# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may use and administer a user group, and what that may itself (system.md 2.8, 6.1)."""

from __future__ import annotations

from typing import Annotated, Any

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope, parse_permission
from trivium.forge.accounts import users as accounts
from trivium.forge.grants import global_permissions as grants
from trivium.forge.grants import on_objects, summary
from trivium.forge.grants.on_objects import Subject, Target
from trivium.forge.grants.rows import are_many
from trivium.forge.groups import user_groups
from trivium.forge.groups.user_groups import UserGroup
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, Tick, empty, one_of, read, stored
from trivium.web.registering import Who, view
from trivium.web.showing import administration as shown
from trivium.web.showing.administered_user_groups import group_of, page
from trivium.web.showing.permissions import Wanted, used_by
from trivium.web.visit import Visit

_Perm = Annotated[str, one_of(*(Scope.USER_GROUP.name_of(level) for level in Level))]


class Holder(Form):
    """Whose right on it is given, or taken back."""

    name: Line
    of_group: Tick = False
    sure: Tick = False
    """Whether somebody who takes their own right away was asked once more."""


class Grant(Holder, kw_only=True):
    """Who may use or administer it."""

    perm: _Perm


@view(
    "GET", "/_admin/user_groups/{user_group}/edit/permissions", needs=Who.USER, word="UserGroupsController:edit_perms"
)
def permissions(visit: Visit, user_group: str) -> Page:
    """Who may use it, and who may administer it."""
    return _permissions(visit, group_of(visit, user_group), empty(visit, Grant))


@view(
    "PUT",
    "/_admin/user_groups/{user_group}/edit/permissions",
    needs=Who.USER,
    word="UserGroupsController:update_perms",
    pace=Pace.SHORT,
)
def grant(visit: Visit, user_group: str) -> Page | Redirect:
    """Give a right on it."""
    found = group_of(visit, user_group)
    entered = read(Grant, visit)
    if wanted := entered.form:
        with entered.refusals(absent="name"):
            subject = visit.ask(_subject, wanted.name, of_group=wanted.of_group)
            if subject.group_id == found.id:
                entered.refuse("name", visit.text("A group has no rights on itself."))
            else:
                asked = Wanted(subject, parse_permission(wanted.perm, Scope.USER_GROUP), "none", sure=wanted.sure)
                return _carried_out(visit, found, entered, asked, visit.text("Saved."))
    return _permissions(visit, found, entered)


@view(
    "DELETE",
    "/_admin/user_groups/{user_group}/edit/permissions",
    needs=Who.USER,
    word="UserGroupsController:delete_perms",
    pace=Pace.SHORT,
)
def revoke(visit: Visit, user_group: str) -> Page | Redirect:
    """Take a right back."""
    found = group_of(visit, user_group)
    entered = read(Holder, visit)
    if wanted := entered.form:
        subject = visit.ask(_subject, wanted.name, of_group=wanted.of_group)
        asked = Wanted(subject, None, "none", sure=wanted.sure)
        return _carried_out(visit, found, entered, asked, visit.text("Deleted."))
    return _permissions(visit, found, entered)


def _carried_out(
    visit: Visit, group: UserGroup, entered: Entered[Holder] | Entered[Grant], asked: Wanted, said: str
) -> Page | Redirect:
    """Give or take the right, unless the visitor has to be asked once more."""
    if asked.locks_out(visit, Scope.USER_GROUP, group.id, group.owner_id):
        return _permissions(visit, group, entered, asked)
    target = Target(Scope.USER_GROUP, group.id, group.name)
    on_objects.set_permission(visit.site, visit.caller, target, asked.subject, asked.level)
    if asked.sure:
        return Redirect(visit.url("admin_user_groups.listed"), said)
    return Redirect(visit.url("admin_user_group_rights.permissions", str(group.id)), said)


@view(
    "GET",
    "/_admin/user_groups/{user_group}/edit/global_permissions",
    needs=Who.SUPER_ADMIN,
    word="UserGroupsController:edit_global_perms",
)
def global_permissions(visit: Visit, user_group: str) -> Page:
    """What its members may create."""
    found = group_of(visit, user_group)
    return _global(visit, found, stored(visit, visit.ask(_may_create, found)))


def _may_create(db: Any, _caller: Any, group: UserGroup) -> shown.Creating:
    return shown.Creating(**shown.as_fields(grants.own_permissions(db, _as_subject(group))))


@view(
    "PUT",
    "/_admin/user_groups/{user_group}/edit/global_permissions",
    needs=Who.SUPER_ADMIN,
    word="UserGroupsController:update_global_perms",
    pace=Pace.SHORT,
)
def save_global_permissions(visit: Visit, user_group: str) -> Page | Redirect:
    """Store that."""
    found = group_of(visit, user_group)
    entered = read(shown.Creating, visit)
    if wanted := entered.form:
        with entered.refusals(**shown.FIELD_OF):
            values, seen = shown.as_values(wanted), entered.as_seen(_may_create, found)
            grants.set_permissions(visit.site, visit.caller, _as_subject(found), values, seen)
            here = visit.url("admin_user_group_rights.global_permissions", str(found.id))
            return Redirect(here, visit.text("Saved."))
    return _global(visit, found, entered)


@view(
    "GET",
    "/_admin/user_groups/{user_group}/edit/permissions_summary",
    needs=Who.SUPER_ADMIN,
    word="UserGroupsController:edit_perms_summary",
)
def permissions_summary(visit: Visit, user_group: str) -> Page:
    """What it has rights on."""
    found, of = group_of(visit, user_group), shown.scope(visit)
    rows = visit.ask(summary.rows_of, _as_subject(found), of, **shown.place(visit))
    name = "admin_user_group_rights.permissions_summary"
    addresses = shown.pages(visit, name, rows, str(found.id), of=of.value)
    return page(name, "summary", found, rows=rows.rows, of=of.value, **addresses)


def _subject(db: Any, caller: Caller, given: str, *, of_group: bool) -> Subject:
    """Who is given a right; raises `NotFound`."""
    if of_group:
        group = user_groups.find(db, caller, given, Level.READ)
        return Subject(group.name, group_id=group.id)
    user = accounts.find(db, given)
    return Subject(user.username, user_id=user.id)


def _as_subject(group: UserGroup) -> Subject:
    return Subject(group.name, group_id=group.id)


def _permissions(
    visit: Visit, group: UserGroup, entered: Entered[Holder] | Entered[Grant], own: Wanted | None = None
) -> Page:
    if visit.ask(are_many, Scope.USER_GROUP, group.id):
        visit.take_a_moment()
    found = visit.ask(lambda db, _: on_objects.members(db, Scope.USER_GROUP, group.id))
    rows = used_by(visit, found, visit.url("admin_user_group_rights.revoke", str(group.id)))
    name, status = "admin_user_group_rights.permissions", 422 if own else entered.status
    return page(name, "permissions", group, status, fields=entered, own=own, rows=rows)


def _global(visit: Visit, group: UserGroup, entered: Entered[shown.Creating]) -> Page:
    as_others = [("", visit.text("As everybody's rights say"))]
    rows = [
        (field, shown.family(visit, family), as_others + shown.choices(visit, family))
        for field, family in shown.FIELDS.items()
    ]
    name = "admin_user_group_rights.global_permissions"
    return page(name, "global", group, entered.status, fields=entered, rows=rows)
