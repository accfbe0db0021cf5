# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembered decisions: a checkout is many requests, and each brings the same credentials.

A decision counts for exactly the state that it rests on (`forge.repositories.state`), which is looked up for each
request. So a revocation counts for the next request, on every worker. A decision also ends when its proof may expire,
as keys do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from trivium.access.credentials import Authenticator
from trivium.access.keys import process_secret, quick_digest
from trivium.forge.repositories.state import State, standing_of, state_of
from trivium.forge.sessions.transfers import Admitted
from trivium.names import MAX_DEPTH, MAX_NAME
from trivium.wire.admission import BY_ID, SignInNeeded

_MOST: Final = 1000
"""Decisions that one worker remembers; beyond that it forgets all."""


@dataclass(frozen=True, slots=True)
class Question:
    """The question that a decision answers."""

    who: bytes
    """A digest of the credentials, of where they come from, and of what they are to allow."""
    name: str
    """What the URL says, without what cannot be part of a repository's name."""
    inside: bool
    visitor: bool
    """Whether there are no credentials."""


class Decisions:
    """The memory of one worker. Any thread may use it."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._secret = process_secret()
        self._admitted: dict[tuple[bytes, str], Admitted] = {}
        """By credentials and the repository's name in the URL."""
        self._refused: dict[Question, tuple[State, SignInNeeded]] = {}

    def question(
        self,
        *,
        kind: str,
        name: str,
        writes: bool,
        inside: bool,
        signed: bool,
        authorization: bytes,
        mark: bytes,
        address: str,
    ) -> Question:
        """The question of a request, with the arguments of `admission.admit`."""
        about = f"{kind} {writes} {inside} {signed} {address} {mark!r} {authorization!r}"
        if inside:
            name = "/".join(name.split("/", MAX_DEPTH)[:MAX_DEPTH])
        return Question(quick_digest(self._secret, about), name, inside, not authorization)

    def found(self, db: Connection, question: Question) -> Admitted | None:
        """The decision, if nothing has changed since; raises `SignInNeeded` when that was decided."""
        admitted = self._led_into(question)
        if admitted is not None:
            if time.time() < admitted.proof.until and standing_of(db, admitted.repository.id) == admitted.standing:
                self._authenticator.used(admitted.proof, admitted.caller.address)
                return admitted
        elif (refused := self._refused.get(question)) and refused[0] == state_of(db):
            raise refused[1].again()
        return None

    def _led_into(self, question: Question) -> Admitted | None:
        """The decision about the shortest leading part of a path: it leads into the same repository as before."""
        if not question.inside:
            return self._admitted.get((question.who, question.name))
        end = question.name.find("/")
        while end >= 0:
            if found := self._admitted.get((question.who, question.name[:end])):
                return found
            end = question.name.find("/", end + 1)
        return self._admitted.get((question.who, question.name))

    def admitted(self, question: Question, admitted: Admitted) -> None:
        """Remember that a request was let in."""
        if len(self._admitted) >= _MOST:
            self._admitted.clear()
        name = question.name
        if question.inside:
            first = name.partition("/")[0]
            name = first if BY_ID.fullmatch(first) else admitted.repository.name
        self._admitted[question.who, name] = admitted

    def refused(self, question: Question, state: State, refused: SignInNeeded) -> None:
        """Remember that visitors are refused; refused credentials are never remembered."""
        if not question.visitor or len(question.name) > MAX_NAME:
            return
        if len(self._refused) >= _MOST:
            self._refused.clear()
        self._refused[question] = (state, refused)
