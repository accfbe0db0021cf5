# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and programs say about changesets; the subject is the repository's name."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from trivium.forge.events.event import Event


class Commented(Event, frozen=True):
    """A changeset got a comment, and with it perhaps a vote (`status`)."""

    action = "changeset.comment"
    revision: str
    author: str
    status: str | None
    recipients: Sequence[str] | UnsetType = UNSET
    """Further people who should hear of it."""
    comment: int | UnsetType = UNSET
    """Its id; rows of earlier versions lack it."""
    further: Sequence[int] | UnsetType = UNSET
    """The ids of others that its author sent together with it."""
    unmailed: bool | UnsetType = UNSET
    """Whether its author wanted no mails about it."""


class CommentEdited(Event, frozen=True):
    """The text of a comment was replaced; neither text is told."""

    action = "comment.edit"
    comment: int
    revision: str
    author: str


class CommentDeleted(Event, frozen=True):
    """A comment was removed, or, where it is answered, `blanked`."""

    action = "comment.delete"
    comment: int
    revision: str
    author: str
    blanked: bool


class AttachmentAdded(Event, frozen=True):
    """A file for comments was uploaded; the subject is its name."""

    action = "attachment.add"
    fid: str
    size: int


class CommitChecked(Event, frozen=True):
    """A program said something about a commit."""

    action = "commit.status"
    revision: str
    context: str
    state: str
