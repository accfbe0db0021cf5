# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to gists; the subject is a gist's access id."""

from __future__ import annotations

from typing import Any

from trivium.forge.events.event import Event


class GistCreated(Event, frozen=True):
    """A gist was made."""

    action = "gist.create"
    kind: str
    owner: str


class GistChanged(Event, frozen=True):
    """Something of a gist was set, or its files replaced."""

    action = "gist.update"
    changes: dict[str, Any]
    files: bool
    was: dict[str, Any]


class GistDeleted(Event, frozen=True):
    """A gist is gone."""

    action = "gist.delete"
