# SPDX-License-Identifier: GPL-3.0-or-later
"""Things are found by parts of their names, in no more time among many than among few.

Beside what is searched stands a table of its grams: every three characters that follow each other in a name. The last
two characters begin grams of their own, shorter than three, so that one or two characters are found as the beginning of
a gram. Grams stand in the order of lists: with the key of the name that lists are sorted by.

So whoever lists walks along the things that have one gram of what is sought (`stretches`), decides about each, and ends
when the page is full. Which gram that is is asked again and again on the way: the one whose next things reach furthest
in the list, because all that the others have before is passed over. For a word of one or two characters all the grams
count that begin with it. Where these are too many, for single letters, the things are looked up if few have the letter;
if many have, whoever lists finds enough soon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Integer, and_, bindparam, delete, func, insert, select

from trivium.names import MAX_NAME, is_clean_text
from trivium.store.query import Query
from trivium.store.tables import (
    LARGEST_ID,
    repositories,
    repository_grams,
    user_grams,
    user_group_grams,
    user_groups,
    users,
)

LENGTH: Final = 3
"""Characters of a gram."""
MOST_WORDS: Final = 5
GRAMS_ASKED: Final = 8
FEW_NAMES: Final = 300
"""Up to so many repositories with one gram are looked at rather than the whole list."""
_FEW: Final = 1000
"""The same of other things, whose rights need not be decided one by one."""
_FIRST_STRETCH: Final = 100
"""Things with one gram that are looked at first."""
_LONGEST_STRETCH: Final = 1600
"""The same for later ones, of eight grams; fewer of more, so that to look how far they reach takes no longer."""
_LAST: Final = "\U0010ffff"
_AT_A_TIME: Final = 2000
_MOST_BEGINNING: Final = 64
"""Grams that begin with a short word, of which each is looked at by itself."""
_MOST_GRAMS: Final = 128
"""That are looked at for one search."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A kind of thing that is searched by parts of its names."""

    objects: Any
    key: Any
    """The column that lists are sorted by."""
    text: Any
    """The column that is searched: folded."""
    grams: Any
    which: Any
    """The column of the grams that says whose they are."""

    @property
    def by_name(self) -> Any:
        """The column of the grams that has them in the order of names."""
        return self.grams.c.name_key


USERS: Final = Searched(users, users.c.username_key, users.c.search_key, user_grams, user_grams.c.user_id)
USER_GROUPS: Final = Searched(
    user_groups, user_groups.c.name_key, user_groups.c.name_key, user_group_grams, user_group_grams.c.user_group_id
)
REPOSITORIES: Final = Searched(
    repositories, repositories.c.name_key, repositories.c.name_key, repository_grams, repository_grams.c.repository_id
)


@dataclass(frozen=True, slots=True)
class Named:
    """What something is called from now on."""

    id: int
    name_key: str
    """What lists are sorted by."""
    text: str
    """What it is searched by, folded."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a list: what has one of some grams, stands behind `place`, and not behind `end`."""

    grams: Sequence[str]
    place: Any
    end: Any

    def binds(self) -> dict[str, Any]:
        """The bind parameters of a statement of `along`, but for `most`."""
        return _numbered(self.grams) | {"place": self.place, "end": self.end}


def grams_of(key: str) -> set[str]:
    """The grams of a folded text."""
    return {key[at : at + LENGTH] for at in range(len(key))}


def called(db: Connection, kind: Searched, named: Iterable[Named], *, new: bool = False) -> None:
    """Things are called so from now on."""
    named = list(named)
    if not named:
        return
    if not new:
        db.execute(delete(kind.grams).where(kind.which == bindparam("whose")), [{"whose": one.id} for one in named])
    rows = (
        {"gram": gram, "name_key": one.name_key, kind.which.name: one.id}
        for one in named
        for gram in sorted(grams_of(one.text))
    )
    while some := list(islice(rows, _AT_A_TIME)):
        db.execute(insert(kind.grams), some)


def words_of(query: str, *, key: Any) -> list[str] | None:
    """The words that are sought, folded by `key`; None for what no name has."""
    if len(query) > MAX_NAME or not is_clean_text(query):
        return None
    found: list[str] = key(query).split()[:MOST_WORDS]
    return found


