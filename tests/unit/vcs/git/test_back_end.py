# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a git repository, extended push by push, is always that which git itself would tell.

`history` is given what a push changed and what it knew before; a wrong guess there would show a wrong last changeset
for as long as the repository lives. So long random lives of repositories are compared with git at every step, with
few distinct dates, because ties and clocks that go backwards are where guessing goes wrong.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from trivium.vcs.errors import VcsError
from trivium.vcs.git.back_end import ZERO, Git
from trivium.vcs.git.command import GitCommand, git_command
from trivium.vcs.values import History, Parent, RefUpdate

WHO = "Ada Lovelace <ada@example.org>"
NOON = 1_700_000_000


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> GitCommand:
    return git_command("git", tmp_path_factory.mktemp("git") / "gitconfig")


@pytest.fixture
def back_end(command: GitCommand) -> Git:
    return Git(command)


@pytest.fixture
def place(back_end: Git, tmp_path: Path) -> Place:
    path = tmp_path / "repository"
    back_end.create(path)
    return Place(path, back_end.command)


@dataclass
class Place:
    """A repository, changed behind the back end's back as a push would change it."""

    path: Path
    command: GitCommand
    refs: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        return self.command.run(*arguments, cwd=self.path, stdin=stdin).decode().strip()

    def commit(self, *parents: str, when: int = NOON, message: bytes = b"a change\n", author: str = WHO) -> str:
        """A commit like no other one."""
        self.made += 1
        tree = self.git("hash-object", "-t", "tree", "-w", "--stdin")
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {author} {when + self.made} +0000", f"committer {author} {when} +0000"]
        content = "\n".join(lines).encode() + b"\n\n" + message
        return self.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=content)

    def tag(self, target: str, kind: str = "commit") -> str:
        """An annotated tag."""
        self.made += 1
        content = f"object {target}\ntype {kind}\ntag t{self.made}\ntagger {WHO} {NOON} +0000\n\na tag\n"
        return self.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=content.encode())

    def move(self, name: str, to: str) -> RefUpdate:
        """Set a ref, or remove it by moving it to zero."""
        old = self.refs.get(name, ZERO)
        if to == ZERO:
            self.git("update-ref", "-d", name)
            self.refs.pop(name)
        else:
            self.git("update-ref", name, to)
            self.refs[name] = to
        return RefUpdate(name, old, to)

    @property
    def cache(self) -> Path:
        return self.path.with_name("cache")

    def check_order(self, listed: list[str]) -> None:
        """All commits are there, parents first, the youngest last.

        The rest is git's choice: where clocks went backwards a new branch may change the order of old commits.
        """
        lines = [line.split() for line in self.git("rev-list", "--parents", "--branches", "--tags").splitlines()]
        at = {raw_id: number for number, raw_id in enumerate(listed)}
        assert sorted(listed) == sorted(raw_id for raw_id, *_ in lines)
        assert all(at[parent] < at[raw_id] for raw_id, *parents in lines for parent in parents)
        assert listed[-1:] == [raw_id for raw_id in [self.truth()[1]] if raw_id != ZERO]

    def truth(self) -> tuple[int, str]:
        """How many commits there are, and which is the youngest, in git's own words."""
        everything = self.git("rev-list", "--date-order", "--branches", "--tags").split()
        return len(everything), everything[0] if everything else ZERO


def told(history: History) -> tuple[int, str]:
    return history.last.revision + 1, history.last.raw_id


def test_an_empty_repository_has_the_empty_changeset(back_end: Git, place: Place) -> None:
    last = back_end.history(place.path, place.cache).last
    assert (last.raw_id, last.short_id, last.revision) == (ZERO, ZERO[:12], -1)
    assert (last.message, last.author, last.date, last.parents, last.branch) == (
        "",
        "",
        "1970-01-01T00:00:00",
        (),
        None,
    )


def test_a_changeset_says_what_the_commit_says(back_end: Git, place: Place) -> None:
    first = place.commit()
    second = place.commit(first, when=NOON + 60, message="Grüße\n\nund mehr\n".encode())
    place.move("refs/heads/main", second)
    last = back_end.history(place.path, place.cache).last
    assert last.raw_id == second
    assert last.short_id == second[:12]
    assert last.revision == 1
    assert last.message == "Grüße\n\nund mehr\n"
    assert last.author == WHO
    assert last.date == "2023-11-14T22:14:22", "when it was written, not when it was committed"
    assert last.parents == (Parent(first),)
    assert last.branch == "main"


