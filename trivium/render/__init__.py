# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages repeat by the hundred, and what is written by strangers: pure functions of bytes and values to escaped HTML."""
