# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client does in one go, a fetch or a push, whatever it comes through: HTTP, and later SSH."""
