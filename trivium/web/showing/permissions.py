# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, with a form in each row: for repositories and for groups of repositories (system.md 2.7, 2.8)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.errors import NotFound
from trivium.forge.accounts import users
from trivium.forge.accounts.users import User
from trivium.forge.grants.on_objects import RECURSIONS, Subject, Target, set_permission
from trivium.forge.grants.rows import level_after
from trivium.forge.groups import user_groups
from trivium.web.forms import Entered, Form, Line, Tick, read
from trivium.web.visit import Visit

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LEVELS: Final = {level.name.lower(): level for level in Level}
REMOVED: Final = "remove"
"""What a form sends as right to take a row away."""


class Grant(Form):
    """A right that is given or taken."""

    whom: Line
    """A user or a user group, by name."""
    level: Line
    """`none`, `read`, `write`, `admin`; `remove` takes the row away."""
    of: Line = ""
    """`user` or `group`; empty: whichever has the name, users first."""
    recursive: Line = "none"
    """Of a group: what inside changes with it."""
    sure: Tick = False
    """Whether somebody who takes their own right away was asked once more."""


class Wanted:
    """A right that can be given: for whom, and which."""

    def __init__(self, subject: Subject, level: Level | None, recursive: str, *, sure: bool) -> None:
        self.subject = subject
        self.level = level
        """None: the row is taken away."""
        self.recursive = recursive
        self.sure = sure

    def locks_out(self, visit: Visit, scope: Scope, object_id: int, owner_id: int) -> bool:
        """Whether the visitor takes the right to administer away from themselves, and has not said that they mean it.

        The right may come from a user group. Owners and super-administrators keep it whatever the rows say.
        """
        caller = visit.caller
        if self.sure or caller.super_admin or owner_id == caller.user_id or self.level is Level.ADMIN:
            return False
        return visit.ask(level_after, scope, object_id, self.subject, self.level) < Level.ADMIN


def wanted(visit: Visit, entered: Entered[Grant]) -> Wanted | None:
    """What a form asks for; None when it says nothing that makes sense, which stands beside its fields then."""
    form = entered.form
    if form is None:
        return None
    if form.level not in _LEVELS and form.level != REMOVED:
        entered.refuse("level", visit.text("This is none of the choices."))
    if form.recursive not in RECURSIONS:
        entered.refuse("recursive", visit.text("This is none of the choices."))
    subject = _subject(visit, form.whom, form.of)
    if subject is None:
        entered.refuse("whom", visit.text("There is no %(name)s, or you may not see it.", name=form.whom[:200]))
        return None
    return None if entered.wrong else Wanted(subject, _LEVELS.get(form.level), form.recursive, sure=form.sure)


def _subject(visit: Visit, name: str, of: str) -> Subject | None:
    """The user of this name, else the user group; None where neither exists, or the group is hidden."""
    if of != "group":
        with contextlib.suppress(NotFound):
            user = visit.ask(_user, name)
            return Subject(user.username, user_id=user.id)
    if of != "user":
        with contextlib.suppress(NotFound):
            group = visit.ask(user_groups.find, name, Level.READ)
            return Subject(group.name, group_id=group.id)
    return None


def _user(db: Connection, _caller: Caller, name: str) -> User:
    return users.find(db, name)


def given(visit: Visit) -> Entered[Grant]:
    """The form that was sent."""
    return read(Grant, visit)


def carry_out(visit: Visit, scope: Scope, object_id: int, name: str, asked: Wanted) -> str:
    """Give or take the right; returns what is told of it."""
    set_permission(
        visit.site, visit.caller, Target(scope, object_id, name), asked.subject, asked.level, asked.recursive
    )
    if asked.level is None:
        return visit.text("%(name)s has no row any more.", name=asked.subject.name)
    return visit.text(
        "%(name)s has the right “%(level)s” now.", name=asked.subject.name, level=asked.level.name.lower()
    )
