# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that somebody types into the form of a gist: as many as it has fields `filename-1`, `content-1` and on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trivium.forge.gists.gists import UNNAMED
from trivium.names import is_clean_text
from trivium.web.forms import Entered
from trivium.web.visit import Visit

_MOST: Final = 400
"""Fields for files that are looked at; the core says how many a gist may have."""


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
    """What was typed, renumbered; one empty file where nothing was."""
    given, found = visit.form, []
    for number in range(1, _MOST + 1):
        name, content = given.get(f"filename-{number}"), given.get(f"content-{number}")
        if name is None and content is None:
            break
        found.append(TypedFile(number, name or "", (content or "").replace("\r\n", "\n")))
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
    """The contents by name; what nobody has changed keeps the line ends that it had before, which no form sends."""
    found = {_name(one): one.content for one in files if not one.empty}
    for name, text in (before or {}).items():
        if name in found and found[name] == text.replace("\r\n", "\n"):
            found[name] = text
    return found


def _name(one: TypedFile) -> str:
    return one.name.strip() or UNNAMED.replace("1", str(one.number))
