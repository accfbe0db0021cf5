# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights with their reasons, as answers show them (decisions.md A23)."""

from __future__ import annotations

from typing import Any

from trivium.access.why import Origin
from trivium.forge.rights.explaining import Explanation


def explanation_object(found: Explanation) -> dict[str, Any]:
    """What a user may do with an object, and why."""
    names = {Origin.DEFAULT: "default"}
    return {
        "user": found.user.username,
        "type": found.scope.value,
        "name": found.name,
        "permission": found.permission,
        "rows": [
            {
                "origin": one.origin.value,
                "name": one.group or names.get(one.origin, found.user.username),
                "permission": None if one.row is None else found.scope.name_of(one.row),
                "void": None if one.void is None else one.void.value,
                "counts": one.counts,
            }
            for one in found.why.reasons
        ],
    }
