# SPDX-License-Identifier: GPL-3.0-or-later
"""Things are found by parts of their names, in no more time among many than among few.

Beside what is searched stands a table of its grams: every three characters that follow each other in a name. The last
two characters begin grams of their own, shorter than three, so that one or two characters are found as the beginning of
a gram. What is sought is looked up by the rarest gram in it, where that is rare; where it is not, whoever lists finds
enough soon.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select

from trivium.names import MAX_NAME, is_clean_text
from trivium.store.query import Query
from trivium.store.tables import user_grams, user_group_grams, user_groups, users

LENGTH: Final = 3
"""Characters of a gram."""
MOST_WORDS: Final = 5
GRAMS_ASKED: Final = 8
FEW_NAMES: Final = 300
"""Up to so many repositories with one gram are looked at rather than the whole list."""
_FEW: Final = 1000
"""The same of other things, whose rights need not be decided one by one."""
_LAST: Final = "\U0010ffff"
_AT_A_TIME: Final = 2000


@dataclass(frozen=True, slots=True)
class Searched:
    """A kind of thing that is searched by parts of its names."""

    objects: Any
    text: Any
    """The column that is searched: folded."""
    grams: Any
    which: Any
    """The column of the grams that says whose they are."""


USERS: Final = Searched(users, users.c.search_key, user_grams, user_grams.c.user_id)
USER_GROUPS: Final = Searched(user_groups, user_groups.c.name_key, user_group_grams, user_group_grams.c.user_group_id)


def grams_of(key: str) -> set[str]:
    """The grams of a folded text."""
    return {key[at : at + LENGTH] for at in range(len(key))}


def called(db: Connection, kind: Searched, named: Iterable[tuple[int, str]], *, new: bool = False) -> None:
    """Things are called so from now on: rows of id and folded text."""
    named = list(named)
    if not new:
        db.execute(delete(kind.grams).where(kind.which == bindparam("whose")), [{"whose": one} for one, _ in named])
    rows = ({"gram": gram, kind.which.name: which} for which, key in named for gram in sorted(grams_of(key)))
    while some := list(islice(rows, _AT_A_TIME)):
        db.execute(insert(kind.grams), some)


def words_of(query: str, *, key: Any) -> list[str] | None:
    """The words that are sought, folded by `key`; None for what no name has."""
    if len(query) > MAX_NAME or not is_clean_text(query):
        return None
    found: list[str] = key(query).split()[:MOST_WORDS]
    return found


def having(db: Connection, kind: Searched, words: Sequence[str]) -> list[Any]:
    """Conditions for the things that have all these words in their texts: one statement to find the rarest gram."""
    conditions = [kind.text.like(matching(word), escape="\\") for word in words]
    if not words:
        return []
    asked = asked_grams(words)
    given = {f"gram{number}": gram for number, gram in enumerate(asked)}
    given |= {f"gram_end{number}": gram + _LAST for number, gram in enumerate(asked)}
    counted = _counts(kind).first(db, given)
    assert counted is not None
    number, found = min(enumerate(counted), key=lambda one: one[1])
    if found <= _FEW:
        inside = and_(kind.grams.c.gram >= asked[number], kind.grams.c.gram < asked[number] + _LAST)
        conditions.insert(0, kind.objects.c.id.in_(select(kind.which).where(inside)))
    return conditions


@lru_cache(maxsize=8)
def _counts(kind: Searched) -> Query:
    def count(number: int) -> Any:
        low: Any = bindparam(f"gram{number}")
        high: Any = bindparam(f"gram_end{number}")
        some = select(kind.which).where(kind.grams.c.gram >= low, kind.grams.c.gram < high).limit(_FEW + 1)
        return select(func.count()).select_from(some.subquery()).scalar_subquery().label(f"g{number}")

    return Query(select(*(count(number) for number in range(GRAMS_ASKED))))


def asked_grams(words: Sequence[str]) -> list[str]:
    """Some grams that are in every text with these words, spread over them; the beginnings of grams for short words."""
    grams: list[str] = []
    for word in words:
        grams += [word] if len(word) < LENGTH else [word[at : at + LENGTH] for at in range(len(word) - LENGTH + 1)]
    step = max(1, len(grams) // GRAMS_ASKED)
    spread = grams[::step][:GRAMS_ASKED]
    return spread + spread[:1] * (GRAMS_ASKED - len(spread))


def matching(sought: str) -> str:
    """The pattern of all names that hold what is sought, for `LIKE` with a backslash as its `ESCAPE`."""
    return f"%{escaped(sought)}%"


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
