# SPDX-License-Identifier: GPL-3.0-or-later
"""Histories with many merges and wrong clocks: what is found out quickly is what git itself says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.places import Place
from trivium.vcs.budget import Budget, spending
from trivium.vcs.git import last_changes, walking
from trivium.vcs.git.snapshot import GitSnapshot
from trivium.vcs.pages import DiffOptions, FileDifference

SEEDS = range(12)
NAMES = ["a", "b", "d/a", "d/b", "d/e/f", "d/g/h", "odd [x]*", ":(top)é"]
MODES = ["100644", "100755", "120000"]
COMMITS = 40


class History:
    """A history that is the same for the same seed, with many merges."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        chance = random.Random(seed)
        files: list[dict[str, tuple[str, str]]] = []
        said: list[str] = []
        for number in range(COMMITS):
            near = range(max(0, number - 6), number)
            parents = chance.sample(near, min(len(near), chance.choice([0, 1, 1, 1, 2, 2, 3]) if number % 9 else 1))
            state = self._merged([files[parent] for parent in parents], chance)
            for name in chance.sample(NAMES, chance.choice([0, 1, 1, 2])):
                if chance.random() < 0.3:
                    state.pop(name, None)
                else:
                    state[name] = (chance.choice(MODES), str(chance.randrange(3)))
            files.append(state)
            moment = 1_000_000 + chance.choice([number * 10, number * 10, 5, chance.randrange(400)])
            said += [
                f"commit refs/heads/h{number}",
                f"mark :{number + 1}",
                f"committer A <a@b> {moment} +0000",
                f"data {len(str(number))}",
                str(number),
                *(f"{'merge' if at else 'from'} :{parent + 1}" for at, parent in enumerate(parents)),
                "deleteall",
            ]
            for name, (mode, content) in state.items():
                said += [f'M {mode} inline "{name}"', f"data {len(content)}", content]
        run = place.git.run
        marks = place.home / "marks"
        words = ("--git-dir=.", "fast-import", "--quiet", "--force", f"--export-marks={marks}")
        run(*words, cwd=place.path, stdin="\n".join(said).encode() + b"\n")
        lines = (line.split() for line in marks.read_text().splitlines())
        self.ids = [raw_id for _, raw_id in sorted((int(mark[1:]), raw_id) for mark, raw_id in lines)]

    def _merged(self, parents: list[dict[str, tuple[str, str]]], chance: random.Random) -> dict[str, tuple[str, str]]:
        """Files of a merge: each is that of some parent."""
        if not parents:
            return {}
        picked = {name: chance.choice(parents).get(name) for name in NAMES}
        return {name: value for name, value in picked.items() if value is not None}

    def git(self, *words: str) -> list[str]:
        said = self.place.git.run("--git-dir=.", "--literal-pathspecs", *words, cwd=self.place.path)
        return said.stdout.decode().split()

    def last(self, snapshot: GitSnapshot, raw_id: str, path: str) -> dict[str, str]:
        """What git says of every entry."""
        found = {}
        for entry in snapshot.children(raw_id, path):
            (found[entry.name],) = self.git("log", "-1", "--format=%H", raw_id, "--", entry.path)
        return found


@pytest.fixture
def history(request: pytest.FixtureRequest, git_place: Place) -> History:
    return History(git_place, request.param)


@contextmanager
def opened(place: Place) -> Iterator[GitSnapshot]:
    with place.open() as snapshot:
        assert isinstance(snapshot, GitSnapshot)
        yield snapshot


