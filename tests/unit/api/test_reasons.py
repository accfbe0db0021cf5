# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told why something was refused (security.md S-14)."""

from __future__ import annotations

import pytest

from trivium.access.levels import Scope, parse_permission
from trivium.api.texts import INTERNAL, Refusal, detail_of, failing_as, text_of, why
from trivium.errors import Forbidden, Invalid, Kind, NotFound, StorageFull, TriviumError
from trivium.vcs.errors import UnknownPath, UnknownRevision, VcsError
from trivium.vcs.remote_trouble import TransferFailed, Trouble


def refused(error: TriviumError) -> Refusal:
    """What a method says when its work ends so."""
    with pytest.raises(Refusal) as caught, failing_as("failed", TriviumError):
        raise error
    return caught.value


def test_everybody_reads_what_is_wrong_with_his_own_arguments() -> None:
    for error in (Invalid("the name is too long"), StorageFull("there is no room")):
        for super_admin in (False, True):
            assert detail_of(refused(error), super_admin=super_admin) == str(error)


def test_words_of_the_systems_are_for_super_admins() -> None:
    """They may name places of the server."""
    failed = refused(VcsError("fatal: /srv/trivium/repositories/x: no such directory"))
    assert detail_of(failed, super_admin=False) is None
    assert "/srv/trivium" in str(detail_of(failed, super_admin=True))


def test_a_word_alone_is_no_reason() -> None:
    """What the systems raise for a revision is the revision."""
    for error in (UnknownRevision("tip"), UnknownPath("docs")):
        failed = refused(error)
        assert detail_of(failed, super_admin=False) == error.public
        assert detail_of(failed, super_admin=True) == why(error) == f"{error.public}: {error}"
    told = TransferFailed(Trouble.MISSING, "HTTP 404")
    assert detail_of(refused(told), super_admin=True) == f"{Trouble.MISSING}: HTTP 404"


def test_which_permissions_there_are_is_no_secret() -> None:
    with pytest.raises(NotFound) as missing:
        parse_permission("write", Scope.REPOSITORY)
    said = detail_of(refused(missing.value), super_admin=False)
    assert said == "there are repository.none, repository.read, repository.write, repository.admin"


def test_nothing_is_said_of_what_is_hidden() -> None:
    for error in (NotFound(Kind.REPOSITORY, "secret"), Forbidden()):
        for super_admin in (False, True):
            assert detail_of(refused(error), super_admin=super_admin) is None


def test_what_cannot_be_used_is_called_as_documented_and_the_reason_is_told_beside_it() -> None:
    """(api-users.md 2.5)."""
    error = Invalid("a text is expected")
    assert text_of(error, "failed") == "failed"
    assert text_of(error, None) == INTERNAL
    assert detail_of(refused(error), super_admin=False) == "a text is expected"
