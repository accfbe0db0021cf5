# SPDX-License-Identifier: GPL-3.0-or-later
"""Git, through libgit2 and git itself. Nothing else but `vcs.diff` knows libgit2."""
