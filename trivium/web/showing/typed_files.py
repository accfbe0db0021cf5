# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that somebody types into the form of a gist: as many as it has fields `filename-1`, `content-1` and on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trivium.forge.gists.gists import UNNAMED
from trivium.names import is_clean_text
from trivium.web.forms import Entered
from trivium.web.visit import Visit

_FIELD: Final = re.compile(r"(?:filename|content)-([1-9][0-9]{0,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TypedFile:
    """The two fields of a file."""

    number: int
    name: str = ""
    content: str = ""

    @property
    def empty(self) -> bool:
        return not self.name.strip() and not self.content


def typed_files(visit: Visit) -> list[TypedFile]:
    """What was typed, renumbered, also where a number between is missing; one empty file where nothing was."""
    given = visit.form
    numbers = sorted({int(one[1]) for one in map(_FIELD.fullmatch, given) if one is not None})
    pairs = [(given.get(f"filename-{number}", ""), given.get(f"content-{number}", "")) for number in numbers]
    found = [TypedFile(at, name, content.replace("\r\n", "\n")) for at, (name, content) in enumerate(pairs, 1)]
    return found or [TypedFile(1)]


def with_more(files: list[TypedFile]) -> list[TypedFile]:
    """The same and fields for another file."""
    return [*files, TypedFile(len(files) + 1)]


def wrong_files(visit: Visit, entered: Entered[Any], files: list[TypedFile]) -> bool:
    """Whether something is wrong with the files that the core cannot see any more; says so."""
    names = [_name(one) for one in files if not one.empty]
    if not all(is_clean_text(one.content) and is_clean_text(one.name) for one in files):
        entered.refuse("files", visit.text("This has a character that cannot be stored."))
        return True
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        entered.refuse("files", visit.text("Two files are called %(name)s.", name=twice))
        return True
    return False


def contents(files: list[TypedFile], before: Mapping[str, str] | None = None) -> dict[str, str]:
    """The contents by name, with the line ends that they had before, which no form sends.

    What nobody has changed keeps them under another name, too; what was changed has those of its name.
    """
    former = before or {}
    unchanged = {text.replace("\r\n", "\n"): text for text in former.values()}
    found = {}
    for name, content in ((_name(one), one.content) for one in files if not one.empty):
        text = former.get(name, "")
        if text.replace("\r\n", "\n") == content:
            found[name] = text
        elif content in unchanged:
            found[name] = unchanged[content]
        else:
            found[name] = content.replace("\n", "\r\n") if _ends_in_two(text) else content
    return found


def _ends_in_two(text: str) -> bool:
    """Whether each line of a text ends with a carriage return and a line feed."""
    ends = text.count("\r\n")
    return bool(ends) and ends == text.count("\n")


def _name(one: TypedFile) -> str:
    return one.name.strip() or UNNAMED.replace("1", str(one.number))
