# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks for refs with protocol v2 is answered, byte for byte, as by git itself, or by git itself."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.forge.sessions.git.pktline import DELIMITER, FLUSH, pkt
from trivium.forge.sessions.git.refs_asked import refs_answered, refs_asked
from trivium.vcs.git import advertisement
from trivium.vcs.git.advertisement import refs_for_push
from trivium.vcs.git.command import PROTOCOL_2, GitCommand, git_command

AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
SELF = pkt(b"command=ls-refs\n") + pkt(b"agent=git/2.50\n") + pkt(b"object-format=sha1")
MISSING = "1" * 40
NAMES = (
    *("heads/a", "heads/a-b", "heads/a.b", "heads/ab", "heads/B", "heads/é", "heads/m/x", "heads/m/y", "heads/m-"),
    *("tags/v1", "tags/v1.0", "tags/v10", "notes/commits", "trivium/ours", "trivium2", "remotes/origin/HEAD", "z"),
)
PREFIXES = (
    *(b"HEAD", b"H", b"", b"refs/", b"refs/heads/", b"refs/heads/a", b"refs/heads/a-b", b"refs/heads/m", b"refs/h"),
    *(b"refs/heads/m/", b"refs/tags/", b"refs/tags/v1", b"refs/t", b"refs/trivium/ours", b"refs/remotes/", b"nothing"),
)


