# SPDX-License-Identifier: GPL-3.0-or-later
"""Which views a key opens: `api_access_controllers_whitelist` (system.md 1.1)."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def entries_of(option: str) -> tuple[str, ...]:
    """The entries of the option: separated by commas or line ends, blanks around them and empty ones ignored."""
    return tuple(entry for entry in (piece.strip() for piece in option.replace("\n", ",").split(",")) if entry)


class Whitelist:
    """The views that the option lists."""

    def __init__(self, option: str, words: Iterable[str]) -> None:
        """`words` are those of all views."""
        known = frozenset(words)
        self._listed: set[str] = set()
        self.unknown: list[str] = []
        """Entries that match none of them."""
        for entry in entries_of(option):
            found = {word for word in known if fnmatchcase(word, entry)}
            if not found:
                self.unknown.append(entry)
            self._listed |= found

    def lists(self, word: str) -> bool:
        """Whether a key opens the view with this word."""
        return word in self._listed
