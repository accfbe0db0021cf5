# SPDX-License-Identifier: GPL-3.0-or-later
"""Users as answers show them (api-users.md 4.1, 4.5); secrets are masked here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Final, Literal

from trivium.access.caller import Caller
from trivium.access.keys import MASK
from trivium.access.levels import Level, Scope
from trivium.access.permissions import Permissions
from trivium.forge.accounts.viewing import Account
from trivium.http.addresses import parse_network

Json = dict[str, Any]


Known = int | Literal["everybody"] | None
"""The users of whom a caller sees more than the names (decisions.md A20): one user, by id; everybody; nobody."""


class Sight(IntEnum):
    """How much of a user somebody sees."""

    NAMES = 0
    """What strangers see."""
    DETAILS = 1
    """Everything but keys."""
    KEYS = 2


def known_to(caller: Caller) -> Known:
    """Users see themselves, super-admins see everybody."""
    return "everybody" if caller.super_admin else caller.user_id


def sight_of(known: Known, user_id: int, *, keys: bool) -> Sight:
    """How much the caller sees of a user, in an answer that shows `keys` or does not."""
    if known not in ("everybody", user_id):
        return Sight.NAMES
    return Sight.KEYS if keys else Sight.DETAILS


def user_object(account: Account, sight: Sight) -> Json:
    """A user. What somebody may not see is null or empty; keys are masked."""
    user = account.user
    keys = list(account.keys) if sight is Sight.KEYS and account.keys else [MASK]
    if sight is Sight.NAMES:
        return _STRANGER | {
            "user_id": user.id,
            "username": user.username,
            "firstname": user.firstname,
            "lastname": user.lastname,
        }
    return {
        "user_id": user.id,
        "username": user.username,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "email": user.email,
        "emails": account.emails,
        "active": user.active,
        "admin": user.admin,
        "api_key": keys[0],
        "api_keys": keys,
        "ip_addresses": account.addresses,
        "extern_name": user.extern_name,
        "extern_type": user.extern_type,
        "last_login": user.last_login,
        "language": None,
    }


_STRANGER: Final[Json] = {
    # In the order of the documented object.
    "user_id": None,
    "username": None,
    "firstname": None,
    "lastname": None,
    "email": None,
    "emails": (),
    "active": None,
    "admin": None,
    "api_key": MASK,
    "api_keys": (MASK,),
    "ip_addresses": (),
    "extern_name": "",
    "extern_type": "",
    "last_login": None,
    "language": None,
}


def user_objects(accounts: Iterable[Account], known: Known, *, keys: bool) -> list[Json]:
    """Users as they are seen in an answer that shows `keys` or does not."""
    return [user_object(account, sight_of(known, account.user.id, keys=keys)) for account in accounts]


def permissions_object(permissions: Permissions, *, with_none: bool) -> Json:
    """What a user may do (api-users.md 7); objects on which they may do nothing are there only `with_none`."""

    def levels(scope: Scope) -> dict[str, str]:
        names = {int(level): scope.name_of(level) for level in Level}
        found = permissions.levels[scope]
        return {name: names[level] for name, level in found.items() if level or with_none}

    return {
        "global": permissions.names,
        "repositories": levels(Scope.REPOSITORY),
        "repositories_groups": levels(Scope.REPO_GROUP),
        "user_groups": levels(Scope.USER_GROUP),
    }


def address_row(network: str) -> Json:
    """A range of addresses (api-users.md 4.5)."""
    parsed = parse_network(network)
    return {"ip_addr": str(parsed), "ip_range": [str(parsed[0]), str(parsed[-1])]}
