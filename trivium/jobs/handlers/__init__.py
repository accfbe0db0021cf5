# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs do, by noun. Whoever carries out jobs imports this, and with it all of them."""

from trivium.jobs.handlers import history, mails, repositories, upkeep

__all__ = ["history", "mails", "repositories", "upkeep"]