@pytest.mark.parametrize(
    ("message", "author", "expected"),
    [
        (b"gr\xfc\xdfe\n", WHO, "gr��e\n"),
        (b"", WHO, ""),
        (b"a\0b\n", WHO, "a"),
        (b"two\n", " <>", "two\n"),
        (b"three\n", "\N{SNOWMAN} <snow@example.org>", "three\n"),
    ],
)
def test_odd_commits_are_shown_all_the_same(
    back_end: Git, place: Place, message: bytes, author: str, expected: str
) -> None:
    commit = place.commit(message=message, author=author)
    place.move("refs/heads/master", commit)
    last = back_end.history(place.path, place.cache).last
    assert last.raw_id == commit
    assert last.message == expected


@pytest.mark.parametrize("when", [0, 2**31, 2**40, 2**62])
def test_any_date_can_be_shown(back_end: Git, place: Place, when: int) -> None:
    place.move("refs/heads/master", place.commit(when=when))
    last = back_end.history(place.path, place.cache).last
    assert len(last.date) == len("1970-01-01T00:00:00")
    assert last.revision == 0


def test_the_branch_of_a_changeset_is_the_default_one_if_it_can_be(back_end: Git, place: Place) -> None:
    commit = place.commit()
    place.move("refs/heads/a", commit)
    place.move("refs/heads/master", commit)
    place.move("refs/tags/t", commit)
    assert back_end.history(place.path, place.cache).last.branch == "master"
    place.move("refs/heads/master", ZERO)
    assert back_end.history(place.path, place.cache).last.branch == "a"
    place.move("refs/heads/a", ZERO)
    assert back_end.history(place.path, place.cache).last.branch is None


def test_only_branches_and_tags_count(back_end: Git, place: Place) -> None:
    place.move("refs/heads/master", place.commit())
    known = back_end.history(place.path, place.cache)
    update = place.move("refs/notes/commits", place.commit(when=NOON + 60))
    assert told(back_end.history(place.path, place.cache, known.state, [update])) == told(known) == place.truth()


def test_a_child_that_is_older_than_its_parent_does_not_hide_another_branch(back_end: Git, place: Place) -> None:
    """Clocks go backwards: the youngest is then the tip of a branch that the push does not mention."""
    young, other = place.commit(when=NOON + 20), place.commit(when=NOON + 10)
    place.move("refs/heads/a", young)
    place.move("refs/heads/b", other)
    known = back_end.history(place.path, place.cache)
    assert known.last.raw_id == young
    update = place.move("refs/heads/a", place.commit(young, when=NOON))
    assert told(back_end.history(place.path, place.cache, known.state, [update])) == place.truth() == (3, other)


def test_a_state_that_does_not_fit_is_noticed(back_end: Git, place: Place) -> None:
    first = place.commit()
    place.move("refs/heads/master", first)
    known = back_end.history(place.path, place.cache)
    place.move("refs/heads/unmentioned", place.commit(when=NOON + 5))
    update = place.move("refs/heads/master", place.commit(first, when=NOON + 9))
    assert told(back_end.history(place.path, place.cache, known.state, [update])) == place.truth()


def test_pushes_that_end_in_another_order_than_they_began(back_end: Git, place: Place) -> None:
    first = place.commit()
    place.move("refs/heads/master", first)
    known = back_end.history(place.path, place.cache)
    one = place.move("refs/heads/one", place.commit(first, when=NOON + 1))
    two = place.move("refs/heads/two", place.commit(first, when=NOON + 2))
    later = back_end.history(place.path, place.cache, known.state, [two])
    assert told(later) == place.truth()
    assert told(back_end.history(place.path, place.cache, later.state, [one])) == place.truth()


