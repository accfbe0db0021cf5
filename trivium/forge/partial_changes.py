# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody wants to change of something that is there: what they do not name stays as it is.

`None` has a meaning of its own where something may be missing, so what was not given is `msgspec.UNSET`. Every noun has
its own class (`RepositoryChanges`, `UserChanges`, …) beside the function that carries the changes out; each door fills
it from what its clients send.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct


class PartialChanges(Struct, frozen=True, kw_only=True):
    """The base of all of them."""

    def given(self, *names: str) -> dict[str, Any]:
        """Those of some attributes that are given, by name."""
        wanted = {name: getattr(self, name) for name in names}
        return {name: value for name, value in wanted.items() if value is not UNSET}
