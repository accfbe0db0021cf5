# SPDX-License-Identifier: GPL-3.0-or-later
"""A generated Git history: the same for everybody, of any length, with the shape of a real project's."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

WORDS = Path(__file__).read_text().split()


def generate(target: Path, *, commits: int, files: int = 500, longest: int = 0) -> None:
    """Make a bare repository at `target`; about one commit in twelve is a merge.

    With `longest` no file has more lines, and what git makes of a pack in minutes is left out: then only the number of
    commits is that of a large project.
    """
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=master", str(target)], check=True)
    importer = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=target, stdin=subprocess.PIPE)
    assert importer.stdin is not None
    for piece in _stream(commits, files, longest):
        importer.stdin.write(piece)
    importer.stdin.close()
    if importer.wait():
        raise RuntimeError("git fast-import failed")
    if longest:
        return
    subprocess.run(["git", "repack", "-adq", "--write-bitmap-index"], cwd=target, check=True)


def _stream(commits: int, files: int, longest: int) -> Iterator[bytes]:
    dice = random.Random(1815)
    content: dict[str, list[str]] = {}
    names = [f"src/part{number % 23}/module{number}.py" for number in range(files)]
    side = main = 0
    for number in range(1, commits + 1):
        merge = number % 12 == 0 and side
        branch = "refs/heads/topic" if number % 12 in range(6, 10) else "refs/heads/master"
        message = " ".join(dice.choices(WORDS, k=dice.randint(4, 40))).encode()
        yield b"commit %s\nmark :%d\n" % (branch.encode(), number)
        yield b"author Ada Lovelace <ada@example.org> %d +0100\n" % (1_300_000_000 + 3600 * number)
        yield b"committer Ada Lovelace <ada@example.org> %d +0100\n" % (1_300_000_000 + 3600 * number)
        yield b"data %d\n%s\n" % (len(message), message)
        if main and (branch.endswith("master") or number % 12 == 6):
            yield b"from :%d\n" % main
        if merge:
            yield b"merge :%d\n" % side
        for name in dice.sample(names, dice.randint(1, 4)):
            lines = content.setdefault(name, [])
            at = dice.randrange(len(lines) + 1)
            lines[at : at + dice.randint(0, 3)] = [
                " ".join(dice.choices(WORDS, k=8)) for _ in range(dice.randint(1, 12))
            ]
            del lines[longest or len(lines) :]
            text = "\n".join(lines).encode() + b"\n"
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(text), text)
        if branch.endswith("master"):
            main = number
        else:
            side = number
