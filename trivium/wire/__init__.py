# SPDX-License-Identifier: GPL-3.0-or-later
"""The version-control door: the real wire protocols over HTTP (system.md 3)."""
