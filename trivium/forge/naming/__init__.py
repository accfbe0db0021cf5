# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and the places that they lead to: how something new gets its place, and how repositories were called before."""
