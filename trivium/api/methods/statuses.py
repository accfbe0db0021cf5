# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods by which programs report on a commit, and everybody reads the reports (api-reviews.md 3)."""

from __future__ import annotations

from typing import Any

from trivium.api.arguments import ReadableRepository, Text, Word, WritableRepository
from trivium.api.methods.registered import registry
from trivium.api.objects.reviews import check_object
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as
from trivium.errors import Busy, Invalid
from trivium.forge.repositories.finding import Repository
from trivium.forge.reviews import commit_checks
from trivium.turns import Pace
from trivium.vcs.errors import UnknownRevision, VcsError


@registry.method(pace=Pace.LONG, failure="failed to set status of commit")
def set_commit_status(
    call: Call,
    repoid: WritableRepository,
    commit_id: Word,
    context: Text,
    state: Word,
    url: Text = "",
    description: Text = "",
) -> list[Any]:
    """Say how it is with a commit, for a program that builds or tests it; returns what all of them say.

    Needs repository.write. `context` is the program's own name for that; what it says replaces what it said before.
    `state` is pending, success, failure or error; `url` leads to more, with http or https.
    """
    raw_id = _full_id(call, repoid, commit_id)
    if state not in commit_checks.STATES:
        raise Refusal(f"state must be one of {','.join(commit_checks.STATES)}")
    with failing_as(f"failed to set status of commit `{raw_id}` in repository `{repoid.name}`", Invalid, Busy):
        commit_checks.set_check(
            call.site, call.caller, repoid, raw_id, context, state, url=url, description=description
        )
    return _told(call, repoid, raw_id)


@registry.method(pace=Pace.LONG, failure="failed to get status of commit")
def get_commit_status(call: Call, repoid: ReadableRepository, commit_id: Word) -> list[Any]:
    """What programs say of a commit, by context.

    Needs repository.read.
    """
    return _told(call, repoid, _full_id(call, repoid, commit_id))


def _full_id(call: Call, repository: Repository, given: Any) -> str:
    """The id of the commit that an argument names, as in `get_repo_changeset`."""
    if not isinstance(given, str):
        raise Refusal("commit_id must be a string value")
    unknown = f"Commit `{given}` does not exist in repository `{repository.name}`"
    with failing_as("Error occurred during commit fetching", VcsError), failing_as(unknown, UnknownRevision):
        return call.history.read(repository, lambda snapshot: snapshot.resolve(given))


def _told(call: Call, repository: Repository, raw_id: str) -> list[Any]:
    with call.site.store.read() as db:
        found = commit_checks.checks(db, repository, raw_id)
    return [check_object(check, raw_id) for check in found]
