# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of repositories, and of users."""
