# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was not let in stands in the journal, as everything else that happens."""

from __future__ import annotations

from sqlalchemy import Connection

from trivium.access.credentials import FailedSignIn
from trivium.forge.events import journal
from trivium.forge.events.accounts import SignInFailed


def journal_failure(db: Connection, failed: FailedSignIn) -> None:
    """Write it down, for an `Authenticator`."""
    journal.record(db, failed, SignInFailed(subject=failed.username, reason=failed.reason))
