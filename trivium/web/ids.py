# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of changesets as pages show them: as long as the site wants, with numbers where it wants them (system.md 2.8)."""

from __future__ import annotations

from trivium.forge.site_settings import SiteLook
from trivium.vcs.abilities import Numbers


def shown(look: SiteLook, numbers: Numbers, raw_id: str, number: object) -> str:
    """An id in rows, with its number where the system gives it one of its own."""
    if numbers is Numbers.IDS:
        return f"r{raw_id}"
    short = raw_id[: look.show_sha_length]
    return f"{number}:{short}" if numbers is Numbers.LOCAL and look.show_revision_number else short
