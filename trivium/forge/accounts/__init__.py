# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, their keys, and from where they may come."""
