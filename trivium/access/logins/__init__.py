# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to prove who somebody is."""
