# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists: small texts that keep their revisions (api-users.md 9, system.md 6.4).

Each is a store of its own under `<root>/.gists/<access id>`, put there by the same recorded rename as a repository.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, delete, select, update

from trivium.access.caller import Caller
from trivium.errors import Forbidden, Invalid, Kind, NotFound, TriviumError
from trivium.forge.accounts.users import User
from trivium.forge.bounds import check_description
from trivium.forge.events import journal
from trivium.forge.events.event import in_names, values_before
from trivium.forge.events.gists import GistChanged, GistCreated, GistDeleted
from trivium.forge.naming.placement import staging
from trivium.forge.partial_changes import PartialChanges
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.engine import insert_id
from trivium.store.intents import Move, carry_out
from trivium.store.tables import DEFAULT_USER_ID, gists, now
from trivium.tree.disk import remove_tree, sync_tree
from trivium.vcs.git.filestore import FileRevision, read_files, read_revisions, write_files

FOREVER: Final = -1
UNNAMED: Final = "gistfile1.txt"
"""What a file without a name is called (system.md 6.4)."""
KINDS: Final = ("public", "private")
ACL_LEVELS: Final = ("acl_public", "acl_private")
_LONGEST: Final = 60 * 24 * 366 * 1000
"""Minutes that a gist may live, unless it lives for ever."""
_ID_BYTES: Final = 15
"""Bytes of a private gist's access id, shown as 20 characters; nobody guesses 120 bits (security.md S-25)."""


class EditedMeanwhile(TriviumError):
    """Somebody has given the gist other files since they were looked at."""


@dataclass(frozen=True, slots=True)
class Gist:
    """A gist without its files."""

    id: int
    access_id: str
    owner_id: int
    kind: str
    acl_level: str
    """`acl_public`, or `acl_private`: only whoever has an account opens it (system.md 6.4)."""
    description: str
    expires: int
    created_on: str
    modified_on: str

    @property
    def expired(self) -> bool:
        return 0 <= self.expires <= time.time()


COLUMNS: Final = (
    gists.c.id,
    gists.c.access_id,
    gists.c.owner_id,
    gists.c.kind,
    gists.c.acl_level,
    gists.c.description,
    gists.c.expires,
    gists.c.created_on,
    gists.c.modified_on,
)


def create(
    site: Site,
    caller: Caller,
    *,
    files: Mapping[str, str],
    owner: User | None = None,
    kind: str = "public",
    acl_level: str = "acl_public",
    lifetime: int = FOREVER,
    description: str = "",
) -> Gist:
    """Create a gist of at least one file, by default the caller's; `lifetime` is in minutes. Raises `Invalid`.

    A gist with the lifetime 0 is gone before anybody, super-admins included, can look it up (decisions.md A19). It is
    counted and told in the journal, and nothing of it is kept.
    """
    owner_id, owner_name = (caller.user_id, caller.username) if owner is None else (owner.id, owner.username)
    if owner_id != caller.user_id and not caller.super_admin:
        raise Invalid("a gist in somebody else's name")
    if owner_id == DEFAULT_USER_ID and owner is None:
        raise Forbidden
    if kind not in KINDS:
        raise Invalid(f"a gist is {' or '.join(KINDS)}")
    _check_acl(acl_level)
    expires = _expiry(lifetime)
    check_description(description)
    contents = _contents(site, files)
    site.tree.check_space()
    access_id = secrets.token_urlsafe(_ID_BYTES)
    while not access_id[0].isalnum() or access_id.isdigit():
        access_id = secrets.token_urlsafe(_ID_BYTES)
    # The directory has a name of its own: the access id of a public gist is only known with the row.
    directory = secrets.token_hex(16)

    moment = now()

    def insert(db: Connection) -> Gist:
        gist_id = insert_id(
            db,
            gists,
            access_id=access_id,
            directory=directory,
            owner_id=owner_id,
            kind=kind,
            acl_level=acl_level,
            description=description,
            expires=expires,
            created_on=moment,
            modified_on=moment,
        )
        if kind == "public":
            db.execute(update(gists).where(gists.c.id == gist_id).values(access_id=str(gist_id)))
        journal.record(db, caller, GistCreated(subject=str(gist_id), kind=kind, owner=owner_name))
        made = _one(db, gists.c.id == gist_id)
        if lifetime == 0:
            db.execute(delete(gists).where(gists.c.id == gist_id))
        return made

    if lifetime == 0:
        with site.store.write(told_apart=True) as db:
            return insert(db)

    with staging(site) as aside:
        write_files(aside / directory, contents, author=owner_name, message="created")
        sync_tree(aside / directory)
        move = Move(aside / directory, site.tree.gists / directory)
        return carry_out(site.store, site.tree, worker=site.worker.id, moves=[move], change=insert, told_apart=True)


