# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports, pulls and forks that fail: the journal and the answer say so, and why.

The reason in the journal is one that its user may read: never the words of another server, never a secret.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from trivium.access.caller import Caller
from trivium.egress.policy import RemoteUrl
from trivium.errors import (
    NO_ROOM,
    AlreadyExists,
    Busy,
    Cancelled,
    Forbidden,
    Locked,
    NotFound,
    TriviumError,
    is_of_a_full_disk,
)
from trivium.forge.events import journal
from trivium.forge.events.repositories import TransferFailed as Failed
from trivium.forge.jobs.reasons import Because, Reason, because
from trivium.forge.site import Site
from trivium.vcs.errors import NotPossible, VcsError
from trivium.vcs.remote_trouble import TransferFailed, trouble_of

_LONGEST: Final = 300
_SHORTEST_SECRET: Final = 4


@contextlib.contextmanager
def failures_told(
    site: Site,
    caller: Caller,
    kind: type[Failed],
    subject: str,
    *,
    repository_id: int | None = None,
    remote: RemoteUrl | None = None,
) -> Iterator[None]:
    """Journal a failure inside as an event of this kind, and raise it.

    For a transfer from `remote`, raise `TransferFailed`. A transfer that only has to wait its turn, or that somebody
    ended, has not failed.
    """
    try:
        yield
    except (Busy, Locked, Cancelled):
        raise
    except VcsError as error:
        if remote is None or isinstance(error, NotPossible):
            _tell(site, caller, kind, subject, repository_id, reason_of(error).english)
            raise
        failed = TransferFailed(trouble_of(str(error)), _without_secret(str(error), remote))
        _tell(site, caller, kind, subject, repository_id, failed.public, _shown(remote))
        raise failed from error
    except (TriviumError, OSError) as error:
        _tell(site, caller, kind, subject, repository_id, reason_of(error).english, _shown(remote))
        raise


def reason_of(error: Exception) -> Because:
    """Why something failed, in words that its user may read."""
    match error:
        case NotPossible():
            return because(error.message, error.values)
        case VcsError():
            return because(error.public or Reason.NOT_COPIED)
        case AlreadyExists():
            return because(Reason.NAME_TAKEN)
        case NotFound() | Forbidden():
            return because(Reason.NOT_ALLOWED)
        case TriviumError():
            return because(error.message, error.values)
        case OSError() if is_of_a_full_disk(error):
            return because(NO_ROOM)
        case _:
            return because(Reason.NOT_POSSIBLE)


def _tell(
    site: Site,
    caller: Caller,
    kind: type[Failed],
    subject: str,
    repository_id: int | None,
    reason: str | None,
    remote: str | None = None,
) -> None:
    # The user must hear of the failure itself, not that it could not be noted.
    with contextlib.suppress(TriviumError), site.store.write(access_unchanged=True) as db:
        failed = kind(subject=subject, repository_id=repository_id, reason=(reason or "")[:_LONGEST], remote=remote)
        journal.record(db, caller, failed)


def _shown(remote: RemoteUrl | None) -> str | None:
    """An address without anything that may be secret: a user's name can be a token, and so can a query."""
    if remote is None:
        return None
    return urlunsplit(urlsplit(remote.url)._replace(query="", fragment=""))[:_LONGEST]


def _without_secret(words: str, remote: RemoteUrl) -> str:
    for secret in (remote.password, remote.username, urlsplit(remote.url).query):
        if len(secret) >= _SHORTEST_SECRET:
            words = words.replace(secret, "*****")
    return words
