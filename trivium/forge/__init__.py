# SPDX-License-Identifier: GPL-3.0-or-later
"""What Trivium does: one module per noun, plain synchronous functions. Every change goes through here."""
