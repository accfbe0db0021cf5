# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of jobs: work that outlives the request that asked for it (system.md 4). `trivium/jobs` carries it out."""
