# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to repositories, beside what moves in them (`moves`); the subject is the repository's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from trivium.forge.events.event import Event


class RepositoryCreated(Event, frozen=True):
    """A repository was made: empty, as a fork, imported, or found on the disk."""

    action = "repository.create"
    kind: str
    private: bool
    owner: str
    fork_of: str | None
    imported: bool


class RepositoryRestored(RepositoryCreated, frozen=True):
    """A repository was brought back from the trash."""

    action = "repository.restore"
    entry: str
    """What the trash called it."""
    formerly: int | None
    """The id that it had before; null when unknown."""


class RepositoryChanged(Event, frozen=True):
    """Something of a repository was set; extra fields stand under `fields`."""

    action = "repository.update"
    changes: dict[str, Any]
    was: dict[str, Any]


class RepositoryArchived(Event, frozen=True):
    """A repository was closed for pushes, or opened again."""

    action = "repository.archive"
    archived: bool
    was: dict[str, Any]


class RepositoryDeleted(Event, frozen=True):
    """A repository went to the trash, or was missing on the disk and is forgotten (`was_missing`)."""

    action = "repository.delete"
    kind: str
    was_missing: bool | UnsetType = UNSET


class RepositoryFollowed(Event, frozen=True):
    """Somebody follows a repository from now on, or does not any more."""

    action = "repository.follow"
    follows: bool


class PublicJournalSet(Event, frozen=True):
    """What happens in a repository is shown to visitors in the public journal, or not any more."""

    action = "repository.public_journal"
    shown: bool


class ArchiveDownloaded(Event, frozen=True):
    """Somebody fetched an archive of a revision (system.md 2.5)."""

    action = "repository.download"
    file: str
    """What the archive is called."""


class SettingsChanged(Event, frozen=True):
    """Settings were set; null is the site's value."""

    action = "repository.settings"
    changes: dict[str, Any]
    was: dict[str, Any]


class FieldAdded(Event, frozen=True):
    """A repository got an extra field."""

    action = "field.create"
    key: str
    label: str | UnsetType = UNSET
    """Rows of earlier versions lack it."""
    description: str | UnsetType = UNSET


class FieldRemoved(Event, frozen=True):
    """A repository lost an extra field, with its label, description and value (`was`)."""

    action = "field.delete"
    key: str
    was: dict[str, Any] | UnsetType = UNSET


class RepositoryLocked(Event, frozen=True):
    """Somebody holds a repository locked."""

    action = "repository.lock"
    holder: str
    was: dict[str, Any] | UnsetType = UNSET
    """Who held it before; null for nobody."""


class RepositoryUnlocked(Event, frozen=True):
    """Nobody holds it any more."""

    action = "repository.unlock"
    holder: str
    was: dict[str, Any] | UnsetType = UNSET


class FileLocked(Event, frozen=True):
    """Somebody holds a file of a Subversion repository locked."""

    action = "file.lock"
    path: str
    holder: str
    was: dict[str, Any]
    """Who held it before; null for nobody."""


class FileUnlocked(Event, frozen=True):
    """Nobody holds it any more: its holder let go, or somebody broke the lock."""

    action = "file.unlock"
    path: str
    was: dict[str, Any]


class CacheInvalidated(Event, frozen=True):
    """Somebody had forgotten what was kept about a repository to answer faster."""

    action = "repository.invalidate_cache"


class RepositoryMaintained(Event, frozen=True):
    """Somebody ran maintenance on it."""

    action = "repository.maintenance"


class RepositoryVerified(Event, frozen=True):
    """All that it holds was looked through. Of what is damaged the first lines are told."""

    action = "repository.verify"
    sound: bool
    problems: Sequence[str]


class TransferFailed(Event, frozen=True):
    """A history could not be copied."""

    reason: str
    """A reason that its user may read."""
    remote: str | None


class ImportFailed(TransferFailed, frozen=True):
    """A repository could not be made from another server's."""

    action = "repository.import_failed"


class ForkFailed(TransferFailed, frozen=True):
    """A fork could not be made."""

    action = "repository.fork_failed"


class RemotePullFailed(TransferFailed, frozen=True):
    """A repository could not be brought up to date from another server."""

    action = "remote.pull_failed"


class TrashRemoved(Event, frozen=True):
    """Something was removed from the trash for good."""

    action = "trash.remove"
    entry: str
    kind: str | None
