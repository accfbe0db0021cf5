# SPDX-License-Identifier: GPL-3.0-or-later
"""What was deleted: listed, brought back, removed for good."""
