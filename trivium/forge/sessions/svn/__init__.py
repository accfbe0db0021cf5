# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client of Subversion does in a repository."""
