# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of decisions about requests is what would be decided anew, whatever has changed since."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest

from tests.unit.api.conftest import Call, call  # noqa: F401 - a fixture
from tests.unit.api.test_remembered_rights import CHANGES, SETTING
from trivium.access.caller import Caller, the_system
from trivium.access.credentials import Authenticator
from trivium.access.keys import Role
from trivium.access.levels import Level
from trivium.access.throttle import Throttle
from trivium.forge.accounts import tokens
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.grants import global_permissions
from trivium.forge.repositories import finding, user_locks
from trivium.forge.repositories.state import standing_of
from trivium.forge.sessions.transfers import Admitted, Transfers
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.http.crew import Crew
from trivium.wire import door as module
from trivium.wire.admission import Refused, admit
from trivium.wire.door import Door

ADDRESS = "192.0.2.1"
ASKED: list[dict[str, Any]] = [
    {"kind": kind, "name": name, "inside": kind == "svn", "writes": writes, "signed": kind == "svn"}
    for kind, name in (
        ("git", "team/repo"),
        ("git", "team/repo.git"),
        ("git", "team/renamed"),
        ("git", "_1"),
        ("svn", "other"),
        ("svn", "other/trunk/a/b/c/d/e/f/g/h/i"),
        ("svn", "_2/!svn/rvr/7"),
        ("svn", "nothing/here"),
        ("hg", "more"),
    )
    for writes in (False, True)
]
MORE: list[tuple[str, dict[str, Any]]] = [
    ("lock", {"repoid": "other", "userid": "ben", "locked": True}),
    ("lock", {"repoid": "other", "userid": "ben", "locked": False}),
    ("update_user", {"userid": "ben", "active": False}),
    ("update_user", {"userid": "ben", "active": True}),
    ("update_user", {"userid": "ada", "username": "ida"}),
    ("update_repo", {"repoid": "team/renamed", "owner": "root"}),
    ("delete_user", {"userid": "ben"}),
]


def authenticator(site: Site) -> Authenticator:
    return Authenticator(site.store, site.ring, Throttle(10_000, 10_000, 60), journal_failure)


@pytest.fixture
def door(site: Site) -> Iterator[Door]:
    crew, slow = Crew(2, "admission"), ThreadPoolExecutor(1)
    yield Door(Transfers(site, Activity(), crew=crew, slow=slow, patient=slow), authenticator(site))
    crew.close()
    slow.shutdown()


@pytest.fixture
def keys(call: Call, root_key: str) -> dict[str, str]:  # noqa: F811
    """The keys of the administrator and two users of a site with something in it."""
    made = {"root": root_key}
    for method, args in SETTING:
        _, result = call(method, **args)
        if method == "create_user":
            made[args["username"]] = result["user"]["api_key"]
    return made