@dataclass(frozen=True)
class Place:
    """A repository whose refs are others for each example, and the objects that they may hold."""

    command: GitCommand
    path: Path
    plain: tuple[str, ...]
    odd: tuple[str, ...]
    """What files of refs say that are damaged, or that hold something odd."""

    def clear(self) -> None:
        shutil.rmtree(self.path / "refs")
        (self.path / "refs").mkdir()
        (self.path / "packed-refs").unlink(missing_ok=True)
        (self.path / "HEAD").write_text("ref: refs/heads/a\n")

    def write(self, name: str, said: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(said)

    def ours(self, request: bytes) -> bytes | None:
        asked = refs_asked(request, self.command.abilities())
        return None if asked is None else refs_answered(self.path, asked)

    def gits(self, request: bytes, *service: str) -> bytes | None:
        """What git answers; None when it refuses."""
        done = subprocess.run(
            [self.command.program, *(service or ("upload-pack",)), "--stateless-rpc", "."],
            cwd=self.path,
            env=self.command.environment | ({} if service else {"GIT_PROTOCOL": PROTOCOL_2}),
            input=request,
            capture_output=True,
            check=False,
        )
        return None if done.returncode else done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    home = tmp_path_factory.mktemp("refs")
    command = git_command("git", home / "gitconfig")
    path = home / "repository"
    path.mkdir()

    def git(*words: str, stdin: str = "") -> str:
        return command.run(*AUTHOR, *words, cwd=path, stdin=stdin.encode()).decode().strip()

    def tag(target: str, kind: str, more: str = "") -> str:
        head = f"object {target}\ntype {kind}\ntag v\ntagger Ada <ada@example.org> 1700000000 +0000\n"
        words = ("hash-object", "-t", "tag", "-w", "--stdin", "--literally")
        return git(*words, stdin=f"{head}{more}\nx\n")

    git("init", "--quiet", "--bare", "--template=", ".")
    blob = git("hash-object", "-w", "--stdin")
    tree = git("hash-object", "-t", "tree", "-w", "--stdin")
    one, two = (git("commit-tree", "-m", text, tree) for text in "xy")
    heavy = tag(one, "commit")
    plain = (one, two, blob, tree, heavy, tag(heavy, "tag"), tag(blob, "blob"), tag(tree, "tree"))
    broken = git("hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=f"object {one}\ntype commit\n\nx\n")
    tags = (broken, tag(MISSING, "commit"), tag(one, "tree"), tag(one, "tag"), tag(broken, "tag"))
    odd = (MISSING, "0" * 40, "", "x", one[:39], f"{one} and more", f"ref:  refs/heads/a\n{one}", *tags)
    return Place(command, path, plain, odd)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(st.sampled_from([b"peel", b"symrefs", b"unborn"]), max_size=4))
    lines += [b"ref-prefix " + one for one in draw(st.lists(st.sampled_from(PREFIXES), max_size=4))]
    ends = draw(st.sampled_from([b"", b"\n"]))
    lines = draw(st.permutations(lines))
    return SELF + DELIMITER + b"".join(pkt(line + ends) for line in lines) + FLUSH


@settings(max_examples=50)
@given(data=st.data())
def test_any_refs_are_told_as_by_git(place: Place, data: st.DataObject) -> None:
    place.clear()
    values = st.sampled_from(place.plain)
    for name, value in data.draw(st.dictionaries(st.sampled_from(NAMES), values, max_size=9), "packed").items():
        place.write(f"refs/{name}", f"{value}\n")
    place.command.run("pack-refs", "--all", cwd=place.path)
    symbolic = st.sampled_from([f"ref: refs/{name}" for name in (*NAMES, "heads/none")])
    odd = data.draw(st.sampled_from([(), (), place.odd]), "odd")
    said = st.one_of(values, symbolic, *([st.sampled_from(odd)] if odd else []))
    loose = data.draw(st.dictionaries(st.sampled_from(NAMES), said, max_size=6), "loose")
    for name, text in loose.items():
        place.write(f"refs/{name}", f"{text}\n")
    place.write("HEAD", data.draw(said, "HEAD") + "\n")
    for request in data.draw(st.lists(requests(), min_size=1, max_size=3), "requests"):
        ours = place.ours(request)
        if ours is None:
            # Symbolic refs may lead round in circles.
            assert odd or any(text.startswith("ref:") for text in loose.values())
        else:
            assert ours == place.gits(request)
    told = refs_for_push(place.path)
    if told is not None:
        lines = (place.gits(FLUSH, "receive-pack", "--http-backend-info-refs") or b"").splitlines()[: len(told)]
        assert [(line[4:44], line[45:].partition(b"\0")[0]) for line in lines] == [(one, name) for name, one in told]


def everything(*arguments: bytes) -> bytes:
    return SELF + DELIMITER + b"".join(pkt(line) for line in (b"peel", b"symrefs", *arguments)) + FLUSH


def test_a_few_of_a_hundred_thousand_refs_are_told_and_git_tells_them_all(place: Place) -> None:
    place.clear()
    one, *_, heavy = place.plain[:5]
    lines = [f"{one} refs/heads/{number:06}\n" for number in range(100_000)]
    lines += [f"{heavy} refs/tags/{number:06}\n^{one}\n" for number in range(900)]
    head = "# pack-refs with: peeled fully-peeled sorted \n"
    (place.path / "packed-refs").write_text(head + "".join(lines))
    place.write("HEAD", "ref: refs/heads/099999\n")
    place.write("refs/heads/050000", f"{place.plain[1]}\n")
    assert place.ours(everything()) is None
    assert refs_for_push(place.path) is None
    for prefixes in (
        [b"HEAD"],
        [b"refs/tags/"],
        [b"refs/heads/05000", b"refs/heads/0000", b"refs/heads/09999", b"refs/tags/00089"],
        [b"refs/heads/100000", b"refs/a", b"refs/z"],
    ):
        request = everything(*(b"ref-prefix " + one for one in prefixes))
        told = place.ours(request)
        assert told is not None
        assert told == place.gits(request)


@pytest.mark.parametrize("head", ["# pack-refs with: peeled \n", ""])
def test_a_list_that_an_old_git_packed_is_left_to_git(place: Place, head: str) -> None:
    place.clear()
    (place.path / "packed-refs").write_text(f"{head}{place.plain[0]} refs/heads/a\n")
    assert place.ours(everything()) is None


@pytest.mark.parametrize(
    "said",
    [
        "[transfer]\n\thideRefs = refs/heads/a\n",
        "[uploadpack]\n\tHIDEREFS = refs/heads/a\n",
        "[include]\n\tpath = elsewhere\n",
        "[lsrefs]\n\tunborn = ignore\n",
        "[extensions]\n\trefStorage = reftable\n",
    ],
)
def test_a_repository_whose_configuration_speaks_of_refs_is_left_to_git(place: Place, said: str) -> None:
    place.clear()
    place.write("refs/heads/a", f"{place.plain[0]}\n")
    assert place.ours(everything()) == place.gits(everything())
    configuration = (place.path / "config").read_text()
    try:
        place.write("config", configuration + said)
        assert place.ours(everything()) is None
        assert refs_for_push(place.path) is None
    finally:
        place.write("config", configuration)


def test_links_and_what_is_no_repository_are_left_to_git(place: Place, tmp_path: Path) -> None:
    place.clear()
    assert place.ours(everything()) == FLUSH
    (place.path / "refs" / "heads").symlink_to(tmp_path)
    assert place.ours(everything(b"ref-prefix refs/heads/a")) is None
    (place.path / "refs" / "heads").unlink()
    (place.path / "refs").rmdir()
    assert place.ours(everything()) is None
    (place.path / "refs").mkdir()


@pytest.mark.parametrize(
    "request_",
    [
        SELF + DELIMITER + FLUSH + b"0",
        SELF + DELIMITER + FLUSH + FLUSH,
        SELF + DELIMITER,
        SELF + b"0002" + FLUSH,
        SELF + DELIMITER + pkt(b"peel"),
        SELF + DELIMITER + pkt(b"peel\0") + FLUSH,
        SELF + DELIMITER + pkt(b"") + FLUSH,
        SELF + DELIMITER + pkt(b"peels") + FLUSH,
        SELF + DELIMITER + pkt(b"ref-prefix") + FLUSH,
        SELF + DELIMITER + pkt(b"peel\n\n") + FLUSH,
        SELF + pkt(b"server-option=x") + FLUSH,
        SELF + pkt(b"object-format=sha256") + FLUSH,
        SELF + pkt(b"command=ls-refs") + FLUSH,
        SELF + pkt(b"command=fetch") + FLUSH,
        SELF + b"xxxx",
        DELIMITER + FLUSH,
        FLUSH,
        b"",
        SELF + DELIMITER + pkt(b"ref-prefix refs/") * 501 + FLUSH,
    ],
)
def test_what_is_not_understood_git_reads_itself(request_: bytes) -> None:
    assert refs_asked(request_, pkt(b"ls-refs=unborn\n")) is None


def test_of_unborn_branches_only_a_git_tells_that_says_so() -> None:
    request = SELF + DELIMITER + pkt(b"unborn\n") + FLUSH
    assert refs_asked(request, pkt(b"ls-refs\n")) is None
    asked = refs_asked(request, pkt(b"ls-refs=unborn\n"))
    assert asked == advertisement.RefsAsked(unborn=True)
