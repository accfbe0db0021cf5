# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of the later line about what users did, and what they may call (api-reviews.md 6)."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Final

from trivium.api.arguments import OwnUser, Text, Word
from trivium.api.methods.operations import get_locks
from trivium.api.methods.registered import registry
from trivium.api.registry import Call, Parameter
from trivium.api.texts import Refusal
from trivium.forge.events import audit

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?")
_MOST_PATTERN: Final = 100
_OF_CALLER: Final = frozenset({"userid", "owner"})
"""Arguments that mean the caller when they are not given."""


@registry.method()
def get_user_audit_logs(call: Call, userid: OwnUser | None = None, after: Word = None) -> list[Any]:
    """What a user did, newest first.

    Everybody may ask for themselves; super-admins for everybody. `repository` is null where there was none, and where
    the caller may not read it. `data` is what was noted; of a change, what was set and what that replaced (`was`). A
    list that is cut by the server's limit (max_api_items) goes on after the `date` of its last row, given as `after`.
    """
    if after is not None and (not isinstance(after, str) or not _MOMENT.fullmatch(after)):
        raise Refusal("after must be the date of a row")
    whose = userid.id if userid else call.caller.user_id
    with call.site.store.read() as db:
        rows = audit.of_user(
            db,
            call.caller,
            whose,
            limit=call.site.settings.max_api_items,
            before=after.replace(" ", "T") if after is not None else None,
        )
    return [
        {
            "action": row.action,
            "date": row.at,
            "ip": row.address,
            "repository": row.repository,
            "data": row.detail,
        }
        for row in rows
    ]


@registry.method()
def get_user_locks(call: Call, userid: OwnUser | None = None) -> list[Any]:
    """The repositories that a user holds locked: the same as `get_locks`, under its later name.

    Everybody may ask for their own; super-admins for anybody's.
    """
    shown: list[Any] = get_locks(call, userid)
    return shown


@registry.method(failure="failed to list methods")
def get_method(_call: Call, pattern: Text = "*") -> list[Any]:
    """The names of the methods that fit a pattern, in which `*` stands for anything.

    Anybody may call it. When exactly one fits, a second item tells its arguments.
    """
    if len(pattern) > _MOST_PATTERN:
        return []
    found = [method for method in registry.all() if fnmatch.fnmatchcase(method.name, pattern)]
    names: list[Any] = [method.name for method in found]
    if len(found) != 1:
        return names
    described = {parameter.name: _described(parameter) for parameter in found[0].parameters}
    always = {"apiuser": "<RequiredType>", "request": "<RequiredType>"}
    return [*names, dict(sorted((always | described).items()))]


def _described(parameter: Parameter) -> str:
    if parameter.required:
        return "<RequiredType>"
    if parameter.name in _OF_CALLER and parameter.default is None:
        return "<Optional:<OptionalAttr:apiuser>>"
    return f"<Optional:{parameter.default!r}>"