def _check_acl(level: str) -> None:
    if level not in ACL_LEVELS:
        raise Invalid(f"the access level of a gist is {' or '.join(ACL_LEVELS)}")


def _expiry(lifetime: int) -> int:
    """The second from which a gist with this lifetime, in minutes from now, is expired."""
    if lifetime < FOREVER or lifetime > _LONGEST:
        raise Invalid("A lifetime is a number of minutes, or -1 for ever.", about="lifetime")
    return FOREVER if lifetime == FOREVER else int(time.time()) + 60 * lifetime


def _contents(site: Site, files: Mapping[str, str]) -> dict[str, bytes]:
    """The files as they are stored; raises `Invalid` when they are too many or too large."""
    settings = site.settings
    if not files or len(files) > settings.max_gist_files:
        raise Invalid(
            "A gist has at least one file, and at most %(most)s (max_gist_files).",
            about="files",
            most=settings.max_gist_files,
        )
    contents = {_check_name(name): content.encode() for name, content in files.items()}
    if sum(len(content) for content in contents.values()) > settings.max_gist_bytes:
        raise Invalid(
            "The files of a gist have at most %(most)s bytes together (max_gist_bytes).",
            about="files",
            most=settings.max_gist_bytes,
        )
    return contents


class GistChanges(PartialChanges, frozen=True, kw_only=True):
    """Wanted changes of a gist."""

    files: Mapping[str, str] | UnsetType = UNSET
    """All files of its new revision."""
    owner: User | UnsetType = UNSET
    lifetime: int | UnsetType = UNSET
    """Minutes from now, or -1 for ever; 0 leaves it as it is (system.md 6.4)."""
    description: str | UnsetType = UNSET
    acl_level: str | UnsetType = UNSET
    instead_of: str | UnsetType = UNSET
    """The full id of the revision that the new files replace; if it is not the newest any more, nothing happens."""


def update_gist(site: Site, caller: Caller, gist: Gist, wanted: GistChanges) -> Gist:
    """Make the wanted changes of a gist and leave the rest. Raises `Invalid` and `EditedMeanwhile`.

    The revision is made before the row is changed. If the server ends between the two, the files are new and the rest
    is old.
    """
    owner, files = wanted.owner, wanted.files
    if owner is not UNSET and owner.id != gist.owner_id and not caller.super_admin:
        raise Invalid("only super-admins give a gist to somebody else")
    if owner is not UNSET and owner.id == DEFAULT_USER_ID:
        raise Invalid("the user default owns nothing")
    changes: dict[str, Any] = {"modified_on": now()}
    if wanted.description is not UNSET:
        changes["description"] = check_description(wanted.description)
    if wanted.lifetime:
        changes["expires"] = _expiry(wanted.lifetime)
    if owner is not UNSET:
        changes["owner_id"] = owner.id
    if wanted.acl_level is not UNSET:
        _check_acl(wanted.acl_level)
        changes["acl_level"] = wanted.acl_level
    if files is not UNSET:
        contents = _contents(site, files)
        site.tree.check_space()
        place = _place(site, gist)
        after = None if wanted.instead_of is UNSET else wanted.instead_of
        if not write_files(place, contents, author=caller.username, message="updated", after=after):
            raise EditedMeanwhile
        sync_tree(place)
    told = {name: value for name, value in changes.items() if name != "modified_on"}
    with site.store.write(told_apart=True) as db:
        was = in_names(db, values_before(db, gists, gist.id, told))
        if not db.execute(update(gists).where(gists.c.id == gist.id).values(**changes)).rowcount:
            if files is not UNSET:
                remove_tree(place)  # the gist was deleted, and its new revision must not remain
            raise NotFound(Kind.GIST, gist.access_id)
        event = GistChanged(subject=gist.access_id, changes=in_names(db, told), files=files is not UNSET, was=was)
        journal.record(db, caller, event)
        return _one(db, gists.c.id == gist.id)


