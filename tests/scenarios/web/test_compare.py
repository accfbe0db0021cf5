# SPDX-License-Identifier: GPL-3.0-or-later
"""Two revisions beside each other, of one repository or of two (system.md 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support.browser import Browser
from tests.support.changed import MANY, Changed
from tests.support.clients import Api, Git, Person, unique
from tests.support.servers import Server
from tests.support.stories import Story
from tests.support.svn_client import Svn, svn_url
from tests.support.systems import new_system


def page_of(browser: Browser, address: str, status: int = 200) -> LexborHTMLParser:
    answer = browser.get(address)
    assert answer.status == status, answer.text[:2000]
    return LexborHTMLParser(answer.body)


def subjects(page: LexborHTMLParser) -> list[str]:
    return [one.text() for one in page.css("ol.log a.strong")]


def paths(page: LexborHTMLParser) -> list[str | None]:
    return [one.attributes["aria-label"] for one in page.css("section.change")]


def test_two_revisions(readers: Browser, changed: Changed) -> None:
    page = page_of(readers, f"/{changed.name}/compare/rev@{changed.first}...rev@{changed.last}")
    assert subjects(page) == ["Blanks", "Many", "Tides are <b>computed</b> once"]
    assert len(paths(page)) == 8 + MANY
    (swap,) = (link.attributes["href"] for link in page.css(".compare-form a.button"))
    assert swap is not None
    back = page_of(readers, swap)
    assert subjects(back) == []
    assert "The second has no changesets that the first has not." in back.css_first("main").text()
    assert len(paths(back)) == 8 + MANY
    # Since they parted, which is where the second is, nothing has come to it.
    assert paths(page_of(readers, f"{swap}?merge=1")) == []
    # What can be downloaded is what the page shows.
    addresses = [link.attributes["href"] or "" for link in page.css(".toolbar .sheet a")]
    (series,) = (address for address in addresses if "/changeset-patch/" in address)
    assert readers.get(series).status == 200


def test_equal_sides(readers: Browser, changed: Changed) -> None:
    page = page_of(readers, f"/{changed.name}/compare/rev@{changed.first}...rev@{changed.first}")
    assert "Both are the same changeset" in page.css_first("main").text()
    assert paths(page) == []


def test_what_cannot_be_compared(readers: Browser, changed: Changed) -> None:
    """Whoever mistyped is told what is wrong, with what they typed in the form."""
    name, first = changed.name, changed.first
    for sides, said in (
        (f"branch@nowhere...rev@{first}", "There is no revision nowhere."),
        (f"rev@{first}...tag@nowhere", "There is no revision nowhere."),
        (f"branch@{first}...rev@{first}", f"There is no revision {first}."),
        ("nowhere...nothing", "There is no revision nowhere."),
        (f"{first}...tag@", "Two revisions look like this"),
        (f"rev@{first}", "Two revisions look like this"),
        ("x" * 5000, "Two revisions look like this"),
        (f"rev@{first}...rev@{first}?target_repo=nowhere", "There is no repository nowhere, or you may not read it."),
    ):
        page = page_of(readers, f"/{name}/compare/{sides}", 404)
        assert said in page.css_first("[role=alert]").text()
        if "nowhere" in sides and "?" not in sides and "@" in sides:
            fields = [field.attributes["value"] for field in page.css("input.field")[:2]]
            assert "...".join(field or "" for field in fields) == sides


def test_revisions_are_chosen(readers: Browser, changed: Changed) -> None:
    """The form leads to an address of its own."""
    page = page_of(readers, f"/{changed.name}/compare")
    offered = {option.attributes["value"] for option in page.css("datalist option")}
    assert offered == {"git": {"branch@master"}, "hg": {"branch@default", "tag@tip"}, "svn": set()}[changed.kind]
    answer = readers.get(f"/{changed.name}/compare?left={changed.first}&right=rev%40tip&target_repo={changed.name}")
    assert (answer.status, answer.location) == (302, f"/{changed.name}/compare/rev@{changed.first}...rev@tip")
    chosen = readers.get(f"/{changed.name}/compare?left={changed.first}&right={changed.second}&merge=1").location
    assert chosen == f"/{changed.name}/compare/rev@{changed.first}...rev@{changed.second}?merge=1"
    assert subjects(page_of(readers, chosen)) == ["Tides are <b>computed</b> once"]


def test_names_without_a_type(story: Story) -> None:
    """As people type them; what a name stands for is found out."""
    with_types = page_of(story.browser, story.at(f"compare/branch@{story.side}...branch@{story.main}"))
    assert "Third" in subjects(with_types) and subjects(with_types)
    for left, right in ((story.side, story.main), (f"branch@{story.side}", story.main)):
        page = page_of(story.browser, story.at(f"compare/{left}...{right}"))
        assert (subjects(page), paths(page)) == (subjects(with_types), paths(with_types))
    assert page_of(story.browser, story.at(f"compare/{story.ids[2]}...{story.ids[0]}")).css("section.change")


class Lines:
    """A repository of Git whose branches parted, and a fork of it."""

    def __init__(self, server: Server, root: Api, git: Git) -> None:
        self.ada, self.bob = root.new_user(), root.new_user()
        self.name = root.new_repo(owner=self.ada.name, private=True).name
        work = git.new_work(unique("work"))
        self.start = git.commit(work, "start", a="a\n", b="b\n")
        git.run("checkout", "--quiet", "-b", "feature/one", cwd=work)
        self.side = git.commit(work, "aside", side="x\n")
        git.run("checkout", "--quiet", "master", cwd=work)
        self.ahead = git.commit(work, "ahead", a="a, later\n")
        git.run("tag", "-a", "-m", "first", "v1.0", cwd=work)
        git.run("checkout", "--quiet", "--orphan", "apart", cwd=work)
        git.run("rm", "--quiet", "-rf", ".", cwd=work)
        self.apart = git.commit(work, "apart", other="y\n")
        git.run("push", "--quiet", "--all", server.clone_url(self.name, self.ada), cwd=work)
        git.run("push", "--quiet", "--tags", server.clone_url(self.name, self.ada), cwd=work)
        self.fork = unique("fork")
        root("fork_repo", repoid=self.name, fork_name=self.fork, owner=self.bob.name, private=True)
        git.run("checkout", "--quiet", "master", cwd=work)
        self.forked = git.commit(work, "in the fork", forked="z\n")
        git.run("push", "--quiet", server.clone_url(self.fork, self.bob), "master", cwd=work)


@pytest.fixture(scope="module")
def lines(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Lines:
    return Lines(server, root, Git(tmp_path_factory.mktemp("lines")))


def browser_of(server: Server, person: Person) -> Browser:
    browser = Browser(server.url)
    assert browser.sign_in(person).status == 302
    return browser


def test_branches_that_parted(server: Server, lines: Lines) -> None:
    browser = browser_of(server, lines.ada)
    sides = "branch@feature/one...branch@master"
    plain = page_of(browser, f"/{lines.name}/compare/{sides}")
    assert subjects(plain) == ["ahead"]
    assert "The first has 1 changeset that the second has not." in plain.css_first("main").text()
    assert paths(plain) == ["a", "side"]
    merged = page_of(browser, f"/{lines.name}/compare/{sides}?merge=1")
    assert paths(merged) == ["a"]
    assert merged.css_first("input[name=merge]").attributes.keys() >= {"checked"}
    encoded = sides.replace("/", "%2F")
    assert paths(page_of(browser, f"/{lines.name}/compare/{encoded}")) == ["a", "side"]
    tagged = page_of(browser, f"/{lines.name}/compare/rev@{lines.start[:8]}...tag@v1.0")
    assert subjects(tagged) == ["ahead"]
    apart = page_of(browser, f"/{lines.name}/compare/branch@master...branch@apart")
    assert "no history in common" in apart.css_first("main").text()
    assert paths(apart) == ["a", "b", "other"]


def test_a_fork(server: Server, root: Api, lines: Lines) -> None:
    """Two repositories are compared by whoever may read both; for others the second one does not exist."""
    address = f"/{lines.name}/compare/branch@master...branch@master?target_repo={lines.fork}"
    for person in (lines.ada, lines.bob):
        assert browser_of(server, person).get(address).status == 404
    hidden = page_of(browser_of(server, lines.ada), address, 404).css_first("[role=alert]").text()
    missing = page_of(browser_of(server, lines.ada), address.replace(lines.fork, "nowhere"), 404)
    assert hidden.replace(lines.fork, "nowhere") == missing.css_first("[role=alert]").text()
    root("grant_user_permission", repoid=lines.fork, userid=lines.ada.name, perm="repository.read")
    browser = browser_of(server, lines.ada)
    for parameter in ("target_repo", "other_repo"):
        page = page_of(browser, address.replace("target_repo", parameter))
        assert subjects(page) == ["in the fork"]
        assert paths(page) == ["forked"]
        hrefs = [link.attributes["href"] or "" for link in page.css("ol.log a")]
        assert {href.split("/")[1] for href in hrefs} == {lines.fork}
    (swap,) = (link.attributes["href"] for link in page.css(".compare-form a.button"))
    assert swap is not None
    assert swap.startswith(f"/{lines.fork}/compare/")
    assert paths(page_of(browser, swap)) == ["forked"]
    root("revoke_user_permission", repoid=lines.fork, userid=lines.ada.name)
    assert browser.get(address).status == 404


@pytest.mark.parametrize("kind", ["hg", "svn"])
def test_a_fork_of_other_systems(
    server: Server, root: Api, every_changed: Callable[[str], Changed], kind: str, tmp_path: Path
) -> None:
    changed = every_changed(kind)
    fork = unique("fork")
    root("fork_repo", repoid=changed.name, fork_name=fork, owner=changed.owner.name, private=True)
    copy = new_system(kind, tmp_path / "home").checkout(server, fork, changed.owner)
    copy.change("in the fork", forked="z\n")
    browser = browser_of(server, changed.owner)
    address = f"/{changed.name}/compare/rev@tip...rev@tip?target_repo={fork}"
    if kind == "svn":
        said = page_of(browser, address, 404).css_first("[role=alert]").text()
        assert said
        return
    page = page_of(browser, address)
    assert subjects(page) == ["in the fork"]
    assert paths(page) == ["forked"]


def test_repositories_of_two_systems(server: Server, root: Api, every_changed: Callable[[str], Changed]) -> None:
    git, hg = every_changed("git"), every_changed("hg")
    root("grant_user_permission", repoid=hg.name, userid=git.owner.name, perm="repository.read")
    address = f"/{git.name}/compare/rev@{git.first}...rev@tip?target_repo={hg.name}"
    page = page_of(browser_of(server, git.owner), address, 404)
    assert "Only repositories of the same system" in page.css_first("[role=alert]").text()


class Directories:
    """A repository of Subversion in which work went on in trunk and in a branch."""

    def __init__(self, server: Server, root: Api, home: Path) -> None:
        owner = root.new_user()
        self.name = root.new_repo(kind="svn", owner=owner.name, private=True).name
        svn, url, place = Svn(home, owner), svn_url(server.url, self.name), home / "copy"
        svn.run("mkdir", "-m", "Layout", f"{url}/trunk", f"{url}/branches", f"{url}/tags")
        svn.run("checkout", "--quiet", url, str(place))

        def commit(message: str, **files: str | None) -> None:
            for path, content in files.items():
                if content is None:
                    svn.run("delete", "--quiet", path, cwd=place)
                else:
                    (place / path).parent.mkdir(parents=True, exist_ok=True)
                    (place / path).write_text(content)
            svn.run("add", "--quiet", "--force", ".", cwd=place)
            svn.run("commit", "--quiet", "-m", message, cwd=place)
            svn.run("update", "--quiet", cwd=place)

        commit("Start", **{"trunk/same": "same\n", "trunk/both": "one\ntwo\n", "trunk/d/gone": "x\n"})
        svn.run("copy", "--quiet", "-m", "Branch", f"{url}/trunk", f"{url}/branches/side")
        svn.run("update", "--quiet", cwd=place)
        commit("In trunk", **{"trunk/both": "one\nzwei\n"})
        commit("In the branch", **{"branches/side/both": "one\ntwo\nthree\n", "branches/side/d/gone": None})
        commit("More in the branch", **{"branches/side/new": "n\n"})
        svn.run("propset", "--quiet", "mark", "it", "branches/side", cwd=place)
        commit("A property")
        self.browser = browser_of(server, owner)

    def page(self, sides: str) -> LexborHTMLParser:
        return page_of(self.browser, f"/{self.name}/compare/{sides}")


@pytest.fixture(scope="module")
def directories(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Directories:
    return Directories(server, root, tmp_path_factory.mktemp("directories"))


BRANCH_FILES = ["branches/side", "branches/side/both", "trunk/d/gone", "branches/side/new"]


def test_directories_of_subversion(directories: Directories) -> None:
    """What is called alike below both is compared, whatever was copied from where."""
    for sides in ("trunk...branches/side", "branch@trunk...branch@branches/side", "trunk@7...rev@branches/side@7"):
        page = directories.page(sides)
        assert paths(page) == BRANCH_FILES, sides
        assert subjects(page) == ["A property", "More in the branch", "In the branch", "Branch"]
        assert "The first has 1 changeset that the second has not." in page.css_first("main").text()
    links = [link.attributes["href"] or "" for link in page.css("section.change a, .toolbar .sheet a")]
    addresses = [link for link in links if link.startswith("/")]
    assert any("/files/7/branches/side" in link for link in addresses)
    assert [link for link in addresses if directories.browser.get(link).status != 200] == []
    # Since the two were one.
    merged = directories.page("trunk...branches/side?merge=1")
    both = next(one for one in merged.css("section.change") if "both" in (one.attributes["aria-label"] or ""))
    assert "zwei" not in both.text() and "three" in both.text()
    assert paths(directories.page("branches/side...trunk")) == [
        "trunk", "trunk/both", "trunk/d/gone", "branches/side/new"
    ]  # fmt: skip


def test_a_directory_at_two_revisions(directories: Directories) -> None:
    assert paths(directories.page("trunk@2...trunk@4")) == ["trunk/both"]
    assert paths(directories.page("trunk@4...trunk")) == []
    assert "nothing to compare" in directories.page("trunk@2...trunk@2").css_first("main").text()
    # Two files, too.
    assert paths(directories.page("trunk/both...branches/side/both")) == ["branches/side/both"]


def test_what_is_no_directory(directories: Directories) -> None:
    for sides in ("trunk@1000...trunk", "trunk...nowhere", "nowhere@3...trunk", "trunk@x...trunk", "../trunk...trunk"):
        answer = directories.browser.get(f"/{directories.name}/compare/{sides}")
        assert answer.status == 404 and "There is no revision" in answer.text, sides


def test_the_way_to_the_comparison_of_a_branch(directories: Directories) -> None:
    page = page_of(directories.browser, f"/{directories.name}/branches")
    links = [
        link.attributes["href"] or "" for link in page.css("table a") if "/compare/" in (link.attributes["href"] or "")
    ]
    assert links == [f"/{directories.name}/compare/branch@trunk...branch@branches/side"]
    assert paths(page_of(directories.browser, links[0])) == BRANCH_FILES
