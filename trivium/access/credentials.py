# SPDX-License-Identifier: GPL-3.0-or-later
"""From credentials to a `Caller`: API keys, and names with passwords (api-users.md 3, system.md 3.2)."""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from cachetools import TTLCache
from sqlalchemy import Connection, bindparam, or_, select, update

from trivium.access.caller import Caller, anonymous
from trivium.access.errands import ERRAND, read_errand
from trivium.access.keys import KeyRing, Role, process_secret, quick_digest
from trivium.access.logins.local import verify_password
from trivium.access.stamps import STAMP_COLUMNS, Stamp
from trivium.access.throttle import Throttle
from trivium.errors import TriviumError
from trivium.http.addresses import is_allowed
from trivium.names import account_key_of, is_clean_text
from trivium.store.engine import Store
from trivium.store.functions import comma_list
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, tokens, user_addresses, users

LOCAL: Final = "rhodecode"
"""The `extern_type` of accounts whose passwords we keep ourselves (decisions.md W4)."""

_KEY = re.compile(r"[0-9a-f]{40}")
_REMEMBER_SECONDS: Final = 120
_TOLD_SECONDS: Final = 60
"""Seconds in which the same refusal of right credentials is journalled only once: a clone makes many requests."""


class Reason(StrEnum):
    """Why credentials were refused."""

    UNKNOWN = "unknown"
    """No such key or account, a wrong password, or an expired key. The caller does not learn which."""
    INACTIVE = "inactive"
    ADDRESS = "address"
    ROLE = "role"
    PASSWORD_CHANGE = "password change"
    TOO_MANY = "too many"


_WRONG: Final = "wrong password"
"""The reason of a failed sign-in that only the journal states."""


class CredentialsRefused(TriviumError):
    """These credentials do not let anybody in here and now."""

    def __init__(self, reason: Reason, *, retry_after: int = 0) -> None:
        super().__init__(f"credentials refused: {reason}")
        self.reason = reason
        self.retry_after = retry_after
        """Seconds until another try makes sense, with `TOO_MANY`."""


class Proof(NamedTuple):
    """What let somebody in. Code that remembers it sees how long it holds, and notes each further use."""

    until: float = 0.0
    """Until when it holds, in seconds since the epoch, as long as nobody's rights change; 0: this request only."""
    token_id: int | None = None
    """The key, if it was one."""


class SignIn(NamedTuple):
    """What a right password on a page shows."""

    caller: Caller
    must_change_password: bool
    password_hash: str
    """As it is stored: who begins a session sees by it that nobody has changed the password since."""


class _KeyRow(NamedTuple):
    """A row of `_BY_KEY`."""

    id: int
    username: str
    active: bool
    admin: bool
    inherits: bool
    ranges: str | None
    token_id: int
    role: str
    builtin: bool
    expires: int
    force_password_change: bool
    stamp: int
    stamp_of_everybody: int
    stamp_of_standing: int


class _AccountRow(NamedTuple):
    """A row of `_BY_NAME`."""

    id: int
    username: str
    active: bool
    admin: bool
    inherits: bool
    ranges: str | None
    password_hash: str | None
    extern_type: str
    force_password_change: bool


