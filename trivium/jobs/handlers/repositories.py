# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are created by jobs."""

from __future__ import annotations

from trivium.forge.repositories import queued, rescans
from trivium.jobs.registry import handles

handles(queued.IMPORT)(queued.carry_out_import)
handles(queued.FORK)(queued.carry_out_fork)
handles(rescans.RESCAN)(rescans.carry_out_rescan)
