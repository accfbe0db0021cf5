# SPDX-License-Identifier: GPL-3.0-or-later
"""Users with everything that is shown of them: their addresses of both kinds, and their keys (api-users.md 4.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from trivium.access.keys import KeyRing
from trivium.forge.accounts.users import User
from trivium.forge.site import Site
from trivium.store.query import Query
from trivium.store.tables import tokens, user_addresses, user_emails


@dataclass(frozen=True, slots=True)
class Account:
    """A user with everything that is shown of them. A door decides who sees how much of it (decisions.md A20)."""

    user: User
    emails: tuple[str, ...]
    """The user's own address first."""
    addresses: tuple[str, ...]
    """The ranges from which they may come; empty when they may come from everywhere (system.md 1.7)."""
    keys: tuple[str, ...]
    """The built-in key first; empty unless they were asked for."""


@dataclass(frozen=True, slots=True)
class _Details:
    """Queries for values that belong to users, as rows (user id, value): of one user, and of all."""

    of_one: Query
    of_all: Query


def _details(statement: Any, user_id: Any) -> _Details:
    return _Details(Query(statement.where(user_id == bindparam("one"))), Query(statement))


_EMAILS = _details(select(user_emails.c.user_id, user_emails.c.email).order_by(user_emails.c.id), user_emails.c.user_id)
_ADDRESSES = _details(
    select(user_addresses.c.user_id, user_addresses.c.network).order_by(user_addresses.c.id),
    user_addresses.c.user_id,
)
_TOKENS = _details(
    select(tokens.c.user_id, tokens.c.sealed).order_by(tokens.c.builtin.desc(), tokens.c.id),
    tokens.c.user_id,
)


def key_opener(site: Site) -> KeyRing | None:
    """The key ring that opens keys to be shown; None where the site shows no keys (`mask_api_keys`)."""
    return None if site.settings.mask_api_keys else site.ring


def with_details(db: Connection, of: Iterable[User], opener: KeyRing | None = None) -> list[Account]:
    """Users with their details, in the order given; keys are opened only when there is an `opener`.

    Three statements at most, however many users.
    """
    listed = list(of)
    ids = [user.id for user in listed]
    emails = _grouped(db, _EMAILS, ids)
    addresses = _grouped(db, _ADDRESSES, ids)
    sealed = _grouped(db, _TOKENS, ids) if opener else {}
    return [
        Account(
            user,
            tuple([user.email] if user.email else []) + tuple(emails.get(user.id, ())),
            tuple(addresses.get(user.id, ())),
            tuple(opener.open(key, f"token of {user.id}") for key in sealed.get(user.id, ())) if opener else (),
        )
        for user in listed
    ]


def account(db: Connection, of: User, opener: KeyRing | None = None) -> Account:
    """One user with their details."""
    return with_details(db, [of], opener)[0]


def _grouped(db: Connection, details: _Details, ids: list[int]) -> dict[int, list[Any]]:
    """The values of each user, in the statement's order."""
    found: dict[int, list[Any]] = defaultdict(list)
    if len(ids) == 1:
        found[ids[0]] = [value for _, value in details.of_one.all(db, {"one": ids[0]})]
    elif ids:
        # A list of ids would be a statement of its own for each length; reading all rows costs less.
        wanted = set(ids)
        for user_id, value in details.of_all.all(db, {}):
            if user_id in wanted:
                found[user_id].append(value)
    return found