_ranges = (
    select(comma_list(user_addresses.c.network))
    .where(
        or_(
            user_addresses.c.user_id == users.c.id,
            (user_addresses.c.user_id == DEFAULT_USER_ID) & users.c.inherit_default_permissions,
        )
    )
    .correlate(users)
    .scalar_subquery()
)
ACCOUNT_COLUMNS: Final = (
    # What `admitted` looks at, in its order.
    users.c.id,
    users.c.username,
    users.c.active,
    users.c.admin,
    users.c.inherit_default_permissions,
    _ranges.label("ranges"),
)
_BY_KEY = Query(
    select(
        *ACCOUNT_COLUMNS,
        tokens.c.id.label("token_id"),
        tokens.c.role,
        tokens.c.builtin,
        tokens.c.expires,
        users.c.force_password_change,
        *STAMP_COLUMNS,
    )
    .join(users, users.c.id == tokens.c.user_id)
    .where(tokens.c.digest == bindparam("sought"), users.c.id != DEFAULT_USER_ID)
)
_BY_NAME = Query(
    select(*ACCOUNT_COLUMNS, users.c.password_hash, users.c.extern_type, users.c.force_password_change).where(
        users.c.username_key == bindparam("sought"), users.c.id != DEFAULT_USER_ID
    )
)
_BY_ID = Query(
    select(*ACCOUNT_COLUMNS, users.c.password_hash, users.c.extern_type, users.c.force_password_change).where(
        users.c.id == bindparam("sought"), users.c.id != DEFAULT_USER_ID
    )
)
_VISITOR = Query(select(users.c.active, _ranges.label("ranges")).where(users.c.id == DEFAULT_USER_ID))
_RENEW = (
    update(users)
    # Somebody may have changed the password while the old one was being hashed.
    .where(users.c.id == bindparam("account_id"), users.c.password_hash == bindparam("checked"))
    .values(password_hash=bindparam("renewed"))
)


@dataclass(frozen=True, slots=True)
class FailedSignIn:
    """Somebody was not let in."""

    user_id: int | None
    """Whose account it was; None: nobody's."""
    username: str
    address: str
    reason: str


Journal = Callable[[Connection, FailedSignIn], None]
"""Writes a failed sign-in into the journal, in the transaction that it is given."""


