# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals as pages and feeds: to whom what is told, in which words (system.md 2.6)."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.support import rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller, the_system
from trivium.access.keys import Role
from trivium.access.levels import Level
from trivium.forge.accounts import tokens
from trivium.forge.events import journal
from trivium.forge.events.event import Event
from trivium.forge.events.moves import PulledFromRemote, Pushed, Stripped
from trivium.forge.events.repositories import (
    RepositoryArchived,
    RepositoryChanged,
    RepositoryCreated,
    RepositoryLocked,
    RepositoryUnlocked,
)
from trivium.forge.events.reviews import Commented
from trivium.forge.repositories.followers import set_public_journal, toggle_following
from trivium.forge.site import Site

ATOM = "{http://www.w3.org/2005/Atom}"
ID = "ab" * 20
ZERO = "0" * 40


@pytest.fixture
def tide(site: Site, ada: Caller) -> int:
    with site.store.write() as db:
        return rows.repository(db, "ocean/tide", ada)


def happens(site: Site, who: Caller, *events: Event) -> None:
    with site.store.write() as db:
        for event in events:
            journal.record(db, who, event)


def created(repository_id: int, name: str, *, fork_of: str | None = None, imported: bool = False) -> Event:
    given = {"kind": "git", "private": False, "owner": "ada"}
    return RepositoryCreated(subject=name, repository_id=repository_id, **given, fork_of=fork_of, imported=imported)


def push(repository_id: int, name: str, *refs: tuple[str, str, str]) -> Event:
    return Pushed(subject=name, repository_id=repository_id, refs=refs or [("refs/heads/main", ZERO, ID)])


def test_what_happened_is_told_in_words(doorway: Doorway, site: Site, tide: int, ada: Caller, ben: Caller) -> None:
    toggle_following(site, ben, repository_id=tide)
    here = {"subject": "ocean/tide", "repository_id": tide}
    happens(
        site,
        ada,
        created(tide, "ocean/tide"),
        created(tide, "ocean/tide", fork_of="secret/plan"),
        created(tide, "ocean/tide", imported=True),
        push(tide, "ocean/tide"),
        Stripped(**here, refs=[("refs/heads/main", ID, ZERO)]),
        PulledFromRemote(**here, refs=[("", "3", "4")]),
        RepositoryChanged(**here, changes={"description": "x", "clone_uri": "https://secret@example.org"}, was={}),
        RepositoryArchived(**here, archived=True, was={}),
        RepositoryArchived(**here, archived=False, was={}),
        RepositoryLocked(**here, holder="ada"),
        RepositoryUnlocked(**here, holder="ada"),
        Commented(**here, revision=ID, author="ada", status=None),
        Commented(**here, revision=ID, author="ada", status="approved"),
    )
    page = doorway.visitor(ben).get("/_admin/journal").page
    for sentence in (
        "ada created ocean/tide",
        "ada created the fork ocean/tide",
        "ada imported ocean/tide",
        "ada pushed to ocean/tide main abababababab",
        "ada removed changesets from ocean/tide main removed",
        "ada updated ocean/tide from another server r4",
        "ada changed the settings of ocean/tide (clone uri, description)",
        "ada archived ocean/tide",
        "ada opened ocean/tide again",
        "ada locked ocean/tide",
        "ada unlocked ocean/tide",
        "ada commented on abababababab in ocean/tide",
        "ada approved abababababab in ocean/tide",
    ):
        assert sentence in page.text
    assert {"/ocean/tide", "/_profiles/ada", f"/ocean/tide/changeset/{ID}"} <= set(page.links)
    assert "secret" not in page.text


