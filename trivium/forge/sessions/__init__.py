# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of clients: a fetch or a push, over any transport (HTTP, and later SSH)."""
