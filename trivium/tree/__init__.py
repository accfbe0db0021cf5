# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories on disk: where they stand, how they get there durably, and the kernel's locks on them."""
