# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial's own objects, for which it has no types."""

from __future__ import annotations

from typing import Any

Repository = Any
"""A repository of Mercurial."""
