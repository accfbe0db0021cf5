# SPDX-License-Identifier: GPL-3.0-or-later
"""What an address means by a revision and a path in it: both are separated by slashes, and both may have some."""

from __future__ import annotations

from typing import Final

from trivium.vcs.errors import UnknownRevision
from trivium.vcs.model import Snapshot

_MOST_TRIED: Final = 8
"""Segments of a path that may belong to the name of a branch."""


def located(snapshot: Snapshot, revision: str, path: str) -> tuple[str, str]:
    """The full id that `revision` names, and the path; a name with slashes may go on in the path.

    The shortest name that there is counts. Raises `UnknownRevision`. The path is not looked at.
    """
    try:
        return snapshot.resolve(revision), path
    except UnknownRevision:
        segments = path.split("/") if path else []
        for count in range(1, min(len(segments), _MOST_TRIED) + 1):
            name = "/".join((revision, *segments[:count]))
            try:
                return snapshot.resolve(name), "/".join(segments[count:])
            except UnknownRevision:
                continue
        raise