def ways(db: Connection, kind: Searched, words: Sequence[str]) -> list[tuple[str, ...]] | None:
    """Grams of which everything with these words has one, several times; for `stretches`.

    Empty: there is no such way, and the whole list is to be walked over. None: nothing has these words. One statement
    for each word that is shorter than a gram.
    """
    found: list[tuple[str, ...]] = [(gram,) for gram in _spread(_whole_grams(words))]
    for word in words:
        if len(word) < LENGTH:
            begun = _BEGINNING[kind.grams.name].all(db, {"low": word, "high": word + _LAST})
            if not begun:
                return None
            if len(begun) <= _MOST_BEGINNING and sum(map(len, found)) + len(begun) <= _MOST_GRAMS:
                found.append(tuple(gram for (gram,) in begun))
    return found


def _begun(table: Any) -> Query:
    """The grams that begin with a text: each is sought behind the one before."""
    low: Any = bindparam("low")
    high: Any = bindparam("high")
    gram = table.c.gram
    first = select(func.min(gram).label("gram")).where(gram >= low, gram < high).cte("begun", recursive=True)
    next_one = select(func.min(gram)).where(gram > first.c.gram, gram < high).correlate(first).scalar_subquery()
    begun = first.union_all(select(next_one).where(first.c.gram.is_not(None)))
    return Query(select(begun.c.gram).where(begun.c.gram.is_not(None)).limit(_MOST_BEGINNING + 1))


_BEGINNING: Final = {table.name: _begun(table) for table in (user_grams, user_group_grams, repository_grams)}


