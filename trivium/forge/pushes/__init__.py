# SPDX-License-Identifier: GPL-3.0-or-later
"""Histories grow: by pushes, and by what is fetched from other servers."""
