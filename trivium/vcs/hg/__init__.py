# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial, as everybody else sees it: asked of processes of its own (`server`)."""
