# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission to a repository by a version-control protocol (system.md 3.2): one decision before any byte of it.

A client hears the same of a hidden repository and of one that does not exist: without credentials, to sign in; with
them, that there is no such repository (decisions.md W2).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from hmac import compare_digest
from typing import Final

import msgspec

from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator, CredentialsRefused, Proof, Reason
from trivium.access.errands import ERRAND
from trivium.access.levels import Level
from trivium.errors import Busy, Locked, NotFound, StorageFull, TriviumError
from trivium.forge.jobs import reservations
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import settings as repository_settings
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.state import Standing
from trivium.forge.sessions.endings import NO_SUCH_REPOSITORY, Declined, Why, declined
from trivium.forge.sessions.transfers import Admitted
from trivium.forge.site import Site
from trivium.http.asgi import TooLarge
from trivium.names import MAX_DEPTH, is_clean_text
from trivium.vcs.errors import VcsError

BY_ID: Final = re.compile(r"_([0-9]{1,18})")
"""The permanent address of a repository."""

_REFUSALS: Final = {
    Reason.INACTIVE: (403, "This account is not active."),
    Reason.ADDRESS: (403, "This account may not be used from your address."),
    Reason.PASSWORD_CHANGE: (406, "password change required"),
}


_STATUS: Final = {
    Why.ABSENT: 404,
    Why.NOT_UNDERSTOOD: 400,
    Why.IMPOSSIBLE: 422,
    Why.TOO_LARGE: 413,
    Why.TOO_SLOW: 408,
    Why.UNAVAILABLE: 503,
}


