# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry that the modules of this package fill."""

from trivium.api.registry import Registry

registry = Registry()
