# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories: found, created, imported, forked, changed, locked and deleted."""
