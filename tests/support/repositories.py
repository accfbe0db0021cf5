# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a repository at rest, whatever happened to it before."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

from tests.support.clients import Api, Git

ZERO = "0" * 40


def found_below(top: Path, *patterns: str) -> list[Path]:
    """What has such a name anywhere below a directory. Things may come and go there, of which `rglob` would fail."""
    return [
        Path(place, name)
        for place, directories, files in os.walk(top)
        for name in (*directories, *files)
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def refs_in(git: Git, path: Path) -> dict[str, str]:
    """Every ref of a repository on the disk, with the id it holds."""
    listed = git.out("--git-dir=.", "for-each-ref", "--format=%(refname) %(objectname)", cwd=path).splitlines()
    return dict(line.split(" ") for line in listed)


def assert_whole(root: Api, git: Git, path: Path, name: str) -> dict[str, str]:
    """Nothing is broken or left over at `path`, and the API tells of it what git does; returns its refs.

    All refs are branches.
    """
    git.run("--git-dir=.", "fsck", "--full", "--strict", "--no-dangling", cwd=path)
    assert found_below(path, "*.lock", "tmp_*", "*.keep") == []
    refs = refs_in(git, path)
    listed = (
        [one["raw_id"] for one in root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)] if refs else []
    )
    # Commits of one second keep the order in which they came; git may put them in another one as branches are added.
    said = git.out("--git-dir=.", "rev-list", "--parents", "--branches", "--tags", cwd=path)
    commits = {raw_id: parents for raw_id, *parents in (line.split() for line in said.splitlines())}
    at = {raw_id: number for number, raw_id in enumerate(listed)}
    assert sorted(listed) == sorted(commits)
    assert all(at[parent] < at[raw_id] for raw_id, parents in commits.items() for parent in parents)
    last = root("get_repo", repoid=name)["last_changeset"]
    assert (last["raw_id"], last["revision"]) == (listed[-1] if listed else ZERO, len(listed) - 1)
    for ref, raw_id in refs.items():
        branch = ref.removeprefix("refs/heads/")
        assert root("get_repo_changeset", repoid=name, revision=branch)["raw_id"] == raw_id
    return refs


def hg_leftovers(path: Path) -> list[Path]:
    """What a push or strip that was stopped must not leave in a Mercurial repository."""
    patterns = (".hg/store/journal*", ".hg/store/lock", ".hg/wlock", ".hg-strip")
    return [left for pattern in patterns for left in path.glob(pattern)]
