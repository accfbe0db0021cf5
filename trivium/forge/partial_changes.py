# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted changes of an existing object: fields that are not given stay as they are.

`None` has a meaning of its own where a value may be missing, so a field not given is `msgspec.UNSET`. Every noun has
its own class (`RepositoryChanges`, `UserChanges`, …) beside the function that carries the changes out; each door fills
it from what its clients send.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct


class PartialChanges(Struct, frozen=True, kw_only=True):
    """The base of all of them."""

    def given(self, *names: str) -> dict[str, Any]:
        """The given ones of some attributes, by name."""
        wanted = {name: getattr(self, name) for name in names}
        return {name: value for name, value in wanted.items() if value is not UNSET}
