# SPDX-License-Identifier: GPL-3.0-or-later
"""What the core answers, as pages show it: finished parts, rows with their addresses."""
