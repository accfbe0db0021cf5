# SPDX-License-Identifier: GPL-3.0-or-later
"""User accounts: found, listed, created, changed and deleted (api-users.md 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, bindparam, delete, select, update

from trivium.access.caller import Caller
from trivium.access.credentials import LOCAL
from trivium.access.keys import KeyRing, Role, new_key
from trivium.access.logins.local import check_password, hash_password
from trivium.access.stamps import rights_change
from trivium.errors import AlreadyExists, Forbidden, InUse, Invalid, Kind, NotFound, NotYourself
from trivium.forge.accounts import sessions, tokens
from trivium.forge.events import journal
from trivium.forge.events.accounts import UserChanged, UserCreated, UserDeleted
from trivium.forge.events.event import values_before
from trivium.forge.naming import searching
from trivium.forge.partial_changes import PartialChanges
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.names import account_key_of, check_email, check_username, is_clean_text
from trivium.store.engine import insert_id
from trivium.store.query import Query, Values
from trivium.store.tables import (
    DEFAULT_USER_ID,
    now,
    repo_groups,
    repositories,
    user_emails,
    user_groups,
    users,
)

MAX_ID: Final = 2**63 - 1
_RANK: Final = ("active", "admin", "extern_type")
"""What may not change under a session, as the password may not (security.md S-21)."""
_SEARCHED: Final = frozenset({"username", "email", "firstname", "lastname"})
_MAX_TEXT: Final = 255


@dataclass(frozen=True, slots=True)
class User:
    """An account, without its secrets."""

    id: int
    username: str
    firstname: str
    lastname: str
    email: str | None
    active: bool
    admin: bool
    extern_name: str
    extern_type: str
    last_login: str | None
    inherits: bool
    rights_version: int
    """Changes whenever the rights of this user change, but not with a change for everybody (`access.stamps`)."""

    @property
    def is_default(self) -> bool:
        """Whether it stands for everybody, and for visitors."""
        return self.id == DEFAULT_USER_ID

    def as_caller(self, address: str) -> Caller:
        """The account as a caller, for questions about its rights."""
        return Caller(self.id, self.username, self.admin, self.inherits, address)


COLUMNS: Final = (
    users.c.id,
    users.c.username,
    users.c.firstname,
    users.c.lastname,
    users.c.email,
    users.c.active,
    users.c.admin,
    users.c.extern_name,
    users.c.extern_type,
    users.c.last_login,
    users.c.inherit_default_permissions,
    users.c.rights_version,
)
_BY_ID = Query(select(*COLUMNS).where(users.c.id == bindparam("sought")))
# The index is on the key.
_BY_NAME = Query(
    select(*COLUMNS).where(users.c.username_key == bindparam("key"), users.c.username == bindparam("sought"))
)
_SOME = select(*COLUMNS).where(users.c.id.in_(bindparam("ids", expanding=True)))
_ALL = select(*COLUMNS).where(users.c.id != DEFAULT_USER_ID).order_by(users.c.username)
_KEY_TAKEN = select(users.c.id).where(users.c.username_key == bindparam("sought"))
_EMAIL_HOLDERS = (
    select(users.c.id)
    .where(users.c.email == bindparam("sought"))
    .union_all(select(user_emails.c.user_id).where(user_emails.c.email == bindparam("sought")))
)


def id_in(text: str) -> int | None:
    """The id that a text of ASCII digits stands for; None for other texts, and for numbers that no id can be."""
    if not (text.isascii() and text.isdigit()):
        return None
    significant = text.lstrip("0") or "0"
    return int(significant) if len(significant) <= len(str(MAX_ID)) else None


def user_of(row: Iterable[Any]) -> User:
    """The user in a row of `COLUMNS`."""
    return User(*row)


def find(db: Connection, given: object) -> User:
    """The user that an argument names: an id, a string of digits, or an exact name (api-users.md 2.1)."""
    row = None
    if isinstance(given, int) and not isinstance(given, bool):
        row = _by_id(db, given)
    elif isinstance(given, str) and given and is_clean_text(given):
        if (user_id := id_in(given)) is not None:
            row = _by_id(db, user_id)
        row = row or _BY_NAME.first(db, {"sought": given, "key": account_key_of(given)})
    if row is None:
        raise NotFound(Kind.USER, given)
    return user_of(row)


def find_for(db: Connection, caller: Caller, given: object) -> User:
    """The user that an argument names, when regular users may only name themselves (decisions.md A2)."""
    if caller.super_admin:
        return find(db, given)
    themselves = (caller.user_id, str(caller.user_id), caller.username)
    if isinstance(given, (bool, float)) or given not in themselves:
        raise NotYourself
    return by_id(db, caller.user_id)


def by_id(db: Connection, user_id: int) -> User:
    row = _by_id(db, user_id)
    if row is None:
        raise NotFound(Kind.USER, user_id)
    return user_of(row)


def by_ids(db: Connection, ids: Iterable[int]) -> list[User]:
    """Several accounts: one statement."""
    return [user_of(row) for row in db.execute(_SOME, {"ids": list(ids)})]


def everybody(db: Connection) -> list[User]:
    """All accounts but `default`, by name."""
    return [user_of(row) for row in db.execute(_ALL)]


def _by_id(db: Connection, user_id: int) -> Values | None:
    return _BY_ID.first(db, {"sought": user_id}) if 0 <= user_id <= MAX_ID else None


def create(
    site: Site,
    caller: Caller,
    *,
    username: str,
    email: str,
    password: str = "",
    firstname: str = "",
    lastname: str = "",
    active: bool = True,
    admin: bool = False,
    extern_name: str = LOCAL,
    extern_type: str = LOCAL,
    force_password_change: bool = False,
    api_key: str | None = None,
) -> User:
    """Create an account with its built-in key. The user owns nothing and is in no group."""
    _only_super_admins(caller)
    with site.store.read() as db:
        check_free(db, username=username, email=email)
    check_username(username)
    email = check_email(email)
    names = {"firstname": firstname, "lastname": lastname, "extern_name": extern_name, "extern_type": extern_type}
    for name, text in names.items():
        check_text(text, about=name)
    if not extern_name or not extern_type:
        raise Invalid("An account belongs to an authentication plug-in.", about="extern_type")
    # The password of an external account is kept elsewhere (api-users.md 7).
    password_hash = hash_password(check_password(password)) if password and extern_name == LOCAL else None
    with site.store.write(told_apart=True) as db:
        check_free(db, username=username, email=email)
        user_id = add(
            db,
            site.ring,
            username=username,
            email=email,
            active=active,
            admin=admin,
            password_hash=password_hash,
            force_password_change=force_password_change,
            api_key=api_key,
            **names,
        )
        journal.record(db, caller, UserCreated(subject=username, user_id=user_id, admin=admin, active=active))
        return by_id(db, user_id)


def add(
    db: Connection,
    ring: KeyRing,
    *,
    username: str,
    email: str | None,
    active: bool,
    admin: bool,
    password_hash: str | None,
    force_password_change: bool = False,
    api_key: str | None = None,
    **names: str,
) -> int:
    """Write the rows of an account whose values have been checked, with its built-in key; returns its id."""
    user_id = insert_id(
        db,
        users,
        username=username,
        username_key=account_key_of(username),
        email=email,
        active=active,
        admin=admin,
        password_hash=password_hash,
        inherit_default_permissions=True,
        force_password_change=force_password_change,
        created_on=now(),
        **names,
    )
    called(db, user_id, new=True)
    tokens.add_token(db, ring, user_id, api_key or new_key(), Role.ALL, builtin=True)
    return user_id


def called(db: Connection, user_id: int, *, new: bool = False) -> None:
    """Have an account found by the names and the address that it has now; whoever changes one of them calls this."""
    names = (users.c.username_key, users.c.username, users.c.email, users.c.firstname, users.c.lastname)
    row = db.execute(select(*names).where(users.c.id == user_id)).one()
    key, without = (
        " ".join(account_key_of(one) for one in some if one)
        for some in (row[1:], (row.username, row.firstname, row.lastname))
    )
    db.execute(update(users).where(users.c.id == user_id).values(search_key=key, names_key=without))
    searching.called(db, searching.USERS, [searching.Named(user_id, row.username_key, key)], new=new)


class UserChanges(PartialChanges, frozen=True, kw_only=True):
    """Wanted changes of an account."""

    username: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    password: str | UnsetType = UNSET
    """An empty one leaves it as it is."""
    firstname: str | UnsetType = UNSET
    lastname: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    admin: bool | UnsetType = UNSET
    extern_type: str | UnsetType = UNSET
    extern_name: str | UnsetType = UNSET
    """Empty ones leave them as they are, too."""
    force_password_change: bool | UnsetType = UNSET
    """Whether they have to choose another password next; with a new password and nothing said, not."""
    inherit_default_permissions: bool | UnsetType = UNSET
    """Whether what `default` may do counts for them (system.md 6.1)."""


def update_account(site: Site, caller: Caller, user: User, wanted: UserChanges, seen: Seen = whatever) -> User:
    """Make the wanted changes and leave the rest; raises and changes nothing when any of them is impossible."""
    _only_super_admins(caller)
    if user.id == DEFAULT_USER_ID:
        raise Forbidden
    extern = {name: value for name, value in wanted.given("extern_type", "extern_name").items() if value}
    changes = wanted.given("firstname", "lastname", "active", "admin", "inherit_default_permissions") | extern
    for name, text in changes.items():
        if isinstance(text, str):
            check_text(text, about=name)
    username = wanted.username
    if username is not UNSET and username != user.username:
        changes |= {"username": check_username(username), "username_key": account_key_of(username)}
    if wanted.email is not UNSET:
        changes["email"] = check_email(wanted.email)
    if wanted.password:
        changes["password_hash"] = hash_password(check_password(wanted.password))
        changes["force_password_change"] = False
    changes |= wanted.given("force_password_change")
    with site.store.write(told_apart=True) as db:
        seen(db, caller)
        if "username" in changes:
            check_free(db, username=changes["username"], but=user.id)
        if "email" in changes:
            check_free(db, email=changes["email"], but=user.id)
        if wanted.active is False or wanted.admin is False:
            _check_not_last_admin(db, user.id)
        if extern.get("extern_type", LOCAL) != LOCAL:
            _check_not_last_admin(db, user.id, about="extern_type")
        if changes:
            told = {name: value for name, value in changes.items() if name not in ("password_hash", "username_key")}
            was = values_before(db, users, user.id, told)
            db.execute(update(users).where(users.c.id == user.id).values(**changes))
            rights_change(db, user_id=user.id)
            if not changes.keys().isdisjoint(_SEARCHED):
                called(db, user.id)
            if "password_hash" in changes:
                told["password"] = "changed"
            journal.record(db, caller, UserChanged(subject=user.username, user_id=user.id, changes=told, was=was))
            if "password_hash" in changes or any(changes.get(name, was.get(name)) != was.get(name) for name in _RANK):
                sessions.end_all(db, caller, user.id, user.username)
        return by_id(db, user.id)


def delete_account(site: Site, caller: Caller, user: User) -> None:
    """Delete an account with its rows, memberships and keys; raises `InUse` while it owns something.

    Raises `NotFound` when it is gone already.
    """
    _only_super_admins(caller)
    if user.id == DEFAULT_USER_ID:
        raise Invalid("The user default cannot be deleted.", about="user")
    with site.store.write(told_apart=True) as db:
        owned = [
            name
            for table in (repositories, repo_groups, user_groups)
            for (name,) in db.execute(select(table.c.name).where(table.c.owner_id == user.id).limit(10))
        ]
        if owned:
            raise InUse(owned)
        _check_not_last_admin(db, user.id)
        if not db.execute(delete(users).where(users.c.id == user.id)).rowcount:
            raise NotFound(Kind.USER, user.id)
        journal.record(db, caller, UserDeleted(subject=user.username, user_id=user.id))


def must_change_password(db: Connection, _caller: Caller, user_id: int) -> bool:
    """Whether the user of an account has to choose another password next."""
    return bool(db.execute(select(users.c.force_password_change).where(users.c.id == user_id)).scalar())


def first_super_admin(db: Connection) -> User:
    """The oldest super-admin account."""
    found = db.execute(select(users.c.id).where(users.c.admin).order_by(users.c.id).limit(1)).scalar()
    return by_id(db, found or 0)


def super_admin_exists(db: Connection) -> bool:
    return db.execute(select(users.c.id).where(users.c.admin).limit(1)).first() is not None


def _only_super_admins(caller: Caller) -> None:
    if not caller.super_admin:
        raise Forbidden


def check_free(db: Connection, *, username: str | None = None, email: str | None = None, but: int = 0) -> None:
    """Names and addresses are unique ignoring case; `but` is the account they may belong to."""
    if username is not None and is_clean_text(username):
        holder = db.execute(_KEY_TAKEN, {"sought": account_key_of(username)}).scalar()
        if holder not in (None, but):
            raise AlreadyExists(Kind.USER, username)
    if email is not None and is_clean_text(email):
        holders = {row[0] for row in db.execute(_EMAIL_HOLDERS, {"sought": email.lower()})}
        if holders - {but}:
            raise AlreadyExists(Kind.EMAIL, email)


def holds(db: Connection, user_id: int, email: str) -> bool:
    """Whether an account has an address, as its main one or a further one."""
    return user_id in {row[0] for row in db.execute(_EMAIL_HOLDERS, {"sought": email.lower()})}


def holder_of(db: Connection, email: str) -> str:
    """The name of the account that has an address; empty: none has."""
    holders = [row[0] for row in db.execute(_EMAIL_HOLDERS, {"sought": email.lower()})]
    return by_id(db, holders[0]).username if holders else ""


def check_text(text: str, *, about: str = "name") -> None:
    if len(text) > _MAX_TEXT or not is_clean_text(text):
        raise Invalid("A name is too long, or has a character that cannot be stored.", about=about)


def _check_not_last_admin(db: Connection, user_id: int, *, about: str = "admin") -> None:
    """The site must keep an active super-admin (security.md S-17), and one who can sign in, while it has one.

    Nobody signs in to an account of another plug-in, of which there is none yet (system.md 5.2).
    """
    may = select(users.c.id, users.c.extern_type).where(users.c.admin, users.c.active)
    admins = {row.id: row.extern_type for row in db.execute(may)}
    if user_id not in admins:
        return
    own = admins.pop(user_id)
    if not admins or (own == LOCAL and LOCAL not in admins.values()):
        raise Invalid("The last active super-admin must stay.", about=about)
