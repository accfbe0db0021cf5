# SPDX-License-Identifier: GPL-3.0-or-later
"""Permissions are given and taken: on objects, and on the whole site."""
