# SPDX-License-Identifier: GPL-3.0-or-later
"""`rhodecode-api` and `rhodecode-gist`: call the methods of a Trivium server from a shell.

The package needs Python's standard library and nothing else, not even the rest of Trivium, so that it can be
copied to a machine that only ever talks to a server somewhere else.
"""
