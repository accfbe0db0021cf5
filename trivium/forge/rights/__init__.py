# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody may do, and why: told to themselves and to those who decide about it."""
