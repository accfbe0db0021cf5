# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are looked after when they were pushed to."""

from __future__ import annotations

from trivium.forge.upkeep.after_pushes import LOOK_AFTER, look_after
from trivium.jobs.registry import handles

handles(LOOK_AFTER)(look_after)
