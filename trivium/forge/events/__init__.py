# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened, as it is recorded and read."""
