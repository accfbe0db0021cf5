# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody is told of on their pages, beside mails (system.md 6.3)."""
