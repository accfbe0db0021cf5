# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are created, and brought up to date from other servers, by jobs."""

from __future__ import annotations

from trivium.forge.pushes import queued_pulls
from trivium.forge.repositories import queued, rescans
from trivium.jobs.registry import handles

handles(queued.IMPORT)(queued.carry_out_import)
handles(queued.FORK)(queued.carry_out_fork)
handles(rescans.RESCAN)(rescans.carry_out_rescan)
handles(queued_pulls.PULL)(queued_pulls.carry_out)