class Refused(Exception):
    """The request ends here; `text` is for the user at the other end."""

    def __init__(self, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


class SignInNeeded(Refused):
    """The client should come again with credentials; the status may vary."""

    def again(self) -> SignInNeeded:
        """The same refusal, of another request."""
        return SignInNeeded(self.status, self.text, self.headers)


class LockedOut(Refused):
    """Somebody holds the repository's lock; the status is the administrator's choice."""


TOLD: Final = (Refused, TooLarge, Declined, Locked, StorageFull, Busy, VcsError)
"""Errors that end a request, and that the client is told."""


def refusal(site: Site, error: Exception, kind: str) -> Refused:
    """How a request to a repository of this kind ends over HTTP because of an error (one of `TOLD`)."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, TooLarge):
        return Refused(413, f"The push is larger than the server allows ({error.option}).")
    assert isinstance(error, TriviumError)
    ending = declined(error, site.back_ends[kind].abilities.title)
    if ending.why is Why.LOCKED:
        return LockedOut(site.settings.lock_ret_code, ending.text)  # the administrator's choice
    later = ending.retry_after
    return Refused(_STATUS[ending.why], ending.text, () if later is None else ((b"retry-after", str(later).encode()),))


def admit(
    site: Site,
    authenticator: Authenticator,
    *,
    kind: str,
    name: str,
    writes: bool,
    inside: bool,
    signed: bool,
    authorization: bytes,
    mark: bytes,
    address: str,
    standing: int,
) -> Admitted:
    """Decide about one request; raises `Refused`. `standing`: the stamp of that name (`access.stamps`), read before.

    Readers find a repository also under the name that it had last; a push must use its present one. `inside`: the
    repository is the one that `name`, a path, leads into. `signed`: a writer must sign in, even where visitors may
    write. `mark`: the value of the header `IMPORT_MARK`.
    """
    caller, proof = _caller(site, authenticator, authorization, mark, address)
    look_up = _find_above if inside else _find
    found = look_up(site, caller, name) if caller is not None else None
    renamed = False
    if found is None and caller is not None:
        found = (_find_renamed_above if inside else _find_renamed)(site, caller, name)
        renamed = found is not None
    if found is None and (caller is None or caller.anonymous):
        raise _unauthorized(site, first=True)
    if caller is not None and found is None and _is_on_its_way(site, caller, name):
        raise Refused(503, "The repository is being created.", ((b"retry-after", b"10"),))
    if caller is None or found is None:
        raise Refused(404, NO_SUCH_REPOSITORY)
    if found.kind != kind:
        system = site.back_ends[found.kind].abilities.title
        raise Refused(404, f"The repository `{found.name}` is a {system} repository.")
    if renamed and (writes or inside):
        # A client that asks for something inside would have to be sent on with each of many requests.
        raise Refused(404, f"There is no repository of this name any more; it is called `{found.name}` now.")
    if writes and found.level < Level.WRITE:
        if caller.anonymous:
            raise _unauthorized(site, first=True)
        raise Refused(403, f"You may read the repository `{found.name}` but not push to it.")
    if writes and signed and caller.anonymous:
        raise _unauthorized(site, first=True)
    if writes and found.archived:
        raise Refused(403, f"The repository `{found.name}` is archived: it can be read but not pushed to.")
    found = msgspec.structs.replace(found, description="", last_changeset="")
    rests_on = Standing(standing, found.locked_by_id)
    return Admitted(caller, found, rests_on, proof, publishes=_publishes(site, found), renamed=renamed)


def _publishes(site: Site, repository: Repository) -> bool:
    if repository.kind != "hg":
        return True
    with site.store.read() as db:
        return repository_settings.publishes(db, repository.id)


def _caller(
    site: Site, authenticator: Authenticator, authorization: bytes, mark: bytes, address: str
) -> tuple[Caller | None, Proof]:
    """The account behind the credentials; without any the visitor, or None where visitors may not look."""
    own = bool(mark) and compare_digest(mark, site.ring.import_mark.encode())
    if not authorization:
        return None if own else authenticator.visitor(address), Proof(math.inf)
    credentials = _basic(authorization)
    if credentials is None:
        raise _unauthorized(site, first=False)
    if own and credentials[0] != ERRAND:
        raise Refused(403, "An import from this very server must use the address that it is configured with.")
    try:
        return authenticator.by_password(*credentials, address)
    except CredentialsRefused as error:
        if error.reason is Reason.TOO_MANY:
            raise Refused(
                429,
                f"Too many failed sign-ins; try again in {error.retry_after} seconds.",
                ((b"retry-after", str(error.retry_after).encode()),),
            ) from error
        if error.reason in _REFUSALS:
            raise Refused(*_REFUSALS[error.reason]) from error
        raise _unauthorized(site, first=False) from error


def _basic(authorization: bytes) -> tuple[str, str] | None:
    """Name and password of an HTTP Basic header: UTF-8, or Latin-1 as older clients send them."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    name, separator, password = text.partition(":")
    return (name, password) if separator and "\0" not in text else None


def _unauthorized(site: Site, *, first: bool) -> SignInNeeded:
    """Ask for credentials, or refuse with the status `auth_ret_code` (system.md 3.2, 5b)."""
    settings = site.settings
    if settings.auth_ret_code and not (first and settings.auth_ret_code_detection):
        return SignInNeeded(settings.auth_ret_code, "Sign in with a name and a password or token.")
    challenge = f'Basic realm="{settings.realm}", charset="UTF-8"'.encode()
    return SignInNeeded(401, "Sign in with a name and a password or token.", ((b"www-authenticate", challenge),))


def _find(site: Site, caller: Caller, name: str) -> Repository | None:
    """The repository behind the path of a URL: by name, by permanent address, or with `.git` appended."""
    with site.store.read() as db:
        for given in _names(name):
            permanent = BY_ID.fullmatch(given)
            try:
                found = repositories.find(db, caller, int(permanent[1]) if permanent else given, Level.READ)
            except NotFound:
                continue
            # A bare number is a name in a URL, not the id that it may be in an argument.
            if permanent or found.name == given:
                return found
    return None


def _is_on_its_way(site: Site, caller: Caller, path: str) -> bool:
    """Whether a path leads into what is just being created, as far as the caller may know (system.md 4)."""
    with site.store.read() as db:
        if reservations.pending_above(db, caller, path) is not None:
            return True
        return any(reservations.pending(db, caller, name) is not None for name in _names(path)[1:])


def _find_renamed(site: Site, caller: Caller, name: str) -> Repository | None:
    """The repository that a URL named until the repository was renamed or moved (decisions.md W3)."""
    with site.store.read() as db:
        for given in _names(name):
            if is_clean_text(given) and (found := repositories.by_former_name(db, caller, given)):
                return found
    return None


def _find_renamed_above(site: Site, caller: Caller, path: str) -> Repository | None:
    """The repository that a path led into until the repository was renamed or moved."""
    segments = path.split("/", MAX_DEPTH)[:MAX_DEPTH]
    with site.store.read() as db:
        for depth in range(1, len(segments) + 1):
            name = "/".join(segments[:depth])
            if is_clean_text(name) and (found := repositories.by_former_name(db, caller, name)):
                return found
    return None


def _names(name: str) -> list[str]:
    """The names that a URL may mean: its own, and that without the `.git` that Git's users like to append."""
    return [name, name.removesuffix(".git")] if name.endswith(".git") else [name]


def _find_above(site: Site, caller: Caller, path: str) -> Repository | None:
    """The repository that a path leads into: the shortest leading part that is one (system.md 3.1)."""
    permanent = BY_ID.fullmatch(path.partition("/")[0])
    with site.store.read() as db:
        try:
            if permanent:
                return repositories.find(db, caller, int(permanent[1]), Level.READ)
            return repositories.find_above(db, caller, path, Level.READ)
        except NotFound:
            return None