def stretches(
    db: Connection, kind: Searched, ways: Sequence[tuple[str, ...]], by: Any, place: Any, *, upwards: bool
) -> Iterator[Stretch]:
    """The parts of a list that hold all that is found on these ways, from `place` on, in the order of the list.

    `by` is the column of the grams that has this order; None as `place` is the beginning. Each part is found on one of
    the ways, and holds not many things: 100 at first, more in later ones. One statement for each.
    """
    ends = (0, LARGEST_ID) if isinstance(by.type, Integer) else ("", _LAST)
    first, last = ends if upwards else ends[::-1]
    place = first if place is None else place
    nearest, furthest = (min, max) if upwards else (max, min)
    every = _filled([gram for way in ways for gram in way])
    asked = _reached(kind.grams, by, len(every), upwards)
    size, longest = _FIRST_STRETCH, max(_FIRST_STRETCH, _LONGEST_STRETCH * GRAMS_ASKED // len(every))
    while True:
        reached = asked.first(db, _numbered(every) | {"place": place, "passed": size - 1})
        assert reached is not None
        reach = dict(zip(every, reached, strict=True))
        best: tuple[Any, tuple[str, ...]] | None = None
        for way in ways:
            # None: fewer than `size` are left.
            found = [reach[gram] for gram in way if reach[gram] is not None]
            if not found:
                yield Stretch(_filled(way), place, last)
                return
            end = nearest(found)
            best = (end, way) if best is None or furthest(end, best[0]) != best[0] else best
        assert best is not None
        yield Stretch(_filled(best[1]), place, best[0])
        place, size = best[0], min(2 * size, longest)


def _numbered(grams: Sequence[str]) -> dict[str, Any]:
    return {f"gram{number}": gram for number, gram in enumerate(grams)}


def _filled(grams: Sequence[str]) -> Sequence[str]:
    """The same, some of them twice, so that there are few statements: for one, or for 8, 16, 32 and so on."""
    count = 1
    while count < len(grams):
        count = 2 * count if count > 1 else 8
    return [*grams, *[grams[-1]] * (count - len(grams))]


@lru_cache(maxsize=64)
def _reached(table: Any, by: Any, count: int, upwards: bool) -> Query:
    """How far so many things with a gram reach, for each of some grams; null: there are not so many left."""

    def reached(number: int) -> Any:
        place: Any = bindparam("place", type_=by.type)
        passed: Any = bindparam("passed", type_=Integer())
        gram: Any = bindparam(f"gram{number}", type_=table.c.gram.type)
        some = select(by).where(table.c.gram == gram, by > place if upwards else by < place)
        some = some.order_by(by.asc() if upwards else by.desc()).limit(1).offset(passed)
        return some.scalar_subquery().label(f"reached{number}")

    return Query(select(*(reached(number) for number in range(count))))


def along(statement: Any, kind: Searched, by: Any, count: int, *, upwards: bool) -> Any:
    """A statement about `kind.objects`, along a `Stretch` of so many grams, in the order of `by`; `most` rows of it."""
    place: Any = bindparam("place", type_=by.type)
    end: Any = bindparam("end", type_=by.type)
    inside = (by > place, by <= end) if upwards else (by < place, by >= end)
    gram, one = kind.grams.c.gram, kind.objects.c
    if count == 1:
        statement = statement.join(kind.grams, kind.which == one.id).where(gram == bindparam("gram0"), *inside)
        order = by
    else:
        # One may have several of these grams. They are sorted: to walk over the list would take longer, whatever a
        # database guesses.
        of_these: Any = gram.in_([bindparam(f"gram{number}") for number in range(count)])
        found = select(kind.which.label("found_id")).where(of_these, *inside).distinct().subquery("found")
        statement = statement.join(found, found.c.found_id == one.id)
        order = one.id + 0 if isinstance(by.type, Integer) else kind.key + ""
    return statement.order_by(order.asc() if upwards else order.desc()).limit(bindparam("most"))


def having_words(kind: Searched, count: int) -> list[Any]:
    """Conditions for the things that have so many words in their texts: `matching` each `word0`, `word1` and so on."""
    return [kind.text.like(bindparam(f"word{number}"), escape="\\") for number in range(count)]


def having(db: Connection, kind: Searched, words: Sequence[str]) -> list[Any]:
    """Conditions for the things that have all these words in their texts: one statement to find the rarest gram.

    For what there are no `ways`.
    """
    conditions = [kind.text.like(matching(word), escape="\\") for word in words]
    found = few(db, kind, words) if words else None
    return conditions if found is None else [found, *conditions]


def few(db: Connection, kind: Searched, words: Sequence[str]) -> Any:
    """A condition for some things among which all are that have these words; None where they are not few."""
    asked = asked_grams(words)
    given = {f"gram{number}": gram for number, gram in enumerate(asked)}
    given |= {f"gram_end{number}": gram + _LAST for number, gram in enumerate(asked)}
    counted = _counts(kind).first(db, given)
    assert counted is not None
    number, found = min(enumerate(counted), key=lambda one: one[1])
    if found > _FEW:
        return None
    inside = and_(kind.grams.c.gram >= asked[number], kind.grams.c.gram < asked[number] + _LAST)
    return kind.objects.c.id.in_(select(kind.which).where(inside))


@lru_cache(maxsize=8)
def _counts(kind: Searched) -> Query:
    def count(number: int) -> Any:
        low: Any = bindparam(f"gram{number}")
        high: Any = bindparam(f"gram_end{number}")
        some = select(kind.which).where(kind.grams.c.gram >= low, kind.grams.c.gram < high).limit(_FEW + 1)
        return select(func.count()).select_from(some.subquery()).scalar_subquery().label(f"g{number}")

    return Query(select(*(count(number) for number in range(GRAMS_ASKED))))


def _whole_grams(words: Sequence[str]) -> list[str]:
    """The grams of the words that are no shorter."""
    found = (word[at : at + LENGTH] for word in words for at in range(len(word) - LENGTH + 1))
    return list(dict.fromkeys(found))


def asked_grams(words: Sequence[str]) -> list[str]:
    """Some grams that are in every text with these words, spread over them; the beginnings of grams for short words.

    Always `GRAMS_ASKED`.
    """
    grams: list[str] = []
    for word in words:
        grams += [word] if len(word) < LENGTH else [word[at : at + LENGTH] for at in range(len(word) - LENGTH + 1)]
    spread = _spread(grams)
    return spread + spread[:1] * (GRAMS_ASKED - len(spread))


def _spread(grams: list[str]) -> list[str]:
    """At most `GRAMS_ASKED`, from the first to the last."""
    if len(grams) <= GRAMS_ASKED:
        return grams
    return [grams[number * (len(grams) - 1) // (GRAMS_ASKED - 1)] for number in range(GRAMS_ASKED)]


def matching(sought: str) -> str:
    """The pattern of all names that hold what is sought, for `LIKE` with a backslash as its `ESCAPE`."""
    return f"%{escaped(sought)}%"


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