def signed(username: str, key: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{username}:{key}".encode()) if username else b""


async def decided(decide: Awaitable[Admitted]) -> tuple[object, ...]:
    """A decision, as far as two of the same state must agree."""
    try:
        admitted = await decide
    except Refused as refused:
        return refused.status, refused.text, refused.headers
    return admitted.caller, admitted.repository, admitted.renamed


def through(door: Door, authorization: bytes, asked: dict[str, Any]) -> Awaitable[Admitted]:
    headers = [(b"authorization", authorization)] if authorization else []
    scope: Any = {"type": "http", "method": "GET", "headers": headers, "client": (ADDRESS, 1)}
    return door.admit(scope, **asked)


async def anew(site: Site, authenticator: Authenticator, authorization: bytes, asked: dict[str, Any]) -> Admitted:
    with site.store.read() as db:
        stamp = standing_of(db).stamp
    return admit(site, authenticator, standing=stamp, authorization=authorization, mark=b"", address=ADDRESS, **asked)


def test_no_decision_outlives_what_it_rests_on(
    site: Site,
    door: Door,
    keys: dict[str, str],
    call: Call,  # noqa: F811
) -> None:
    fresh = authenticator(site)
    askers = [b"", *(signed(name, key) for name, key in keys.items())]
    verdicts = set()

    async def compare(change: object) -> None:
        requests = list(product(askers, ASKED))
        expected = [await decided(anew(site, fresh, *request)) for request in requests]
        for _ in range(2):
            # All at once: one after the other, each would wait until a thread was woken for it.
            found = await asyncio.gather(*(decided(through(door, *request)) for request in requests))
            for (_, asked), one, other in zip(requests, found, expected, strict=True):
                assert one == other, (change, asked)
        verdicts.update(first if isinstance(first, int) else type(first) for first, *_ in expected)

    # One event loop for all of it: a thread of a crew tells its loop that it is done, which must not be closed by then.
    with asyncio.Runner() as runner:
        for change in [("get_user", {}), *CHANGES, *MORE]:
            call(change[0], **change[1])
            runner.run(compare(change))
    assert verdicts == {Caller, 401, 403, 404}


def test_the_same_request_is_decided_once(door: Door, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    decisions: list[object] = []

    def counted(*arguments: Any, **more: Any) -> Admitted:
        decisions.append(more["name"])
        return admit(*arguments, **more)

    monkeypatch.setattr(module, "admit", counted)

    async def ask() -> None:
        for number in range(5):
            await decided(through(door, b"", ASKED[0]))
            await through(door, signed("root", keys["root"]), ASKED[8] | {"name": f"other/trunk/file{number}"})

    asyncio.run(ask())
    assert len(decisions) == 2


def test_a_creation_leaves_decisions_about_what_was_there(
    site: Site,
    door: Door,
    keys: dict[str, str],
    call: Call,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decisions: list[object] = []

    def counted(*arguments: Any, **more: Any) -> Admitted:
        decisions.append(more["name"])
        return admit(*arguments, **more)

    monkeypatch.setattr(module, "admit", counted)
    there = ASKED[8] | {"name": "other/trunk"}
    # A visitor is asked to sign in, as if it were hidden.
    to_come = ASKED[0] | {"name": "more"}
    global_permissions.set_anonymous_access(site, the_system(), True)

    with asyncio.Runner() as runner:

        def ask(authorization: bytes, asked: dict[str, Any]) -> tuple[object, ...]:
            return runner.run(decided(through(door, authorization, asked)))

        root = signed("root", keys["root"])
        before = ask(root, there)
        assert ask(b"", to_come)[0] == 401
        call("create_repo", repo_name="more", repo_type="git")
        decisions.clear()
        assert ask(root, there) == before
        assert not decisions
        assert isinstance(ask(b"", to_come)[0], Caller)
        call("lock", repoid="other", userid="ben", locked=True)
        assert ask(root, there) != before
        assert decisions == ["more", "other/trunk"]


@pytest.fixture
def admitting(site: Site, door: Door, keys: dict[str, str]) -> Iterator[Callable[[str], Admitted]]:
    """Lets somebody into `other` who comes with a key of `root`."""
    with site.store.write() as db:
        other = finding.find(db, accounts.find(db, "root").as_caller(ADDRESS), "other", Level.READ)

    def ask(key: str) -> Admitted:
        async def wait() -> Admitted:
            return await through(door, signed("root", key), ASKED[8] | {"name": other.name})

        return loop.run(wait())

    with asyncio.Runner() as loop:
        yield ask


def test_who_holds_the_lock_counts_though_a_push_has_released_it(
    site: Site, keys: dict[str, str], admitting: Callable[[str], Admitted]
) -> None:
    admitted = admitting(keys["root"])
    with site.store.write() as db:
        user_locks._store(db, admitted.repository.id, admitted.caller.user_id, user_locks.LockReason.PULL)
    assert admitting(keys["root"]).repository.locked_by == "root"
    with site.store.write(access_unchanged=True) as db:  # as a push does
        user_locks._store(db, admitted.repository.id, None, user_locks.LockReason.AUTO)
    assert admitting(keys["root"]).repository.locked_by is None


def test_a_key_that_has_ended_lets_nobody_in(
    site: Site, door: Door, keys: dict[str, str], admitting: Callable[[str], Admitted], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = admitting(keys["root"]).caller
    key = tokens.create_token(site, root, root.user_id, "root", role=Role.VCS, expires=int(time.time()) + 1000).key
    used = door._authenticator.used_tokens
    for _ in range(2):
        used.clear()
        assert admitting(key).caller == root
        assert len(used) == 1  # each time: when a key was last used is shown
    later = time.time() + 1001
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Refused):
        admitting(key)
