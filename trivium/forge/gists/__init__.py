# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists: small texts that keep their revisions."""
