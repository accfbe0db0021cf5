# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page of a repository: what is in it, how to have it, and how to fill it (web.md 2.2)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Git, Person
from tests.support.servers import Server
from tests.support.stories import Story
from tests.support.systems import SYSTEMS, new_system
from tests.support.waiting import until

BY_SCRIPT = {"X_Requested_With": "XMLHttpRequest"}


def tree(answer: Answer) -> HTMLParser:
    assert answer.status == 200, answer.text
    return HTMLParser(answer.body)


def commands(found: HTMLParser) -> list[str]:
    return [code.text() for code in found.css("div.copy code")]


def words(found: HTMLParser, selector: str) -> str:
    node = found.css_first(selector)
    assert node is not None, selector
    return " ".join(node.text().split())


def test_files_readme_and_last_changes(story: Story) -> None:
    found = tree(story.browser.get(f"{story.at()}?changes=1"))
    expected = {
        "git": ["docs", "README.md", "side.py", "tide.py"],
        "hg": ["docs", ".hgtags", "README.md", "side.py", "tide.py"],
        "svn": ["docs", "README.md", "tide.py"],
    }
    assert [link.text() for link in found.css("table.files td.name a")] == expected[story.kind]
    changes = {
        row.css_first("td.name a").text(): row.css_first("td.what").text() for row in found.css("table.files tbody tr")
    }
    assert changes["docs"] == "Third" and changes["README.md"] == "First"
    assert found.css_first("article .prose h1").text() == "Tide"
    guide = found.css_first("article .prose a").attributes["href"]
    assert story.browser.get(str(guide)).status == 200
    assert words(found, "h1").endswith(story.name.rpartition("/")[2])


@pytest.mark.parametrize("page", ["", "summary", "/"])
def test_the_page_has_two_addresses(story: Story, page: str) -> None:
    answer = story.browser.get(f"{story.at()}/{page}" if page else story.at())
    assert answer.status == 200
    assert story.at("changelog") in answer.page.links


def test_facts(story: Story, server: Server) -> None:
    found = tree(story.browser.get(story.at()))
    about = words(found, "aside.side")
    assert f"Owner {story.owner.name}" in about and "1 follower · 0 forks" in about
    links = [str(link.attributes["href"]).partition("?")[0] for link in found.css("aside.side a")]
    assert {story.at("feed/atom"), story.at("feed/rss"), story.at("followers"), story.at("forks")} <= set(links)
    assert [link.rpartition(".")[2] for link in links if "/archive/" in link] == ["zip", "gz", "bz2"]
    recent = [
        str(link.attributes["href"]).rpartition("/")[2]
        for link in found.css("aside ul.facts a")
        if "/changeset/" in str(link.attributes["href"])
    ]
    assert recent == story.ids[:5]
    assert words(found, "a[aria-label$=changesets] .num") == str(len(story.ids))


def test_the_commands_work(story: Story, server: Server, tmp_path: Path) -> None:
    found = commands(tree(story.browser.get(story.at())))
    number = Api(server.url, story.owner.key)("get_repo", repoid=story.name)["repo_id"]
    main = "/trunk" if story.kind == "svn" else ""
    word = "svn checkout" if story.kind == "svn" else f"{story.kind} clone"
    folder = f" {story.name}"
    assert found == [
        f"{word} {server.url}/{story.name}{main}{folder if story.kind == 'svn' else ''}",
        f"{word} {server.url}/_{number}{main}{folder}",
    ]
    system = new_system(story.kind, tmp_path)
    assert system.checkout(server, f"_{number}", story.owner).files()


@pytest.mark.parametrize("kind", sorted(SYSTEMS))
def test_an_empty_repository_says_how_to_fill_it(
    kind: str, server: Server, root: Api, ada: Person, tmp_path: Path
) -> None:
    name = new_system(kind, tmp_path).new_repository(root, ada, private=True)
    adas = Browser(server.url)
    adas.sign_in(ada)
    found = tree(adas.get(f"/{name}"))
    assert "This repository is empty" in words(found, "main")
    given = commands(found)
    assert len(given) == 3 and all(f"{server.url}/{name}" in command for command in given)
    assert adas.get(f"/{name}/files").location == f"/{name}"
    reader = root.new_user()
    root("grant_user_permission", repoid=name, userid=reader.name, perm="repository.read")
    readers = Browser(server.url)
    readers.sign_in(reader)
    assert len(commands(tree(readers.get(f"/{name}")))) == 2
    # Somebody fills it, and the page is another one at once.
    (tmp_path / "other").mkdir()
    new_system(kind, tmp_path / "other").checkout(server, name, ada).change(
        "First", **{"README.rst": "Title\n=====\n\nText\n"}
    )
    filled = tree(adas.get(f"/{name}"))
    assert filled.css_first("article .prose h1").text() == "Title"


