# SPDX-License-Identifier: GPL-3.0-or-later
"""The version-control doors: the real wire protocols over HTTP (system.md 3), a room for each system."""