class Authenticator:
    """Checks credentials for one worker, which remembers right passwords for a short while.

    git, hg and svn send the password with every request; a slow hash for each would be the larger part of the
    work. The worker remembers a keyed digest together with the stored hash. So a changed password, a
    deactivated account or a new address rule counts at once.
    """

    def __init__(self, store: Store, ring: KeyRing, throttle: Throttle, journal: Journal) -> None:
        """`journal` writes down who was not let in."""
        self._store = store
        self._journal = journal
        self._ring = ring
        self._throttle = throttle
        self._secret = process_secret()
        self._remembered: TTLCache[bytes, tuple[str, float]] = TTLCache(maxsize=4096, ttl=_REMEMBER_SECONDS)
        """Digests of right passwords → the stored hash, and until when the password is known to be right."""
        self._told: TTLCache[tuple[int, str, str], bool] = TTLCache(maxsize=4096, ttl=_TOLD_SECONDS)
        self._lock = threading.Lock()
        self.used_tokens: dict[int, str] = {}
        """Key → from where it was used last, until that is written."""
        self.signed_in: set[int] = set()

    def by_key(self, key: str, address: str, role: Role) -> tuple[Caller, Stamp]:
        """The owner of a key that may be used for `role`, and the state of all rights at this moment.

        Raises `CredentialsRefused`; the order of the checks is that of api-users.md 1.1.
        """
        caller, row = self._owner(key, address, (role,))
        return caller, Stamp(row.stamp, row.stamp_of_everybody, row.stamp_of_standing)

    def by_web_key(self, key: str, address: str, roles: Sequence[Role]) -> tuple[Caller, bool]:
        """The owner of a key that may be used for one of `roles`, and whether they must change their password first.

        Raises `CredentialsRefused`.
        """
        caller, row = self._owner(key, address, roles)
        return caller, row.force_password_change

    def _owner(self, key: str, address: str, roles: Sequence[Role]) -> tuple[Caller, _KeyRow]:
        """The owner of a key that may be used for one of `roles`, and what is stored of both."""
        with self._store.read() as db:
            found = _BY_KEY.first(db, {"sought": self._ring.digest(key)})
        row = _KeyRow(*found) if found else None
        if row is None:
            raise CredentialsRefused(Reason.UNKNOWN)
        if 0 <= row.expires <= time.time():
            self._tell_once(row, address, "expired key")
            raise CredentialsRefused(Reason.UNKNOWN)
        with self._telling(row, address):
            caller = admitted(row, address)
            if not row.builtin and row.role != Role.ALL and row.role not in roles:
                raise CredentialsRefused(Reason.ROLE)
        self.used_tokens[row.token_id] = address
        return caller, row

    def visitor(self, address: str) -> Caller | None:
        """A caller without credentials; None when visitors may not look, or not from there (decisions.md W10)."""
        with self._store.read() as db:
            found = _VISITOR.first(db, {})
        if found is None:
            return None
        active, ranges = found
        return anonymous(address) if active and _lets_in(ranges, address) else None

    def on_errand(self, errand: str) -> Caller:
        """The user for whom this server fetches from itself, at the address from which they asked (decisions.md W10).

        Raises `CredentialsRefused`.
        """
        sent = read_errand(self._ring, errand)
        if sent is None:
            raise CredentialsRefused(Reason.UNKNOWN)
        with self._store.read() as db:
            found = _BY_ID.first(db, {"sought": sent.user_id})
        if found is None:
            raise CredentialsRefused(Reason.UNKNOWN)
        return admitted(_AccountRow(*found), sent.address)

    def by_password(self, username: str, password: str, address: str) -> tuple[Caller, Proof]:
        """The account behind HTTP Basic credentials of a version-control client (system.md 3.2), and what proves it.

        The password may be a key of role vcs or all, or the built-in one (decisions.md W6). Raises
        `CredentialsRefused`, and `WouldWait` when a password has to be hashed in a `Store.glance`.
        """
        if username == ERRAND:
            return self.on_errand(password), Proof()
        with self._store.read() as db:
            found = _BY_NAME.first(db, {"sought": account_key_of(username)})
        row = _AccountRow(*found) if found else None
        if row is not None and _KEY.fullmatch(password) and (proof := self._own_key(row.id, password, address)):
            with self._telling(row, address):
                return admitted(row, address), proof
        if row is not None and (until := self._remembered_until(row, password)):
            with self._telling(row, address):
                return _admitted_by_password(row, address), Proof(until)
        row, stored = self._checked(row, username, password, address)
        with self._telling(row, address):
            caller = _admitted_by_password(row, address)
        until = time.time() + _REMEMBER_SECONDS
        with self._lock:
            self._remembered[self._mark(row.id, password)] = (stored, until)
        self.signed_in.add(row.id)
        return caller, Proof(until)

    def by_sign_in(self, username: str, password: str, address: str) -> SignIn:
        """The account that somebody signs in to on a page.

        Keys are no passwords here. Wrong ones count together with those of version-control clients. Raises
        `CredentialsRefused`, and `WouldWait` in a `Store.glance`.
        """
        known = is_clean_text(username)
        with self._store.read() as db:
            found = _BY_NAME.first(db, {"sought": account_key_of(username)}) if known else None
        row = _AccountRow(*found) if found else None
        row, stored = self._checked(row, username if known else "", password, address)
        with self._telling(row, address):
            caller = admitted(row, address)
        self.signed_in.add(row.id)
        return SignIn(caller, row.force_password_change, stored)

    def _checked(self, row: _AccountRow | None, username: str, password: str, address: str) -> tuple[_AccountRow, str]:
        """The account if the password is its own, and the hash as it is stored from now on; counts the failures."""
        self._store.take_time()
        wait = self._throttle.seconds_to_wait(self._store, username, address)
        if wait:
            if row is not None:
                self._tell_once(row, address, Reason.TOO_MANY)
            raise CredentialsRefused(Reason.TOO_MANY, retry_after=wait)
        stored = row.password_hash if row is not None and row.extern_type == LOCAL else None
        right, renewed = verify_password(password, stored)
        if row is None or not right:
            self._throttle.failed(self._store, username, address)
            self._journal_failure(row, address, _WRONG)
            raise CredentialsRefused(Reason.UNKNOWN)
        self._throttle.succeeded(self._store, username, address)
        if renewed:
            with self._store.write(access_unchanged=True) as db:
                db.execute(_RENEW, {"account_id": row.id, "checked": stored, "renewed": renewed})
        return row, renewed or stored or ""

    def used(self, proof: Proof, address: str) -> None:
        """Note that a remembered proof let somebody in again, from where it did before."""
        if proof.token_id is not None:
            self.used_tokens[proof.token_id] = address

    @contextlib.contextmanager
    def _telling(self, row: _KeyRow | _AccountRow, address: str) -> Iterator[None]:
        """Write to the journal why right credentials were refused."""
        try:
            yield
        except CredentialsRefused as error:
            self._tell_once(row, address, error.reason)
            raise

    def _tell_once(self, row: _KeyRow | _AccountRow, address: str, reason: str) -> None:
        """Write a refusal to the journal, unless that was just done. Raises `WouldWait` in a `Store.glance`."""
        about = (row.id, address, str(reason))
        with self._lock:
            if about in self._told:
                return
        # The refusal stands even if the journal cannot note it.
        with contextlib.suppress(TriviumError):
            self._journal_failure(row, address, reason)
        with self._lock:
            self._told[about] = True

    def _journal_failure(self, row: _KeyRow | _AccountRow | None, address: str, reason: str) -> None:
        """Write a failed sign-in to the journal.

        A name that nobody has is left out: it may be a mistyped password.
        """
        failed = FailedSignIn(row.id, row.username, address, reason) if row else FailedSignIn(None, "", address, reason)
        with self._store.write(access_unchanged=True) as db:
            self._journal(db, failed)

    def _own_key(self, user_id: int, key: str, address: str) -> Proof | None:
        """The proof for a key that is this user's and meant for version-control clients; None for any other key."""
        with self._store.read() as db:
            found = _BY_KEY.first(db, {"sought": self._ring.digest(key)})
        row = _KeyRow(*found) if found else None
        if row is None or row.id != user_id or 0 <= row.expires <= time.time():
            return None
        if not row.builtin and row.role not in (Role.ALL, Role.VCS):
            return None
        self.used_tokens[row.token_id] = address
        return Proof(math.inf if row.expires < 0 else row.expires, row.token_id)

    def _mark(self, user_id: int, password: str) -> bytes:
        return quick_digest(self._secret, f"{user_id}\n{password}")

    def _remembered_until(self, row: _AccountRow, password: str) -> float:
        """Until when a password is known to be right; 0 when it has to be hashed."""
        with self._lock:
            stored, until = self._remembered.get(self._mark(row.id, password), (None, 0.0))
        return until if stored is not None and stored == row.password_hash and row.extern_type == LOCAL else 0.0


def _lets_in(ranges: str | None, address: str) -> bool:
    return not ranges or is_allowed(address, ranges.split(","))


class Admittable(Protocol):
    """A row that begins with `ACCOUNT_COLUMNS`."""

    @property
    def id(self) -> int: ...
    @property
    def username(self) -> str: ...
    @property
    def active(self) -> bool: ...
    @property
    def admin(self) -> bool: ...
    @property
    def inherits(self) -> bool: ...
    @property
    def ranges(self) -> str | None: ...


def admitted(row: Admittable, address: str) -> Caller:
    """The caller that an account is; raises `CredentialsRefused` where it may not be used, or not from there."""
    if not row.active:
        raise CredentialsRefused(Reason.INACTIVE)
    if not _lets_in(row.ranges, address):
        raise CredentialsRefused(Reason.ADDRESS)
    return Caller(row.id, row.username, row.admin, row.inherits, address)


def _admitted_by_password(row: _AccountRow, address: str) -> Caller:
    caller = admitted(row, address)
    if row.force_password_change:
        raise CredentialsRefused(Reason.PASSWORD_CHANGE)
    return caller
