# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done by itself or for administrators: housekeeping, recovery after a crash, what is written now and then."""