def test_a_directory_is_put_in_by_the_command(server: Server, root: Api, ada: Person, git: Git, tmp_path: Path) -> None:
    name = root.new_repo(owner=ada.name).name
    adas = Browser(server.url)
    adas.sign_in(ada)
    command = commands(tree(adas.get(f"/{name}")))[1].replace(f"{server.url}/{name}", server.clone_url(name, ada))
    place = tmp_path / "mine"
    place.mkdir()
    (place / "README").write_text("mine\n")
    done = subprocess.run(["sh", "-c", command], cwd=place, env=git.environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "mine" in words(tree(adas.get(f"/{name}")), "article")


def test_a_lock_and_an_archive_are_told(root: Api, server: Server, ada: Person) -> None:
    name = root.new_repo(owner=ada.name).name
    adas = Browser(server.url)
    adas.sign_in(ada)
    root("lock", repoid=name, userid=ada.name, locked=True)
    found = tree(adas.get(f"/{name}"))
    note = words(found, "div.note")
    assert note.startswith(f"Locked by {ada.name}") and "release the lock" in note
    assert found.css_first("div.note time") is not None
    root("lock", repoid=name, userid=ada.name, locked=False)
    assert tree(adas.get(f"/{name}")).css_first("div.note") is None


def test_extra_fields_with_a_value(root: Api, server: Server, ada: Person) -> None:
    name = root.new_repo(owner=ada.name).name
    for key, label in (("cost", "Cost <centre>"), ("void", "Nothing")):
        root("add_field_to_repo", repoid=name, key=key, label=label)
    root("update_repo", repoid=name, fields="cost=47&11")
    adas = Browser(server.url)
    adas.sign_in(ada)
    found = tree(adas.get(f"/{name}"))
    assert [item.text() for item in found.css("aside section:nth-of-type(2) li")] == ["Cost <centre>47&11"]
    assert "Nothing" not in words(found, "aside.side")


def test_the_newest_changes_as_a_part(story: Story) -> None:
    address = story.at("changelog_summary")
    assert story.browser.get(address).status == 400
    found = tree(story.browser.get(address, **BY_SCRIPT))
    assert [str(link.attributes["href"]).rpartition("/")[2] for link in found.css("a.strong")] == story.ids[:5]


def test_an_unchanged_page_is_not_sent_again(story: Story) -> None:
    def again() -> Answer:
        first = story.browser.get(story.at())
        return story.browser.get(story.at(), If_None_Match=first.headers["etag"])

    # What a job has just found out may stand on it for the first time.
    until(lambda: (found := again()).status == 304 and found.body == b"")


def test_statistics(story: Story) -> None:
    found = tree(story.browser.get(story.at("statistics")))
    assert len(found.css("svg.bars rect")) >= 1
    assert "Python" in words(found, "section[aria-labelledby=languages]")
    total = sum(int(row.css("td")[1].text()) for row in found.css("section[aria-labelledby=growth] tbody tr"))
    assert total == len(story.ids)
    address = story.at("repo_stats/tip")
    assert story.browser.get(address).status == 400
    told = json.loads(story.browser.get(address, **BY_SCRIPT).body)
    assert told["size"].endswith(" B") or told["size"].endswith(" kB")
    assert told["code_stats"]["py"]["desc"] == ["Python"]
    assert told["code_stats"]["md"]["count"] == (4 + 2 if story.kind == "svn" else 2)
    bar = tree(story.browser.get(story.at("languages"), **BY_SCRIPT))
    assert bar.css_first("svg[role=img]") is not None
    assert "Python" in words(tree(story.browser.get(story.at())), "section.langs")


def test_statistics_that_are_switched_off(root: Api, server: Server, ada: Person) -> None:
    name = root.new_repo(owner=ada.name).name
    adas = Browser(server.url)
    adas.sign_in(ada)
    assert "Statistics are switched off" in adas.get(f"/{name}/statistics").page.text
    told = json.loads(adas.get(f"/{name}/repo_stats/tip", **BY_SCRIPT).body)
    assert told == {"size": "0 B", "code_stats": {}}


def test_settings_by_their_old_address(root: Api, server: Server, ada: Person) -> None:
    name = root.new_repo(owner=ada.name).name
    adas = Browser(server.url)
    adas.sign_in(ada)
    assert adas.get(f"/{name}/edit").location == f"/{name}/settings"


def test_the_permanent_address(story: Story, server: Server) -> None:
    number = Api(server.url, story.owner.key)("get_repo", repoid=story.name)["repo_id"]
    for page in ("", "/summary", "/changelog", "/branches", "/forks"):
        assert story.browser.get(f"/_{number}{page}").status == 200
