# SPDX-License-Identifier: GPL-3.0-or-later
"""The one argument language: what a method's annotations mean (api-users.md 2, api-repos.md 1.1, 1.2).

An API method is a typed function. The annotation of a parameter carries a `Converter`, which turns the JSON value
into what the function works with and refuses what it cannot use; the same object describes the parameter in
`rpc.discover`. Look-up and permission are part of the conversion of an object, so they come before everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Invalid
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.groups import repo_groups, user_groups
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.groups.user_groups import UserGroup
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.names import is_clean_text

MAX_TEXT: Final = 1 << 20

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})

Schema = dict[str, Any]
_NAME_OR_ID: Final[Schema] = {"oneOf": [{"type": "string"}, {"type": "integer"}]}


@dataclass(frozen=True, slots=True, eq=False)
class Converter:
    """How one kind of argument is read.

    `convert` gets a connection, the caller and the JSON value; `null_is_value` keeps JSON null apart from "not
    given" (api-repos.md 1.1).
    """

    convert: Callable[[Connection, Caller, Any], Any]
    schema: Schema = field(default_factory=dict)
    null_is_value: bool = False


Value = TypeVar("Value")


def given(value: Value | None) -> Value | UnsetType:
    """An argument of a method that changes something: null and no argument leave it as it is."""
    return UNSET if value is None else value


def _text(_db: Connection, _caller: Caller, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not is_clean_text(value):
        raise Invalid("a text is expected")
    return value


def _name(db: Connection, caller: Caller, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(db, caller, value)


def _flag(_db: Connection, _caller: Caller, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise Invalid(f"{value!r} is neither true nor false")


def _unchanged(_db: Connection, _caller: Caller, value: Any) -> Any:
    return value


def _user(db: Connection, _caller: Caller, value: Any) -> User:
    return accounts.find(db, value)


def _user_group(needs: Level) -> Callable[[Connection, Caller, Any], UserGroup]:
    return lambda db, caller, value: user_groups.find(db, caller, value, needs)


def _repository(needs: Level) -> Callable[[Connection, Caller, Any], Repository]:
    return lambda db, caller, value: repositories.find(db, caller, value, needs)


def _repo_group(needs: Level) -> Callable[[Connection, Caller, Any], RepoGroup]:
    return lambda db, caller, value: repo_groups.find(db, caller, value, needs)


Text = Annotated[str, Converter(_text, {"type": "string"})]
Name = Annotated[str, Converter(_name, _NAME_OR_ID)]
"""A text that may also come as a JSON number, which means its digits."""
Flag = Annotated[bool, Converter(_flag, {"type": "boolean"})]
Word = Annotated[Any, Converter(_unchanged, {"type": "string"})]
"""A text that the method itself checks, because its errors have texts of their own."""
Number = Annotated[Any, Converter(_unchanged, {"oneOf": [{"type": "integer"}, {"type": "string"}]})]
"""A whole number, perhaps as a text of digits, that the method itself checks."""
Files = Annotated[Any, Converter(_unchanged, {"type": "object"})]
"""Files by their names, which the method itself checks."""
Object = Annotated[Any, Converter(_unchanged, {"oneOf": [{"type": "object"}, {"type": "string"}]})]
"""An object, or its JSON as a text, which the method itself checks."""
List = Annotated[Any, Converter(_unchanged, {"oneOf": [{"type": "array"}, {"type": "string"}]})]
"""A list, or a text with commas between its items, which the method itself checks."""
Someone = Annotated[Any, Converter(_unchanged, _NAME_OR_ID)]
"""A user, user group or group that the method itself looks up, because something else must be checked before."""
SomeoneOrNobody = Annotated[Any, Converter(_unchanged, {"oneOf": [*_NAME_OR_ID["oneOf"], {"type": "null"}]}, True)]
AnyUser = Annotated[User, Converter(_user, _NAME_OR_ID)]
OwnUser = Annotated[User, Converter(accounts.find_for, _NAME_OR_ID)]
"""Any user for super-admins; for everybody else only themselves."""
ReadableUserGroup = Annotated[UserGroup, Converter(_user_group(Level.READ), _NAME_OR_ID)]
AdministeredUserGroup = Annotated[UserGroup, Converter(_user_group(Level.ADMIN), _NAME_OR_ID)]
ReadableRepository = Annotated[Repository, Converter(_repository(Level.READ), _NAME_OR_ID)]
WritableRepository = Annotated[Repository, Converter(_repository(Level.WRITE), _NAME_OR_ID)]
AdministeredRepository = Annotated[Repository, Converter(_repository(Level.ADMIN), _NAME_OR_ID)]
ReadableRepoGroup = Annotated[RepoGroup, Converter(_repo_group(Level.READ), _NAME_OR_ID)]
AdministeredRepoGroup = Annotated[RepoGroup, Converter(_repo_group(Level.ADMIN), _NAME_OR_ID)]
