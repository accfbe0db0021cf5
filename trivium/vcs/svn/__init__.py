# SPDX-License-Identifier: GPL-3.0-or-later
"""Subversion, through libsvn, its programs, and a private Apache."""
