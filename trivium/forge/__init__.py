# SPDX-License-Identifier: GPL-3.0-or-later
"""What Trivium does: a room for each noun, plain synchronous functions. Every change goes through here."""
