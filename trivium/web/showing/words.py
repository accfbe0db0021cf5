# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of rows in the visitor's language."""

from __future__ import annotations

from functools import lru_cache

from trivium.render.words import Words
from trivium.web.language import Language


@lru_cache(maxsize=8)
def words(language: Language) -> Words:
    """The words that `render` puts between what it shows."""
    _ = language.text
    plural = language.plural
    return Words(
        file=_("File"),
        executable=_("Executable file"),
        symlink=_("Link"),
        directory=_("Directory"),
        link=_("Linked repository"),
        lines_of=_("Lines of {name}"),
        changed_lines_of=_("Changed lines of {name}"),
        lines=lambda count: plural("%(num)s line", "%(num)s lines", count),
        show_lines_above=lambda count: plural("Show %(num)s line above", "Show %(num)s lines above", count),
        no_newline=_("No newline at end of file"),
        too_many_lines=_("The other lines of this file are not shown"),
        files_here=_("Files at this changeset"),
        before_this_change=_("Lines before this change"),
        property=_("Property"),
    )
