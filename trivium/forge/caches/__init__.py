# SPDX-License-Identifier: GPL-3.0-or-later
"""Expensive answers about a repository, kept in files that all workers share."""
