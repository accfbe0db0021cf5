# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists as answers show them (api-users.md 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivium.forge.gists.gists import Gist


def gist_object(gist: Gist, url: str, content: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A gist, with its files where they are asked for."""
    return {
        "gist_id": gist.id,
        "type": gist.kind,
        "access_id": gist.access_id,
        "description": gist.description,
        "url": url,
        "expires": gist.expires,
        "created_on": gist.created_on,
        "modified_at": gist.modified_on,
        "content": content,
    }
