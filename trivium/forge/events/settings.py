# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to the settings of the site."""

from __future__ import annotations

from typing import Any

from trivium.forge.events.event import Event


class SiteSettingsChanged(Event, frozen=True):
    """Something was set for the whole site; the subject is which settings."""

    action = "site.settings"
    changes: dict[str, Any]
    was: dict[str, Any]
