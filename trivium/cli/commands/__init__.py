# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of `trivium` beside those that run it, by what they are about."""
