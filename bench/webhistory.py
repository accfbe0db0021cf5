# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages are measured on: a long history, and on top of it files and changesets of the sizes that web.md 5 names.

The same for git (by `git fast-import`) and for Mercurial (by `bench.hghistory`).
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.history import WORDS, generate

LONG: str = "long.py"
"""2,000 lines."""
ANNOTATED: str = "annotated.py"
"""700 lines, of 40 changesets."""
RAW: str = "notes.txt"
"""80 kB."""
README: str = "README.md"
MANY: str = "many"
"""A directory of 30 entries."""
_ENTRIES = 30
_CHANGED = 31
"""Files of the last changeset."""
_BEGAN = 1_700_000_000


@dataclass(frozen=True)
class Commit:
    """One more commit of the main branch."""

    message: str
    date: int
    """Seconds since 1970."""
    files: dict[str, str]


def commits() -> Iterator[Commit]:
    """The newest commits, oldest first; the last one changes 31 files."""
    dice = random.Random(1843)
    files = {f"{MANY}/file{number:02}.txt": _text(dice, 12) for number in range(_ENTRIES)}
    files |= {RAW: "".join(_text(dice, 1) for _ in range(1_400))[: 80 << 10], README: _readme(dice)}
    code = _code(dice, 2_000)
    yield Commit("Begin what pages show", _BEGAN, files | {LONG: "".join(code)})
    lines = _code(dice, 700)
    for step in range(40):
        for at in dice.sample(range(len(lines)), 35):
            lines[at] = f"{lines[at].rstrip()}  # {dice.choice(WORDS)}\n" if len(lines[at]) < 90 else "pass\n"
        yield Commit(f"Change lines, step {step}", _BEGAN + 3600 * (step + 1), {ANNOTATED: "".join(lines)})
    wide = {f"wide/part{number % 5}/module{number:02}.py": _code(dice, 120) for number in range(_CHANGED)}
    yield Commit("Add modules", _BEGAN + 90 * 3600, {name: "".join(text) for name, text in wide.items()})
    for text in wide.values():
        for at in dice.sample(range(len(text)), 2):
            text[at] = f"    changed = {at}\n"
    yield Commit("Change them all\n\n" + _text(dice, 4), _BEGAN + 99 * 3600, {n: "".join(t) for n, t in wide.items()})


def _text(dice: random.Random, lines: int) -> str:
    return "".join(" ".join(dice.choices(WORDS, k=8)) + "\n" for _ in range(lines))


def _code(dice: random.Random, lines: int) -> list[str]:
    shapes = (
        "    value{0} = compute({0}, key='{1}')\n",
        "    if value{0} > {0}:  # {1} {2}\n",
        "        return [one.{1} for one in values]\n",
        "def function{0}(first: int, second: str = '{2}') -> str:\n",
        "\n",
    )
    words = [word for word in WORDS if word.isidentifier()]
    return [dice.choice(shapes).format(number, dice.choice(words), dice.choice(words)) for number in range(lines)]


def _readme(dice: random.Random) -> str:
    parts = [f"## {dice.choice(WORDS)}\n\n{_text(dice, 4)}\n- `one`\n- **two**\n" for _ in range(12)]
    return "# A project\n\n" + "\n".join(parts)


def generate_git(target: Path, *, length: int, files: int = 500, longest: int = 0) -> None:
    """Make a bare repository of so many commits, and these on top; `longest` as for `generate`."""
    generate(target, commits=length, files=files, longest=longest)
    importer = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=target, stdin=subprocess.PIPE)
    assert importer.stdin is not None
    for number, one in enumerate(commits()):
        message = one.message.encode()
        importer.stdin.write(b"commit refs/heads/master\n")
        importer.stdin.write(b"committer Ada Lovelace <ada@example.org> %d +0100\n" % one.date)
        importer.stdin.write(b"data %d\n%s\n" % (len(message), message))
        if not number:
            importer.stdin.write(b"from refs/heads/master^0\n")
        for name, text in one.files.items():
            content = text.encode()
            importer.stdin.write(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content))
    importer.stdin.close()
    if importer.wait():
        raise RuntimeError("git fast-import failed")
    for number in range(5):
        subprocess.run(["git", "tag", f"v{number}.0", f"master~{number * 3}"], cwd=target, check=True)
    if not longest:
        subprocess.run(["git", "repack", "-adq", "--write-bitmap-index"], cwd=target, check=True)
