# SPDX-License-Identifier: GPL-3.0-or-later
"""A generated Mercurial history with the shape of a real project's, and the library's own log over it.

python -m bench.hghistory make DIRECTORY CHANGESETS
python -m bench.hghistory web DIRECTORY CHANGESETS  with what pages are measured on above them
python -m bench.hghistory log DIRECTORY ROUNDS      prints the milliseconds of each round of 100 changesets as JSON
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

os.environ |= {"HGRCPATH": "", "HGPLAIN": "1", "HGENCODING": "UTF-8"}

from mercurial import context, initialization, node
from mercurial import ui as uimod
from mercurial.repo import factory

from bench import webhistory

initialization.init()

WORDS = [word.encode() for word in Path(__file__).read_text().split()]
FILES = 500


def make(target: str, changesets: int, newest: Iterable[webhistory.Commit] = ()) -> None:
    """Commit in one transaction; about one changeset in twelve is a merge. `newest` come last."""
    ui = uimod.ui.load()
    repository = factory.repository(ui, os.fsencode(target), create=True)
    dice = random.Random(1815)
    content: dict[bytes, list[bytes]] = {}
    names = [b"src/part%d/module%d.py" % (number % 23, number) for number in range(FILES)]
    main = side = node.nullid
    with repository.wlock(), repository.lock(), repository.transaction(b"bench"):
        for number in range(1, changesets + 1):
            merge = number % 12 == 0 and side != node.nullid
            aside = number % 12 in range(6, 10)
            changed = {}
            for name in dice.sample(names, dice.randint(1, 4)):
                lines = content.setdefault(name, [])
                at = dice.randrange(len(lines) + 1)
                lines[at : at + dice.randint(0, 3)] = [
                    b" ".join(dice.choices(WORDS, k=8)) for _ in range(dice.randint(1, 12))
                ]
                changed[name] = b"\n".join(lines) + b"\n"
            first = side if aside and number % 12 != 6 else main
            message = b" ".join(dice.choices(WORDS, k=dice.randint(4, 40)))
            parents = (first, side if merge else None)
            made = _commit(repository, parents, message, changed, 1_300_000_000 + 3600 * number)
            main, side = (main, made) if aside else (made, side)
        for one in newest:
            changed = {name.encode(): text.encode() for name, text in one.files.items()}
            main = _commit(repository, (main, None), one.message.encode(), changed, one.date)


def _commit(repository: Any, parents: tuple[Any, Any], message: bytes, changed: dict[bytes, bytes], date: int) -> Any:
    def read(_repository: Any, commit: Any, path: bytes) -> Any:
        return context.memfilectx(_repository, commit, path, changed[path])

    user = b"Ada Lovelace <ada@example.org>"
    return repository.commitctx(
        context.memctx(repository, parents, message, sorted(changed), read, user=user, date=(date, -3600))
    )


def log(target: str, rounds: int) -> list[float]:
    """What it costs to look at 100 changesets with Mercurial's own objects, in a process that is warm."""
    repository = factory.repository(uimod.ui.load(), os.fsencode(target))
    times = []
    for round_ in range(rounds):
        began = time.perf_counter()
        repository.invalidate()
        shown = repository.filtered(b"served")
        json.dumps([_shown(shown[revision]) for revision in range(round_ * 50, round_ * 50 + 100)])
        times.append((time.perf_counter() - began) * 1000)
    return times


def _shown(commit: Any) -> dict[str, Any]:
    return {
        "id": commit.hex().decode(),
        "revision": commit.rev(),
        "author": commit.user().decode(),
        "date": commit.date(),
        "message": commit.description().decode(),
        "parents": [parent.hex().decode() for parent in commit.parents()],
        "branch": commit.branch().decode(),
    }


def main() -> None:
    what, target, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if what == "make":
        make(target, number)
    elif what == "web":
        make(target, number, webhistory.commits())
    else:
        print(json.dumps(log(target, number)))


if __name__ == "__main__":
    main()
