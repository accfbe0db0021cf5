# SPDX-License-Identifier: GPL-3.0-or-later
"""The way out: which other servers may be fetched from, by which addresses, and how much."""
