# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a job failed or waits, in sentences that whoever asked for it may read.

They are stored in English, as the API and the command line show them. Pages show them in their reader's language, so
that they are whole sentences without values (`scripts/write-locale` finds them here).
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What the core knows by itself; of a transfer from another server `vcs.remote_trouble.Trouble` tells more."""

    UNKNOWN_KIND = "this version of the server does not know such a job"
    OUR_FAULT = "something went wrong here; an administrator finds the reason in the log"
    NO_DATABASE = "the database was not there"
    NO_PROCESS = "the server was ended while this was under way, too often to try again"
    SERVER_ENDS = "the server ends; another one goes on with it"
    NOT_COPIED = "the repository could not be copied"
    NAME_TAKEN = "the name is taken"
    NOT_ALLOWED = "something that it needs is gone, or may not be used any more"
    NOT_POSSIBLE = "the server could not do it"
    NO_ACCOUNT = "the account that asked for it is gone"
    NO_ACTIVE_ACCOUNT = "the account that asked for it is not active any more"
    DAMAGED = "the repository is damaged; the log of the check tells what was found"
    NOT_CHECKED = "the repository could not be checked"
    ANOTHER_CHECKED = "another repository is being checked"
    WANTED_ALONE = "somebody wants the repository alone"
    IN_USE = "the repository is in use"
    DATABASE_LOCKED = "the database is locked"
    DATABASE_AWAY = "the database cannot be reached; please try again"
