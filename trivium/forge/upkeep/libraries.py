# SPDX-License-Identifier: GPL-3.0-or-later
"""The free software that this installation consists of, as its packages tell (system.md 2.8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, distributions
from typing import Final

_LONGEST: Final = 60
"""Characters of a licence's name; what is longer is its text."""
_CLASSIFIER: Final = "License :: "
_APPROVED: Final = "License :: OSI Approved"


@dataclass(frozen=True, slots=True)
class Library:
    """A package that is installed."""

    name: str
    version: str
    licence: str
    """What it says of its licence; empty when it says nothing."""


@lru_cache(maxsize=1)
def libraries() -> tuple[Library, ...]:
    """All of them by name. Packages do not change while a process runs."""
    found = {one.metadata["Name"]: one for one in distributions() if one.metadata["Name"]}
    told = [Library(name, one.version, _licence(one)) for name, one in found.items()]
    return tuple(sorted(told, key=lambda one: one.name.lower()))


def _licence(package: Distribution) -> str:
    def said(field: str) -> list[str]:
        return [str(one).strip() for one in package.metadata.get_all(field) or ()]

    for expression in said("License-Expression"):
        return expression
    classified = [one for one in said("Classifier") if one.startswith(_CLASSIFIER) and one != _APPROVED]
    if classified:
        return ", ".join(one.rpartition(" :: ")[2] for one in classified)
    for named in said("License"):
        return named.split("\n")[0][:_LONGEST]
    return ""
