# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs: started, watched and ended; who goes first, and what was freed."""