def test_refs_that_appear_while_the_history_is_counted_are_left_to_the_next(
    back_end: Git, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two first pushes at once: each counts what it saw, and nothing is counted twice."""
    place.move("refs/heads/a", place.commit())
    late: list[RefUpdate] = []
    run = GitCommand.run

    def slow_run(self: GitCommand, *arguments: str, cwd: Path, **more: Any) -> bytes:
        if arguments[0] == "rev-list" and not late:
            late.append(RefUpdate("refs/heads/b", ZERO, ""))  # what `move` does itself is not slowed down
            late[:] = [place.move("refs/heads/b", place.commit(when=NOON + 1))]
        return run(self, *arguments, cwd=cwd, **more)

    monkeypatch.setattr(GitCommand, "run", slow_run)
    before = back_end.history(place.path, place.cache)
    assert late
    assert before.last.revision == 0
    assert told(back_end.history(place.path, place.cache, before.state, late)) == place.truth()


def test_what_is_no_repository_is_said_to_be_none(back_end: Git, tmp_path: Path) -> None:
    with pytest.raises(VcsError):
        back_end.history(tmp_path, tmp_path / "cache")
    with pytest.raises(VcsError):
        back_end.accepted(tmp_path / "nowhere", [RefUpdate("refs/heads/a", ZERO, "1" * 40)], "")


def test_a_ref_to_an_object_that_is_gone_is_an_error_of_the_repository(back_end: Git, place: Place) -> None:
    commit = place.commit()
    place.move("refs/heads/master", commit)
    (place.path / "objects" / commit[:2] / commit[2:]).unlink()
    with pytest.raises(VcsError):
        back_end.history(place.path, place.cache)


def test_accepted_are_the_updates_that_the_repository_shows(back_end: Git, place: Place) -> None:
    first, second = place.commit(), place.commit(when=NOON + 1)
    place.move("refs/heads/kept", first)
    place.move("refs/heads/moved", second)
    asked = [
        RefUpdate("refs/heads/kept", first, second),
        RefUpdate("refs/heads/moved", first, second),
        RefUpdate("refs/heads/gone", first, ZERO),
        RefUpdate("refs/heads/not made", ZERO, second),
        RefUpdate("refs/heads/kept", first, ZERO),
    ]
    assert back_end.accepted(place.path, asked, "") == [asked[1], asked[2]]


def test_head_follows_the_first_branch_only_when_its_own_is_missing(back_end: Git, place: Place) -> None:
    commit = place.commit()
    updates = [
        place.move("refs/tags/t", commit),
        place.move("refs/heads/b", commit),
        place.move("refs/heads/a", commit),
    ]
    back_end.settle(place.path, updates)
    assert place.git("symbolic-ref", "HEAD") == "refs/heads/b"
    back_end.settle(place.path, [place.move("refs/heads/c", commit)])
    assert place.git("symbolic-ref", "HEAD") == "refs/heads/b"
    back_end.settle(place.path, [place.move("refs/heads/b", ZERO), place.move("refs/heads/d", commit)])
    assert place.git("symbolic-ref", "HEAD") == "refs/heads/d"


def test_what_a_killed_git_leaves_is_removed_and_nothing_else(back_end: Git, place: Place) -> None:
    place.move("refs/heads/deep/er", place.commit())
    kept = {path for path in place.path.rglob("*") if path.is_file()}
    for left in (
        "HEAD.lock",
        "packed-refs.lock",
        "packed-refs.new",
        "refs/heads/deep/er.lock",
        "objects/tmp_objdir-incoming-abc/pack/tmp_pack_1",
        "objects/tmp_objdir-incoming-abc/12/3456",
        "objects/pack/tmp_pack_xyz",
        "objects/ab/tmp_obj_xyz",
    ):
        path = place.path / left
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left behind")
    (place.path / "objects/pack/pack-1.keep").write_bytes(b"receive-pack 4711 on host\n")
    (place.path / "objects/pack/pack-2.keep").write_bytes(b"fetch-pack 4711 on host\n")
    (place.path / "objects/pack/pack-3.keep").write_bytes(b"an administrator wants this\n")
    back_end.recover(place.path)
    left_over = {path for path in place.path.rglob("*") if path.is_file()} - kept
    assert left_over == {place.path / "objects/pack/pack-3.keep"}
    assert not list(place.path.glob("objects/tmp_objdir-*"))
    assert place.git("rev-parse", "refs/heads/deep/er")


class Life:
    """A random life of a repository: what pushes could do to it, a few refs at a time."""

    branches = tuple(f"refs/heads/{name}" for name in ("a", "b", "master", "z"))
    tags = tuple(f"refs/tags/{name}" for name in ("1", "2", "v"))

    def __init__(self, place: Place, chance: random.Random, dates: int) -> None:
        self.place = place
        self.chance = chance
        self.dates = dates
        self.commits = [place.commit(when=self._when())]

    def push(self) -> list[RefUpdate]:
        """What one push does: one ref, or some."""
        names = self.chance.sample(self.branches + self.tags, self.chance.choice((1, 1, 1, 1, 2, 4)))
        return [self._change(name) for name in names]

    def _change(self, name: str) -> RefUpdate:
        present = self.place.refs.get(name)
        lot = self.chance.random()
        if present and lot < 0.12:
            return self.place.move(name, ZERO)
        if name in self.tags:
            return self.place.move(name, self._tagged())
        if present and lot < 0.7:
            return self.place.move(name, self._grown(present))
        if lot < 0.85:
            return self.place.move(name, self.chance.choice(self.commits))
        return self.place.move(name, self._grown(self.chance.choice(self.commits)))

    def _grown(self, tip: str) -> str:
        """New commits on top of one: a few in a row, sometimes a merge, sometimes a history of their own."""
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            others = self.chance.sample(self.commits, min(len(self.commits), self.chance.choice((0, 0, 0, 1, 2))))
            tip = self.place.commit(*dict.fromkeys([tip, *others]), when=self._when())
            self.commits.append(tip)
        if self.chance.random() < 0.05:
            tip = self.place.commit(when=self._when())
            self.commits.append(tip)
        return tip

    def _tagged(self) -> str:
        commit = self.chance.choice(self.commits)
        tree = self.place.git("rev-parse", f"{commit}^{{tree}}")
        return self.chance.choice(
            (
                lambda: commit,
                lambda: self.place.tag(commit),
                lambda: self.place.tag(self.place.tag(commit), "tag"),
                lambda: self.place.tag(tree, "tree"),
                lambda: tree,
            )
        )()

    def _when(self) -> int:
        return NOON + 10 * self.chance.randrange(self.dates)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dates", [2, 4, 1000])
def test_an_extended_history_is_the_fresh_one_through_a_whole_life(
    back_end: Git, place: Place, tmp_path: Path, seed: int, dates: int
) -> None:
    chance = random.Random(f"{seed} {dates}")
    life = Life(place, chance, dates)
    known = back_end.history(place.path, place.cache).state
    waiting: list[list[RefUpdate]] = []
    for step in range(25):
        waiting.append(life.push())
        # Some pushes end together, and not in the order in which they began.
        if chance.random() < 0.25:
            continue
        chance.shuffle(waiting)
        for updates in waiting:
            extended = back_end.history(place.path, place.cache, known, updates)
            known = extended.state
            assert told(extended) == place.truth(), f"step {step}: {updates}"
        assert extended == back_end.history(place.path, tmp_path / f"fresh{step}"), f"step {step}"
        with back_end.open(place.path, back_end.index(place.path, place.cache, known)) as snapshot:
            place.check_order(list(snapshot.ids(0, None)))
        waiting.clear()


def test_a_list_is_extended_by_what_a_push_adds_and_checked_before_it_is_used(back_end: Git, place: Place) -> None:
    commits = [place.commit()]
    place.move("refs/heads/master", commits[0])
    known = back_end.history(place.path, place.cache).state
    kept = place.cache / "commits"
    (before,) = kept.iterdir()
    number = before.stat().st_ino
    for step in range(3):
        commits.append(place.commit(commits[-1], when=NOON + step + 1))
        commits.append(place.commit(commits[-1], when=NOON + step + 1))
        known = back_end.history(place.path, place.cache, known, [place.move("refs/heads/master", commits[-1])]).state
    # Three pushes later it is the same file, grown.
    (after,) = kept.iterdir()
    assert (after.stat().st_ino, after.stat().st_size) == (number, 20 * len(commits))

    def listed() -> list[str]:
        with back_end.open(place.path, back_end.index(place.path, place.cache, known)) as snapshot:
            return list(snapshot.ids(0, None))

    assert listed() == commits
    for damage in (lambda: after.write_bytes(after.read_bytes()[:-20]), lambda: after.write_bytes(bytes(140))):
        damage()
        assert listed() == commits
    # What a crash left behind the end does not count, and does not stay.
    (after,) = kept.iterdir()
    with after.open("ab") as stream:
        stream.write(bytes(40))
    assert listed() == commits
    commits.append(place.commit(commits[-1], when=NOON + 9))
    back_end.history(place.path, place.cache, known, [place.move("refs/heads/master", commits[-1])])
    (after,) = kept.iterdir()
    assert after.read_bytes().hex() == "".join(commits)


def test_git_agrees_that_such_lives_are_in_order(place: Place) -> None:
    """The lives above are made of loose objects by hand; they must be what git would have made."""
    life = Life(place, random.Random(1), 3)
    for _ in range(10):
        life.push()
    checked = subprocess.run(
        [place.command.program, "fsck", "--strict"],
        cwd=place.path,
        env=place.command.environment,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
