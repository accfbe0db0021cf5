# SPDX-License-Identifier: GPL-3.0-or-later
"""Two contents are compared: the same for all systems, by libgit2."""