@pytest.mark.parametrize("history", SEEDS, indirect=True)
def test_last_changes_are_those_that_git_tells(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(history.place) as snapshot:
        told = {}
        for raw_id in history.ids[-1:-8:-3]:
            told[raw_id, ""] = snapshot.last_changes(raw_id, "")
            assert told[raw_id, ""] == history.last(snapshot, raw_id, "")
            if "d" in told[raw_id, ""]:
                told[raw_id, "d"] = snapshot.last_changes(raw_id, "d")
                assert told[raw_id, "d"] == history.last(snapshot, raw_id, "d")
        # Where there is a commit graph git goes on with what is far back.
        history.git("commit-graph", "write", "--reachable", "--changed-paths")
        monkeypatch.setattr(last_changes, "_OFTEN", 2)
        monkeypatch.setattr(last_changes, "_FAR", 0)
        for (raw_id, path), expected in told.items():
            assert snapshot.last_changes(raw_id, path) == expected


@pytest.mark.parametrize("history", SEEDS[:3], indirect=True)
def test_what_takes_too_long_is_left_out(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_changes, "_OFTEN", 1)
    raw_id = history.ids[-1]
    with opened(history.place) as snapshot:
        whole = snapshot.last_changes(raw_id, "")
        with spending(lambda: Budget(seconds=1e-9)) as budget:
            assert snapshot.last_changes(raw_id, "").items() <= whole.items()
        assert budget.cut


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("history", SEEDS[:4], indirect=True)
def test_pages_are_cut_out_of_the_list(history: History, monkeypatch: pytest.MonkeyPatch, far: bool) -> None:
    if far:
        monkeypatch.setattr(walking, "_FAR", 0)
    place = history.place
    with opened(place) as snapshot:
        listed = list(snapshot.ids(0, None))[::-1]
        assert sorted(listed) == sorted(history.ids)
        for number in (COMMITS - 1, COMMITS - 5, COMMITS // 2, 0):
            head = history.ids[number]
            reached = set(history.git("rev-list", head))
            expected = [raw_id for raw_id in listed if raw_id in reached]
            assert snapshot.branch_page(f"h{number}", None, COMMITS) == expected
            found = page = snapshot.page(head, None, 3)
            while page:
                page = snapshot.page(head, found[-1], 3)
                found += page
            assert found == expected
        # Who begins in the middle gets the same, and so does who names what the head does not lead to.
        head = history.ids[-1]
        reached = set(history.git("rev-list", head))
        with opened(place) as fresh:
            for at, after in enumerate(listed):
                if at >= listed.index(head):
                    expected = [raw_id for raw_id in listed[at + 1 :] if raw_id in reached][:5]
                    assert fresh.page(head, after, 5) == expected


@pytest.mark.parametrize("history", SEEDS[:4], indirect=True)
def test_what_two_commits_share(history: History) -> None:
    chance = random.Random(1)
    with opened(history.place) as snapshot:
        for _ in range(12):
            one, other = chance.sample(history.ids, 2)
            bases = set(history.git("rev-list", one)) & set(history.git("rev-list", other))
            found = snapshot.ancestor(one, other)
            assert found in bases if bases else found is None
            lacking = snapshot.lacking(one, other, COMMITS)
            assert set(lacking) == set(history.git("rev-list", other)) - set(history.git("rev-list", one))
            assert snapshot.lacking(one, other, 2) == lacking[:2]


@pytest.mark.parametrize("history", SEEDS[:4], indirect=True)
def test_files_that_differ(history: History) -> None:
    chance = random.Random(2)
    with opened(history.place) as snapshot:
        for path in ("", "d", "a", "d/e", NAMES[-1]):
            one, other = chance.sample(history.ids, 2)
            words = (
                "diff-tree",
                "-r",
                "--name-status",
                "-z",
                "--no-renames",
                one,
                other,
                "--",
                *([path] if path else []),
            )
            said = history.place.git.run("--git-dir=.", "--literal-pathspecs", *words, cwd=history.place.path).stdout
            fields = said.decode().split("\0")[:-1]
            expected = {name: op.replace("T", "M") for op, name in zip(fields[::2], fields[1::2], strict=True)}
            options = DiffOptions(path=path, renames=False)
            assert {found.path: found.op for found in snapshot.differing(one, other, options)} == expected
            counted = [(found.added, found.deleted) for found in snapshot.differences(one, other, options)]
            assert counted == [_counts(found) for found in snapshot.differing(one, other, options)]


def _counts(found: FileDifference) -> tuple[int, int]:
    """Every file has one line."""
    if found.old_id == found.new_id:
        return 0, 0
    return int(found.new_path is not None), int(found.old_path is not None)


@pytest.mark.parametrize("history", SEEDS[:2], indirect=True)
def test_commits_that_build_on_one(history: History) -> None:
    expected: dict[str, set[str]] = {raw_id: set() for raw_id in history.ids}
    for line in history.place.git.out(
        "--git-dir=.", "rev-list", "--all", "--parents", cwd=history.place.path
    ).splitlines():
        child, *parents = line.split()
        for parent in parents:
            expected[parent].add(child)
    with opened(history.place) as snapshot:
        assert {one.raw_id: set(one.children) for one in snapshot.details(history.ids)} == expected
