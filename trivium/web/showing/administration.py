# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages of administrators have in common: lists with a next page, and rows of permissions in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from trivium.access.levels import FAMILY_OF, GLOBAL_FAMILIES, Level, Scope
from trivium.forge.naming.walks import Listed
from trivium.web.forms import Form, Line
from trivium.web.visit import Visit

_LONGEST: Final = 255

FIELDS: Final = {
    "default_repo_create": "hg.create",
    "default_repo_create_on_write": "hg.create.write_on_repogroup",
    "default_repo_group_create": "hg.repogroup.create",
    "default_user_group_create": "hg.usergroup.create",
    "default_fork_create": "hg.fork",
}
"""Fields of forms about what somebody may create → families of permissions."""
FIELD_OF: Final = {of: field for field, of in FIELDS.items()}


class Creating(Form):
    """What an account, or members of a user group, may create; empty: as others say."""

    default_repo_create: Line = ""
    default_repo_create_on_write: Line = ""
    default_repo_group_create: Line = ""
    default_user_group_create: Line = ""
    default_fork_create: Line = ""


def as_fields(own: Iterable[str]) -> dict[str, str]:
    """Which of some permissions stands in which field of `Creating`."""
    values = {FAMILY_OF.get(value, ""): value for value in own}
    return {field: values.get(of, "") for field, of in FIELDS.items()}


def as_values(wanted: Creating) -> dict[str, str | None]:
    """What stands in the fields, by families; None: nothing of its own."""
    return {of: getattr(wanted, field) or None for field, of in FIELDS.items()}


def sought(visit: Visit) -> str:
    """What a list is searched for."""
    return visit.query.get("query", "")[:_LONGEST]


def pages(visit: Visit, view: str, found: Listed[Any], *given: str, **asked: object) -> dict[str, Any]:
    """The addresses of the pages before and after one of a list; `asked` is what else its address says."""
    return {
        "newer": visit.url(view, *given, before=found.newer, **asked) if found.newer else "",
        "older": visit.url(view, *given, after=found.older, **asked) if found.older else "",
    }


def place(visit: Visit) -> dict[str, Any]:
    """Where a page of a list begins, and how many rows it has."""
    begins = {name: visit.query.get(name, "")[:_LONGEST] for name in ("after", "before")}
    return begins | {"limit": visit.look.admin_grid_items}


def permission(visit: Visit, name: str) -> str:
    """What a value of a global permission means."""
    words = {
        "hg.create.none": visit.text("None"),
        "hg.create.repository": visit.text("Repositories outside of groups"),
        "hg.create.write_on_repogroup.false": visit.text("Needs administration of the group"),
        "hg.create.write_on_repogroup.true": visit.text("Writing in the group is enough"),
        "hg.repogroup.create.false": visit.text("None"),
        "hg.repogroup.create.true": visit.text("Repository groups outside of groups"),
        "hg.usergroup.create.false": visit.text("None"),
        "hg.usergroup.create.true": visit.text("User groups"),
        "hg.fork.none": visit.text("None"),
        "hg.fork.repository": visit.text("Forks of what they may read"),
        "hg.register.none": visit.text("Not allowed"),
        "hg.register.manual_activate": visit.text("Allowed, and an administrator activates each account"),
        "hg.register.auto_activate": visit.text("Allowed, and accounts can be used at once"),
    }
    return words.get(name, name)


def family(visit: Visit, name: str) -> str:
    """What a family of global permissions is about."""
    words = {
        "hg.create": visit.text("New repositories"),
        "hg.create.write_on_repogroup": visit.text("New repositories in a group"),
        "hg.repogroup.create": visit.text("New repository groups"),
        "hg.usergroup.create": visit.text("New user groups"),
        "hg.fork": visit.text("Forks"),
        "hg.register": visit.text("Registration"),
        "repository": visit.text("Repositories"),
        "group": visit.text("Repository groups"),
        "usergroup": visit.text("User groups"),
    }
    return words.get(name, name)


def level(visit: Visit, value: Level) -> str:
    """A level in a word."""
    words = {
        Level.NONE: visit.text("none"),
        Level.READ: visit.text("read"),
        Level.WRITE: visit.text("write"),
        Level.ADMIN: visit.text("admin"),
    }
    return words[value]


def scope(visit: Visit) -> Scope:
    """The kind of object that a page of permissions is about; repositories, if its address does not say."""
    return next((one for one in Scope if one.value == visit.query.get("of")), Scope.REPOSITORY)


def choices(visit: Visit, of: str) -> list[tuple[str, str]]:
    """The values of a family as choices of a form: what is sent, and what it means."""
    return [(value, permission(visit, value)) for value in GLOBAL_FAMILIES[of]]
