# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a job failed or waits, in sentences that whoever asked for it may read.

The API and the command line show them in English. Pages show them in their reader's language, so that they are stored
as whole sentences beside the values that are put into them (`scripts/write-locale` finds those of the core).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

_LONGEST_SENTENCE: Final = 1000
_LONGEST_VALUE: Final = 200
_MOST_VALUES: Final = 8


class Because(msgspec.Struct, frozen=True, array_like=True):
    """A sentence and what is put into it."""

    sentence: str
    """In English, with the places of its values as `%(name)s`."""
    values: Mapping[str, str] = {}

    @property
    def english(self) -> str:
        """As the API and the command line show it."""
        return self.sentence % self.values if self.values else self.sentence

    @property
    def stored(self) -> str:
        """As the row of a job has it: the sentence alone, or JSON of both; bounded."""
        if not self.values and not self.sentence.startswith("["):
            return self.sentence[:_LONGEST_SENTENCE]
        few = list(self.values.items())[:_MOST_VALUES]
        return msgspec.json.encode(Because(self.sentence, {name: one[:_LONGEST_VALUE] for name, one in few})).decode()


def because(sentence: str, values: Mapping[str, object] | None = None) -> Because:
    """The reason of a sentence and values of any type."""
    return Because(str(sentence), {name: str(value) for name, value in (values or {}).items()})


def because_of(stored: str) -> Because:
    """What stands in the row of a job."""
    if not stored.startswith("["):
        return Because(stored)
    try:
        return msgspec.json.decode(stored, type=Because)
    except msgspec.MsgspecError:  # another's words
        return Because(stored)


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
