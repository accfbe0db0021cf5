# SPDX-License-Identifier: GPL-3.0-or-later
"""An installation is set up, and put in order before it serves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from trivium.access.caller import the_system
from trivium.access.keys import KeyRing, create_secret, load_key_ring
from trivium.assembly import open_site
from trivium.errors import DatabaseAway, StartRefused
from trivium.forge.accounts import users as accounts
from trivium.forge.grants import global_permissions
from trivium.forge.site import Site
from trivium.forge.upkeep.recovery import recover
from trivium.settings import Settings
from trivium.store import schema
from trivium.store.engine import Store
from trivium.store.failures import reason_of, reasons_told
from trivium.store.locks import SCHEMA, lock
from trivium.store.sqlite import close_to_others
from trivium.store.tables import site_values
from trivium.tree.disk import Tree

SECRET_FILE: Final = "secret.key"
_FINGERPRINT: Final = "secret_fingerprint"
_OLD_WORKERS_END: Final = 5.0
_PATIENCE: Final = 120.0
_PAUSE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Administrator:
    """The account that `set_up` makes."""

    username: str
    password: str
    email: str
    api_key: str | None = None


def set_up(settings: Settings, administrator: Administrator, *, public_access: bool | None) -> bool:
    """Make the database and its first super-admin; False when there is one already, and nothing was changed.

    Killed half-way, it can simply be run again.
    """
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(f"the directory {settings.data} cannot be made: {error.strerror}") from error
    create_secret(settings.data / SECRET_FILE)
    ring = load_key_ring(settings.data / SECRET_FILE)
    Tree(settings.root).prepare()
    with usable_database():
        store = Store(settings.url, busy_timeout=settings.db_busy_timeout)
        schema.upgrade(store, settings.data / "backups")
        _check_secret(store, ring, may_claim=True)
        close_to_others(store.url)
        with store.read() as db:
            present = accounts.super_admin_exists(db)
        store.close()
    if present:
        return False
    site = open_site(settings)
    try:
        if public_access is not None:
            global_permissions.set_anonymous_access(site, the_system(), public_access)
        accounts.create(
            site,
            the_system(),
            username=administrator.username,
            email=administrator.email,
            password=administrator.password,
            admin=True,
            api_key=administrator.api_key,
        )
    finally:
        site.close()
    return True


def is_set_up(settings: Settings) -> bool:
    return (settings.data / SECRET_FILE).exists()


@contextmanager
def opened(settings: Settings, *, upgrading: bool = False) -> Iterator[Site]:
    """The installation, for a command that works on it or, when `upgrading`, on its database; raises `StartRefused`."""
    with usable_database():
        site = open_site(settings)
        try:
            _check(site, upgrading=upgrading)
            yield site
        finally:
            site.close()


def put_in_order(settings: Settings) -> None:
    """What every start does first: schema, secret, and what a crash left. Raises `StartRefused`."""
    with opened(settings, upgrading=True) as site:
        schema.upgrade(site.store, settings.data / "backups")
        # Workers of a killed supervisor end by themselves. Only then can we look at what they left.
        deadline = time.monotonic() + _OLD_WORKERS_END
        while recover(site, alone=True).alive and time.monotonic() < deadline:
            time.sleep(_PAUSE)


def put_in_order_again(settings: Settings) -> None:
    """Recover what a dead worker left, while others serve."""
    with opened(settings) as site:
        deadline = time.monotonic() + _PATIENCE
        while recover(site, alone=False).unfinished and time.monotonic() < deadline:
            time.sleep(_PAUSE)


@contextmanager
def usable_database() -> Iterator[None]:
    """Turn errors of the database's own library into the one sentence that an administrator reads."""
    try:
        yield
    except ImportError as error:
        raise StartRefused(f"option sqlalchemy.db1.url: the module {error.name!r} is not installed") from error
    except ArgumentError as error:
        raise StartRefused("option sqlalchemy.db1.url: this is not the address of a database") from error
    except DBAPIError as error:
        raise StartRefused(f"the database cannot be used: {error.orig}") from error


def _check(site: Site, *, upgrading: bool) -> None:
    """Raises `StartRefused` unless the database can be used, is this installation's, and is up to date."""
    try:
        with reasons_told():
            _check_is_ours(site)
            if not upgrading:
                schema.check(site.store)
    except DatabaseAway as error:
        raise StartRefused(f"the database cannot be used: {reason_of(error)}") from error


def _check_is_ours(site: Site) -> None:
    if schema.revision_of(site.store) is None:
        raise StartRefused(f"{site.settings.data} is not set up; run: trivium setup --data {site.settings.data}")
    _check_secret(site.store, site.ring, may_claim=False)


def _check_secret(store: Store, ring: KeyRing, *, may_claim: bool) -> None:
    """The secret must be the one that the keys in the database were sealed with (security.md S-32)."""
    with store.write(access_unchanged=True) if may_claim else store.read() as db:
        if may_claim:
            lock(db, SCHEMA)
        known = _site_value(db, _FINGERPRINT)
        if known is None and may_claim:
            db.execute(insert(site_values).values(key=_FINGERPRINT, value=ring.fingerprint))
        elif known != ring.fingerprint:
            raise StartRefused("the secret does not belong to this database; restore the secret.key that does")


def _site_value(db: Connection, key: str) -> str | None:
    value: str | None = db.execute(select(site_values.c.value).where(site_values.c.key == key)).scalar()
    return value
