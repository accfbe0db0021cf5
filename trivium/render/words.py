# SPDX-License-Identifier: GPL-3.0-or-later
"""The few words that rows consist of beside what is shown; pages hand over translated ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trivium.vcs.pages import EntryKind


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


@dataclass(frozen=True, slots=True)
class Words:
    """Plain texts, in one language. `{name}` stands for the name of a file."""

    file: str = "File"
    executable: str = "Executable file"
    symlink: str = "Link"
    directory: str = "Directory"
    link: str = "Linked repository"
    lines_of: str = "Lines of {name}"
    changed_lines_of: str = "Changed lines of {name}"
    lines: Callable[[int], str] = _lines
    show_lines_above: Callable[[int], str] = lambda count: f"Show {_lines(count)} above"
    no_newline: str = "No newline at end of file"
    too_many_lines: str = "The other lines of this file are not shown"
    files_here: str = "Files at this changeset"
    before_this_change: str = "Lines before this change"
    property: str = "Property"

    def of_kind(self, kind: EntryKind) -> str:
        """What an entry of a directory is called."""
        match kind:
            case EntryKind.DIRECTORY:
                return self.directory
            case EntryKind.LINK:
                return self.link
            case EntryKind.SYMLINK:
                return self.symlink
            case EntryKind.EXECUTABLE:
                return self.executable
            case _:
                return self.file


ENGLISH: Final = Words()
