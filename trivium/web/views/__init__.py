# SPDX-License-Identifier: GPL-3.0-or-later
"""The views: functions of a visit, a file a noun. Importing one enters its views into the table."""

from __future__ import annotations

import importlib
import pkgutil


def load() -> None:
    """Import all of them."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
