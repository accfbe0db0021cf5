# SPDX-License-Identifier: GPL-3.0-or-later
"""Mails: who gets which, what they say, and how they are made."""