def _place(site: Site, gist: Gist) -> Path:
    """Where the files of a gist are."""
    with site.store.read() as db:
        directory = db.execute(select(gists.c.directory).where(gists.c.id == gist.id)).scalar()
    if directory is None:
        raise NotFound(Kind.GIST, gist.access_id)
    return site.tree.gists / str(directory)


def _check_name(name: str) -> str:
    """A plain file name: nothing that could be a path or a control directory."""
    usable = name and len(name.encode()) <= 255 and name not in (".", "..") and is_clean_text(name)
    if not usable or "/" in name or "\\" in name or name.lower().startswith((".git", ".hg")) or not name.isprintable():
        raise Invalid(
            "The name of a file has 1 to 255 bytes, no directory and no control characters, and does not begin with"
            " .git or .hg.",
            about="files",
        )
    return name


def _one(db: Connection, where: Any) -> Gist:
    row = db.execute(select(*COLUMNS).where(where)).first()
    if row is None:
        raise NotFound(Kind.GIST, None)
    return Gist(*row)


def find(db: Connection, caller: Caller, given: object) -> Gist:
    """The gist with this access id: for its owner and super-admins; expired ones for super-admins only.

    Nobody finds a gist with the lifetime 0 (`create`).
    """
    wanted = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    try:
        if not isinstance(wanted, str) or not is_clean_text(wanted) or len(wanted) > 40:
            raise NotFound(Kind.GIST, given)
        found = _one(db, gists.c.access_id == wanted)
    except NotFound as error:
        raise NotFound(Kind.GIST, given) from error
    if not caller.super_admin and (found.owner_id != caller.user_id or found.expired):
        raise NotFound(Kind.GIST, given)
    return found


def of_user(db: Connection, user: User) -> list[Gist]:
    """A user's gists that have not expired, newest first."""
    rows = db.execute(select(*COLUMNS).where(gists.c.owner_id == user.id).order_by(gists.c.id.desc()))
    return [gist for gist in (Gist(*row) for row in rows) if not gist.expired]


def content(site: Site, gist: Gist, revision: str = "") -> dict[str, str]:
    """The files of a gist, by name; raises `UnknownRevision` for one that it does not have."""
    return read_files(_place(site, gist), revision)


def revisions(site: Site, gist: Gist, most: int) -> list[FileRevision]:
    """The newest revisions of a gist, the newest first."""
    return read_revisions(_place(site, gist), most)


def delete_gist(site: Site, caller: Caller, gist: Gist) -> None:
    """Delete a gist with its revisions."""
    place = _place(site, gist)

    def remove(db: Connection) -> None:
        if not db.execute(delete(gists).where(gists.c.id == gist.id)).rowcount:
            raise NotFound(Kind.GIST, gist.access_id)
        journal.record(db, caller, GistDeleted(subject=gist.access_id))

    with staging(site) as aside:
        move = Move(place, aside / place.name)
        carry_out(site.store, site.tree, worker=site.worker.id, moves=[move], change=remove, told_apart=True)


def remove_expired(site: Site, caller: Caller, seconds: int, check: Callable[[], None]) -> int:
    """Delete the gists that expired more than so many seconds ago; returns how many. `check` may end it in between."""
    with site.store.read() as db:
        long_ago = (gists.c.expires >= 0, gists.c.expires <= int(time.time()) - seconds)
        found = [Gist(*row) for row in db.execute(select(*COLUMNS).where(*long_ago).order_by(gists.c.id))]
    for gist in found:
        check()
        with contextlib.suppress(NotFound):  # its owner was quicker
            delete_gist(site, caller, gist)
    return len(found)