def test_only_what_one_follows_and_may_read(doorway: Doorway, site: Site, tide: int, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        shut = rows.repository(db, "sealed-up", ada)
        other = rows.repository(db, "far-away", ada)
    toggle_following(site, ben, repository_id=tide)
    toggle_following(site, ben, repository_id=shut)
    happens(site, ada, push(tide, "ocean/tide"), push(shut, "sealed-up"), push(other, "far-away"))
    with site.store.write() as db:
        rows.grant(db, rows.tables.repository_grants, shut, ben.user_id, Level.NONE)
    visitor = doorway.visitor(ben)
    for path in ("/_admin/journal", "/_admin/public_journal", "/_admin/journal/atom", "/_admin/public_journal_rss"):
        text = visitor.get(path).text
        assert "ocean/tide" in text and "sealed-up" not in text and "far-away" not in text, path


def test_visitors_read_what_everybody_is_shown(
    doorway: Doorway, site: Site, tide: int, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    happens(site, ada, push(tide, "ocean/tide"))
    visitor = doorway.visitor()
    assert visitor.get("/_admin/public_journal").status == 302
    with site.store.write() as db:
        db.exec_driver_sql("UPDATE users SET active = true WHERE username = 'default'")
    page = visitor.get("/_admin/public_journal").page
    assert "Nothing is shown here yet" in page.text
    set_public_journal(site, ada, tide, shown=True)
    page = visitor.get("/_admin/public_journal").page
    assert "ada pushed to ocean/tide" in page.text
    # Pages of users are for users.
    assert "/_profiles/ada" not in page.links and "auth_token" not in str(page.links)
    for path in ("atom", "rss"):
        for form in (f"/_admin/public_journal/{path}", f"/_admin/public_journal_{path}"):
            answer = visitor.get(form)
            assert answer.status == 200 and b"ocean/tide" in answer.body
        assert visitor.get(f"/_admin/journal/{path}").location.startswith("/_admin/login")
    assert visitor.get("/_admin/journal").location.startswith("/_admin/login")


def test_feeds_are_well_formed_and_their_entries_last(
    doorway: Doorway, site: Site, tide: int, ada: Caller, ben: Caller
) -> None:
    toggle_following(site, ben, repository_id=tide)
    happens(site, ada, *(push(tide, "ocean/tide", ("refs/heads/<b>&\x07", ZERO, ID)) for _ in range(25)))
    visitor = doorway.visitor(ben)
    answer = visitor.get("/_admin/journal/atom")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    atom = ElementTree.fromstring(answer.body)
    entries = atom.findall(f"{ATOM}entry")
    assert len(entries) == 20
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == 20
    assert entries[0].findtext(f"{ATOM}title") == "ada - pushed to ocean/tide"
    link = entries[0].find(f"{ATOM}link")
    assert link is not None and link.get("href") == "http://forge.example.org/ocean/tide/changelog"
    assert f"http://forge.example.org/ocean/tide/changeset/{ID}" in (entries[0].findtext(f"{ATOM}content") or "")
    answer = visitor.get("/_admin/journal/rss")
    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    items = ElementTree.fromstring(answer.body).findall("channel/item")
    assert [item.findtext("guid") for item in items] == ids
    assert visitor.get("/_admin/journal/atom").body == visitor.get("/_admin/journal/atom").body


def test_the_addresses_of_feeds_have_a_key_for_feeds(
    doorway: Doorway, site: Site, tide: int, ada: Caller, ben: Caller
) -> None:
    toggle_following(site, ben, repository_id=tide)
    happens(site, ada, push(tide, "ocean/tide"))
    visitor = doorway.visitor(ben)
    page = visitor.get("/_admin/journal").page
    (address,) = {link for link in page.links if "/atom" in link}
    found = re.fullmatch(r"/_admin/journal/atom\?auth_token=([0-9a-f]{40})", address)
    assert found is not None
    assert visitor.get("/_admin/journal").page.links == page.links
    with site.store.read() as db:
        assert [token.role for token in tokens.tokens_of(db, ben.user_id)] == [Role.ALL, Role.FEED]
    # It opens the feed for whoever has not signed in, and nothing else.
    reader = doorway.visitor()
    assert b"ocean/tide" in reader.get(address).body
    assert found[1].encode() not in reader.get(address).body
    assert reader.get(f"/_admin/journal?auth_token={found[1]}").status == 302
    # Whoever came with a key is told no other.
    built_in = tokens.reset_builtin(site, the_system(), ben.user_id, "ben")
    assert built_in.encode() not in visitor.get("/_admin/journal").body


def test_an_empty_journal_says_how_to_fill_it(doorway: Doorway, ben: Caller) -> None:
    page = doorway.visitor(ben).get("/_admin/journal").page
    assert "Nothing has happened yet in what you follow" in page.text and "Follow" in page.text
    for form in ("atom", "rss"):
        ElementTree.fromstring(doorway.visitor(ben).get(f"/_admin/journal/{form}").body)


def test_long_journals_page_by_key(doorway: Doorway, site: Site, tide: int, ada: Caller, ben: Caller) -> None:
    toggle_following(site, ben, repository_id=tide)
    happens(site, ada, *(push(tide, "ocean/tide", (f"refs/heads/b{n}", ZERO, ID)) for n in range(60)))
    visitor = doorway.visitor(ben)
    first = visitor.get("/_admin/journal").page
    assert first.text.count("ada pushed to ocean/tide") == 50 and "b59" in first.text and "b9" not in first.text.split()
    (older,) = (found["href"] for found in first.all("a", rel="next"))
    page = visitor.get(older).page
    assert page.text.count("ada pushed to ocean/tide") == 10 and "b0" in page.text.split()
    assert visitor.get("/_admin/journal?after=nonsense").page.text.count("ada pushed to ocean/tide") == 50
    assert "That was everything" in visitor.get("/_admin/journal?after=1").page.text
