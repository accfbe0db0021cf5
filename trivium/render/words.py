# SPDX-License-Identifier: GPL-3.0-or-later
"""The few words that rows consist of beside what is shown; pages hand over translated ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trivium.vcs.pages import EntryKind, Op


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
    added: str = "Added"
    changed: str = "Changed"
    deleted: str = "Deleted"
    renamed: str = "Renamed"
    copied: str = "Copied"
    binary: str = "This is a binary file. There are no lines to show."
    too_large: str = "This change is too large to be shown."
    show_all: str = "Show all changes"
    as_text: str = "As text"
    before: str = "Before"
    after: str = "After"
    viewed: str = "Viewed"
    changed_files: str = "Changed files"
    see_file: str = "Show {name} at this changeset"
    nothing_but_name: str = "The content is the same."
    no_lines: str = "The file is empty."
    white_space: str = "Only white space has changed."
    many_lines: Callable[[int], str] = lambda count: f"{count:,} changed lines"
    generated: str = "made by a program"
    now_executable: str = "now executable"
    not_executable: str = "no longer executable"
    became: str = "{old} became {new}"
    private: str = "Private"
    public: str = "Public"
    archived: str = "Archived"
    locked: str = "Locked"
    empty: str = "empty"
    groups_in: str = "Groups in {name}"
    more: str = "All groups"

    def of_op(self, op: Op) -> str:
        """What became of a file."""
        match op:
            case Op.ADDED:
                return self.added
            case Op.DELETED:
                return self.deleted
            case Op.RENAMED:
                return self.renamed
            case Op.COPIED:
                return self.copied
            case _:
                return self.changed

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
