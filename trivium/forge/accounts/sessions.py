# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of the pages: begun by a password, ended by sign-out, time, or a change of the account (system.md 2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from trivium.access import sessions as access
from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator, CredentialsRefused, Reason
from trivium.access.logins.local import hash_password
from trivium.access.sessions import REMEMBERED, Session, by_cookie, digest_of, is_cookie, new_cookie
from trivium.access.stamps import rights_change
from trivium.errors import Invalid
from trivium.forge.accounts.passwords import check_chosen
from trivium.forge.events import journal
from trivium.forge.events.accounts import PasswordChanged, SessionsEnded, SignedIn, SignedOut
from trivium.forge.events.site import SessionsForgotten
from trivium.forge.site import Site
from trivium.store.engine import insert_id
from trivium.store.tables import now, users
from trivium.store.tables import sessions as table

_LONGEST_AGENT: Final = 200
_LONGEST_ADDRESS: Final = 45
_MOST: Final = 100
"""Sessions of one account; the one that was used longest ago ends with the next sign-in."""
_LONGEST_FLASH: Final = 4096
_MOST_DAYS: Final = 36_500
_DAY: Final = 86_400


_ACCOUNT: Final = (
    select(users.c.active, users.c.password_hash).where(users.c.id == bindparam("sought")).with_for_update()
)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun."""

    cookie: str
    """What the browser keeps; it is known to nobody else."""
    seconds: int
    """For how long the browser may keep it."""
    id: int
    user_id: int
    must_change_password: bool


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as its user sees it."""

    id: int
    created_on: str
    last_seen: str
    address: str
    """From where somebody signed in."""
    agent: str
    remember: bool


def sign_in(
    site: Site,
    authenticator: Authenticator,
    *,
    username: str,
    password: str,
    address: str,
    agent: str = "",
    remember: bool = False,
    instead_of: str = "",
) -> NewSession:
    """Begin a session; `instead_of` is the cookie of one that it replaces, if there is one.

    Raises `CredentialsRefused`: unknown names and wrong passwords are not told apart, and `retry_after` says how long
    whoever guessed too often has to wait, at all doors together.
    """
    caller, must_change, password_hash = authenticator.by_sign_in(username, password, address)
    with site.store.write(access_unchanged=True) as db:
        account = db.execute(_ACCOUNT, {"sought": caller.user_id}).first()
        if account is None or not account.active or account.password_hash != password_hash:
            # What was right a moment ago; a session that began now would outlive the change.
            raise CredentialsRefused(Reason.UNKNOWN)
        _forget_ended(db, site, caller.user_id)
        if is_cookie(instead_of):
            db.execute(delete(table).where(table.c.digest == digest_of(site.ring, instead_of)))
        made = _begin(db, site, caller, agent, remember=remember, must_change=must_change)
        journal.record(db, caller, SignedIn(subject=caller.username, session_id=made.id, remember=remember))
    return made


def session_of(site: Site, cookie: str, address: str) -> Session | None:
    """The session that a cookie belongs to, with its user and preferences: one statement (`access.sessions`)."""
    return by_cookie(site.store, site.ring, site.settings, cookie, address)


def sign_out(site: Site, session: Session) -> None:
    """End a session."""
    end_session(site, session.caller, session.caller.user_id, session.caller.username, session.id)


def sessions_of(db: Connection, site: Site, user_id: int) -> list[ListedSession]:
    """The sessions of an account that have not ended, the one that was used last first."""
    columns = (table.c.id, table.c.created_on, table.c.last_seen, table.c.address, table.c.agent, table.c.remember)
    rows = db.execute(select(*columns).where(table.c.user_id == user_id).order_by(table.c.last_seen.desc(), table.c.id))
    limits = access.limits(site.settings)
    return [
        ListedSession(*row)
        for row in rows
        if not limits.over(remember=row.remember, created_on=row.created_on, last_seen=row.last_seen)
    ]


def own_sessions(db: Connection, caller: Caller, site: Site) -> list[ListedSession]:
    """The caller's own."""
    return sessions_of(db, site, caller.user_id)


def end_session(site: Site, caller: Caller, user_id: int, username: str, session_id: int) -> bool:
    """End one session of an account; False where it has ended already, or is somebody else's."""
    with site.store.write(access_unchanged=True) as db:
        ended = bool(db.execute(delete(table).where(table.c.id == session_id, table.c.user_id == user_id)).rowcount)
        if ended:
            journal.record(db, caller, SignedOut(subject=username, session_id=session_id))
    return ended


def end_sessions(site: Site, caller: Caller, user_id: int, username: str, *, but: int = 0) -> int:
    """End all sessions of an account but one, perhaps; returns how many there were."""
    with site.store.write(access_unchanged=True) as db:
        return end_all(db, caller, user_id, username, but=but)


