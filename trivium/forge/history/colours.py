# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of the changed lines of a changeset: most of what its page costs, and the same for every reader.

They are made after a push (`prepared.prepare`), in one value for all files, each under what it depends on
(`render.sections.known_as`). A page that finds none makes its own.
"""

from __future__ import annotations

from typing import Final

import msgspec

from trivium.forge.history.differences import AT_ONCE, Sides, options
from trivium.forge.history.reading import History
from trivium.forge.repositories.finding import Repository
from trivium.render import changes
from trivium.render.sections import Coloured, coloured, known_as
from trivium.vcs.model import Snapshot

Key = tuple[str, ...]

_MOST_FILES: Final = 5 * AT_ONCE
_MOST_BYTES: Final = 256 << 10
"""Of the hunks of all files: what follows gets its colours when somebody looks."""
_FORM: Final = dict[str, tuple[dict[int, str], dict[int, str]]]


def colours_key(sides: Sides) -> Key:
    """Under which key the colours of the changes between two commits are kept."""
    return ("colours", sides.old or "", sides.new)


def colours(history: History, repository: Repository, sides: Sides) -> dict[str, Coloured]:
    """The colours of the changes between two commits, as far as they are worth making ahead."""
    wanted = options(history.site.settings)

    def look(snapshot: Snapshot) -> dict[str, Coloured]:
        found: dict[str, Coloured] = {}
        left = _MOST_BYTES
        for number, one in enumerate(snapshot.differences(sides.old, sides.new, wanted)):
            left -= len(one.hunks)
            if number >= _MOST_FILES or left < 0:
                break
            if one.hunks and (made := coloured(one, changes.rows(one.hunks))) is not None:
                found[known_as(one)] = made
        return found

    return history.read(repository, look)


def read(kept: str) -> dict[str, Coloured]:
    """The colours that were kept."""
    try:
        found: dict[str, Coloured] = msgspec.json.decode(kept.encode(), type=_FORM)
    except (UnicodeEncodeError, msgspec.DecodeError):  # characters that are none: lines of others' making
        return {}
    return found
