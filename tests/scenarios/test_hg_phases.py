# SPDX-License-Identifier: GPL-3.0-or-later
"""A Mercurial repository that does not publish: what is pushed there stays draft (api-reviews.md 6, phases_publish)."""

from __future__ import annotations

from tests.support.clients import Api, Person, unique
from tests.support.hg_client import Hg
from tests.support.servers import Server
from tests.support.systems import new_system


def phases(copy: object) -> list[str]:
    """Those of all changesets of a copy, oldest first."""
    return str(copy.run("log", "-r", "all()", "-T", "{phase}\n")).split()  # type: ignore[attr-defined]


def test_what_is_pushed_to_a_repository_that_does_not_publish_stays_draft(
    server: Server, root: Api, hg: Hg, ada: Person
) -> None:
    system = new_system("hg", hg.home)
    name = system.new_repository(root, ada, unique("drafts"))
    copy = system.checkout(server, name, ada)
    copy.change("one")
    assert phases(copy) == ["public"]
    for no in ("False", False):
        ada.api("set_repo_settings", repoid=name, settings={"phases_publish": no})
        copy.change("more")
        assert phases(copy)[-1] == "draft"
    assert phases(copy) == ["public", "draft", "draft"]
    other = system.checkout(server, name, ada)
    assert phases(other) == ["public", "draft", "draft"]
    pulled = system.checkout(server, name, ada)
    copy.change("even more")
    pulled.update()
    assert phases(pulled) == ["public", "draft", "draft", "draft"]
    # Its author changes it: that is what a draft is for.
    copy.run("commit", "--amend", "-m", "said better")
    assert phases(copy)[-1] == "draft"
    ada.api("set_repo_settings", repoid=name, settings={"phases_publish": None})
    for one in (other, pulled):
        one.run("pull")
        assert set(phases(one)) == {"public"}
    assert set(phases(system.checkout(server, name, ada))) == {"public"}


def test_one_repository_says_nothing_of_another(server: Server, root: Api, hg: Hg, ada: Person) -> None:
    """The processes that serve them keep repositories open, and serve one after the other."""
    system = new_system("hg", hg.home)
    names = [system.new_repository(root, ada, unique("hg")) for _ in range(2)]
    ada.api("set_repo_settings", repoid=names[0], settings={"phases_publish": False})
    copies = [system.checkout(server, name, ada) for name in names]
    for _ in range(3):
        for copy in copies:
            copy.change("x")
    assert [set(phases(copy)) for copy in copies] == [{"draft"}, {"public"}]
    assert [set(phases(system.checkout(server, name, ada))) for name in names] == [{"draft"}, {"public"}]


def test_pulls_that_need_not_be_told_are_not(own_server: Server, hg: Hg) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    system = new_system("hg", hg.home)
    told, untold = (system.new_repository(root, own_server.administrator) for _ in range(2))
    root("set_repo_settings", repoid=untold, settings={"hooks_outgoing_pull_logger": "no"})
    root("set_repo_settings", repoid=untold, settings={"hooks_changegroup_push_logger": "no"})
    for name in (untold, told):
        system.checkout(own_server, name, own_server.administrator).change("one")
        system.checkout(own_server, name, own_server.administrator)
    own_server.stop()
    assert own_server.journal("pull", told)
    assert own_server.journal("pull", untold) == []
    assert len(own_server.journal("push", untold)) == 1