def end_all(db: Connection, caller: Caller, user_id: int, username: str, *, but: int = 0) -> int:
    """The same in a transaction that changes the account (security.md S-21)."""
    count = db.execute(delete(table).where(table.c.user_id == user_id, table.c.id != but)).rowcount
    if count:
        journal.record(db, caller, SessionsEnded(subject=username, count=count))
    return count


def forget_unused(site: Site, caller: Caller, days: int) -> int:
    """End the sessions of all accounts that nobody has used for so many days; returns how many there were."""
    days = min(days, _MOST_DAYS)
    with site.store.write(access_unchanged=True) as db:
        count = db.execute(delete(table).where(table.c.last_seen < now(ago=days * _DAY))).rowcount
        if count:
            journal.record(db, caller, SessionsForgotten(subject="sessions", days=days, count=count))
    return count


def set_flash(site: Site, session: Session, flash: str) -> None:
    """Keep what the next page is to say once, instead of what was kept before."""
    if len(flash) > _LONGEST_FLASH:
        raise Invalid("what a page says once is short")
    with site.store.write(access_unchanged=True) as db:
        db.execute(update(table).where(table.c.id == session.id).values(flash=flash))


def take_flash(site: Site, session: Session) -> str | None:
    """What this page is to say once: nobody gets it again. Raises `WouldWait` in a `Store.glance` if there is any."""
    if session.flash is None:
        return None
    with site.store.write(access_unchanged=True) as db:
        seen = (table.c.id == session.id, table.c.flash == session.flash)
        taken = db.execute(update(table).where(*seen).values(flash=None)).rowcount
    return session.flash if taken else None


def change_own_password(
    site: Site, authenticator: Authenticator, session: Session, current: str, new: str, *, agent: str = ""
) -> NewSession:
    """Give the user of a session another password; all their sessions end, and a new one begins in place of this one.

    Raises `CredentialsRefused` when the current one is wrong, which counts as a failed sign-in, and `Invalid` about
    `password` for a new one that is too short, too long, the same, or what the account is called.
    """
    caller = session.caller
    checked = authenticator.by_sign_in(caller.username, current, caller.address).password_hash
    if new == current:
        raise Invalid("This is the password that you have already.", about="password")
    with site.store.read() as db:
        email = db.execute(select(users.c.email).where(users.c.id == caller.user_id)).scalar()
    password_hash = hash_password(check_chosen(new, caller.username, email))
    with site.store.write(told_apart=True) as db:
        values = {"password_hash": password_hash, "force_password_change": False}
        session_of_now = select(table.c.id).where(table.c.id == session.id).exists()
        as_checked = (users.c.id == caller.user_id, users.c.active, users.c.password_hash == checked, session_of_now)
        if not db.execute(update(users).where(*as_checked).values(**values)).rowcount:
            # An administrator was quicker: what was right a moment ago must not undo that.
            raise CredentialsRefused(Reason.UNKNOWN)
        rights_change(db, user_id=caller.user_id)
        journal.record(db, caller, PasswordChanged(subject=caller.username, user_id=caller.user_id))
        end_all(db, caller, caller.user_id, caller.username)
        return _begin(db, site, caller, agent, remember=session.remember, must_change=False)


def _begin(db: Connection, site: Site, caller: Caller, agent: str, *, remember: bool, must_change: bool) -> NewSession:
    cookie, moment = new_cookie(), now()
    session_id = insert_id(
        db,
        table,
        digest=digest_of(site.ring, cookie),
        user_id=caller.user_id,
        created_on=moment,
        last_seen=moment,
        address=caller.address[:_LONGEST_ADDRESS],
        agent="".join(one if one.isprintable() else " " for one in agent[:_LONGEST_AGENT]),
        remember=remember,
    )
    seconds = REMEMBERED if remember else site.settings.session_lifetime
    return NewSession(cookie, seconds, session_id, caller.user_id, must_change)


def _forget_ended(db: Connection, site: Site, user_id: int) -> None:
    """Delete sessions that are over, of everybody, and the oldest of somebody who has very many."""
    over = access.limits(site.settings)
    unused = over.used or over.begun
    # By when they were used last, which is indexed: whatever has ended is soon among these.
    db.execute(
        delete(table).where(table.c.last_seen < unused, or_(~table.c.remember, table.c.created_on < over.remembered))
    )
    newest = select(table.c.id).where(table.c.user_id == user_id).order_by(table.c.last_seen.desc(), table.c.id.desc())
    db.execute(delete(table).where(table.c.user_id == user_id, table.c.id.not_in(newest.limit(_MOST - 1))))
