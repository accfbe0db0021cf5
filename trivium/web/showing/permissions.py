# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, with a form in each row: for repositories and for groups of repositories (system.md 2.7, 2.8)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final

from markupsafe import Markup

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.errors import NotFound
from trivium.forge.accounts import users
from trivium.forge.accounts.users import User
from trivium.forge.grants.on_objects import (
    OWNER,
    PERMISSION,
    RECURSIONS,
    SUPER_ADMIN,
    Member,
    Subject,
    Target,
    set_permission,
)
from trivium.forge.grants.rows import Origin, Row, level_after
from trivium.forge.groups import user_groups
from trivium.render.rights import RightRow, RightWords, UseRow, rights, uses
from trivium.render.rows import icon
from trivium.web.forms import Entered, Form, Line, Tick, one_of, read
from trivium.web.showing.log import face
from trivium.web.static_files import static_files
from trivium.web.times import TOKEN_SLOT
from trivium.web.urls import quoted
from trivium.web.visit import Visit

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LEVELS: Final = {level.name.lower(): level for level in Level}
_NAMES: Final = {level: name for name, level in _LEVELS.items()}
REMOVED: Final = "remove"
"""What the form below the rows sends as right to take a row away."""


class Grant(Form):
    """A right that is given or taken."""

    whom: Line
    """A user or a user group, by name."""
    level: Line
    """`none`, `read`, `write`, `admin`; `remove` takes the row away."""
    of: Annotated[str, one_of("", "user", "group")] = ""
    """`user` or `group`; empty: whichever has the name, users first."""
    recursive: Line = "none"
    """Of a group: what inside changes with it."""
    take: Tick = False
    """Whether the row is to be taken away, whatever `level` says: the other button of a row."""
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
    level = None if form.take else _LEVELS.get(form.level)
    return None if entered.wrong else Wanted(subject, level, form.recursive, sure=form.sure)


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


def used_by(visit: Visit, members: Iterable[Member], action: str) -> Markup:
    """The rows of a table of rights on a user group, each with the form that deletes it, which leads to `action`."""
    text = visit.text
    icons = f"{visit.asked.root}{static_files().root}/icons.svg"
    several, globe, one = icon("group", icons), icon("globe", icons), icon("user", icons)
    everybody = text("Everybody")
    origins = {SUPER_ADMIN: text("super-admins may do everything"), OWNER: text("owns it"), PERMISSION: text("own row")}
    levels = {"none": text("none"), "read": text("read"), "write": text("write"), "admin": text("admin")}
    rows = []
    for member in members:
        for_all = member.name == "default" and not member.is_group
        rows.append(
            UseRow(
                several if member.is_group else globe if for_all else one,
                member.name,
                everybody if for_all else member.name,
                _NAMES[member.level],
                origins[member.origin],
                member.is_group,
                member.origin == PERMISSION,
            )
        )
    return uses(rows, action, _HIDDEN_TO_DELETE, levels, text("Delete"))


_OF_ROWS: Final = frozenset([Origin.USER, Origin.EVERYBODY])
_TOKEN: Final = f'<input type="hidden" name="csrf_token" value="{TOKEN_SLOT}">'
_HIDDEN: Final = f'{_TOKEN}<input type="hidden" name="_method" value="PUT">'
_HIDDEN_TO_DELETE: Final = f'{_TOKEN}<input type="hidden" name="_method" value="DELETE">'


def table(visit: Visit, rows: Iterable[Row], action: str, about: dict[str, str], *, private: bool = False) -> Markup:
    """The rows of a table of rights, each with the forms that change it; `action` is where these lead.

    `about` names the object to the page that tells why. `private`: everybody's row does not count.
    """
    root, text = visit.asked.root, visit.text
    why = visit.url("why.why", **about) + "&user="
    icons = f"{root}{static_files().root}/icons.svg"
    several, globe = icon("group", icons), icon("globe", icons)
    everybody = text("Everybody")
    origins = {
        Origin.SUPER_ADMIN: text("administers the site"),
        Origin.OWNER: text("owner"),
        Origin.USER: text("own row"),
        Origin.GROUP: text("row of the user group"),
        Origin.EVERYBODY: text("the repository is private")
        if private
        else text("default: who has no row of their own or of a user group"),
    }
    void = "; " + text("not active, so that it does not count")
    replaces = "; " + text("it replaces “%(level)s” of %(group)s", level="%(level)s", group="%(group)s")
    shown = []
    for row in rows:
        origin, name, told = row.origin, row.name, origins[row.origin]
        if row.replaces:
            level, group = row.replaces
            told += replaces % {"level": _NAMES[level], "group": group}
        if not row.counts:
            told += void
        called = quoted(name)
        if origin is Origin.GROUP:
            row_of, picture, href = "group", several, f"{root}/_admin/user_groups/{row.id}/edit"
        else:
            row_of = "user" if origin in _OF_ROWS else ""
            picture = face(name) if origin is not Origin.EVERYBODY else globe
            href = f"{root}/_profiles/{called}"
        of_everybody = origin is Origin.EVERYBODY
        shown.append(
            RightRow(
                picture,
                name,
                everybody if of_everybody else "",
                href,
                _NAMES[row.level],
                told,
                "" if row_of == "group" else why + called,
                row_of,
                bool(row_of) and not of_everybody,
            )
        )
    words = RightWords(
        right_of=text("Right of %(name)s", name="%(name)s"),
        set_right_of=text("Set the right of %(name)s", name="%(name)s"),
        remove_row_of=text("Remove the row of %(name)s", name="%(name)s"),
        why_of=text("Why? %(name)s", name="%(name)s"),
        set=text("Set"),
        remove=text("Remove"),
        why=text("Why?"),
    )
    return rights(shown, action, _HIDDEN, words, icons=icons)
