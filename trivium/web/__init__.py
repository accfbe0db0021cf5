# SPDX-License-Identifier: GPL-3.0-or-later
"""The web face: pages, bodies and feeds for Git, Mercurial and Subversion alike."""
