# SPDX-License-Identifier: GPL-3.0-or-later
"""Trivium: self-hosted source-code management for Git, Mercurial and Subversion."""

__version__ = "0.1.0"

API_LEVEL = "4.3.0"
"""The level of the documented API that this server implements (decisions.md A6)."""
