# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial, as the rest of Trivium sees it: through processes of its own (`server`)."""
