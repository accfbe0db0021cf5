# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists are listed to whom they belong, and opened by whoever has their address, until they expire."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from tests.support import rows
from trivium.access.caller import Caller, anonymous
from trivium.errors import Forbidden, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.gists import gists, listing
from trivium.forge.gists.gists import Gist
from trivium.forge.gists.listing import Which
from trivium.forge.site import Site
from trivium.store import tables

VISITOR = anonymous("192.0.2.1")


@pytest.fixture
def make(site: Site) -> Callable[..., Gist]:
    def made(who: Caller, kind: str = "public", **files: str) -> Gist:
        with site.store.read() as db:
            owner = accounts.by_id(db, who.user_id)
        return gists.create(site, who, files=files or {"a.txt": "a"}, owner=owner, kind=kind, description=kind)

    return made


def expire(site: Site, gist: Gist, expires: int) -> None:
    with site.store.write() as db:
        db.execute(update(tables.gists).where(tables.gists.c.id == gist.id).values(expires=expires))


def test_lists_hold_what_their_reader_may_find(site: Site, ada: Caller, ben: Caller, make: Callable[..., Gist]) -> None:
    root = rows.user(site, "super", admin=True)
    public, private, other, hers = make(ada), make(ada, "private"), make(ben), make(ben, "private")
    old = make(ada)
    expire(site, old, int(time.time()) - 1)
    expire(site, public, int(time.time()) + 3600)

    def listed(who: Caller, which: Which) -> list[int]:
        with site.store.read() as db:
            page = listing.page(db, who, which)
        assert page.older is None
        return [one.gist.id for one in page.gists]

    for who in (VISITOR, ada, ben, root):
        assert listed(who, Which.PUBLIC) == [other.id, public.id]
    assert listed(ada, Which.OWN) == [private.id, public.id]
    assert listed(ada, Which.OWN_PUBLIC) == [public.id] and listed(ada, Which.OWN_PRIVATE) == [private.id]
    assert listed(root, Which.ALL) == [hers.id, other.id, private.id, public.id] and listed(root, Which.OWN) == []
    for who, which in ((ada, Which.ALL), (VISITOR, Which.ALL), (VISITOR, Which.OWN), (VISITOR, Which.OWN_PRIVATE)):
        with pytest.raises(Forbidden):
            listed(who, which)


def test_a_list_is_read_by_the_page(site: Site, ada: Caller, make: Callable[..., Gist]) -> None:
    made = [make(ada).id for _ in range(3)]
    with site.store.read() as db:
        first = listing.page(db, VISITOR, Which.PUBLIC, limit=2)
        second = listing.page(db, VISITOR, Which.PUBLIC, after=first.older or "", limit=2)
        assert [one.gist.id for one in [*first.gists, *second.gists]] == made[::-1] and second.older is None
        for key in ("x", "9" * 10, "9" * 40, "-1", "\0"):
            assert listing.page(db, VISITOR, Which.PUBLIC, after=key, limit=2) == first


def test_a_gist_is_opened_by_its_address_alone(site: Site, ada: Caller, ben: Caller, make: Callable[..., Gist]) -> None:
    public, private = make(ada), make(ada, "private", **{"b.txt": "b\n", "a.txt": "ä"})
    with site.store.read() as db:
        for gist in (public, private):
            shown = listing.opened(db, VISITOR, gist.access_id)
            assert (shown.gist, shown.owner, shown.may_change) == (gist, "ada", False)
            assert listing.opened(db, ada, gist.access_id).may_change
            assert not listing.opened(db, ben, gist.access_id).may_change
        wrong: list[Any] = [str(private.id), "", "\0", "\udcff", "x" * 10**6, public.access_id + " "]
        for access_id in wrong:
            with pytest.raises(NotFound):
                listing.opened(db, ada, access_id)
        assert list(listing.files(site, shown).items()) == [("a.txt", "ä"), ("b.txt", "b\n")]
        assert listing.raw(site, shown) == "ä\n\nb\n".encode() and listing.raw(site, shown, "b.txt") == b"b\n"
        with pytest.raises(NotFound):
            listing.raw(site, shown, "../config")
    expire(site, private, int(time.time()))
    with site.store.read() as db, pytest.raises(NotFound):
        listing.opened(db, ada, private.access_id)
