# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of repositories, a page at a time: of everything, of a group, by a part of the name, of an owner, of forks.

What a page costs does not grow with the number of repositories. A list walks an index from where the page begins, and
decides about each row on the way, until the page is full. Where most rows would be passed over, it sorts few instead:
those that somebody who may read little has rights to, or those whose names have the rarest gram of what is sought
(`forge/naming/grams.py`). Which is better is asked first, in one statement that counts no further than is needed. By
name, a search walks over those that have the grams of what is sought (`searching.stretches`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select, true, tuple_

from trivium.access.caller import Caller
from trivium.access.permissions import REPOSITORIES, binds, candidates
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.naming import searching
from trivium.forge.naming.searching import (
    FEW_NAMES,
    GRAMS_ASKED,
    asked_grams,
    escaped,
    having_words,
    matching,
    words_of,
)
from trivium.forge.repositories.listed import READABLE, ROWS, UPDATED_ON_AT, ListedRepository, listed_of
from trivium.names import MAX_NAME, is_clean_text, key_of
from trivium.store.query import Query, Values
from trivium.store.tables import (
    LARGEST_ID,
    access_stamp,
    repo_groups,
    repositories,
    repository_followers,
    repository_grams,
    repository_locks,
)

PAGE: Final = 50
"""Rows of a page."""
MOST_MOVED: Final = 4 * PAGE
"""Repositories that `moved_since` tells of, and one more where there are more."""
_FEW: Final = 1000
"""Up to so many repositories are sorted rather than passed over."""
_LAST: Final = "\U0010ffff"
_MOMENT_KEY = re.compile(r"([0-9T:.\-]{19,23})~([0-9]{1,10})")


class Sort(StrEnum):
    """The order of a list."""

    CHANGE = "change"
    """What changed last comes first."""
    NAME = "name"


@dataclass(frozen=True, slots=True)
class RepositoryPage:
    """A part of a list of repositories."""

    rows: Sequence[ListedRepository]
    newer: str | None
    """The `before` of the page before this one; None for the first."""
    older: str | None
    """The `after` of the next page; None for the last."""


class _From(Enum):
    """Which rows are looked at."""

    ALL = "all"
    RIGHTS = "rights"
    """Those that the caller has rights to by a row of their own, their groups or `default`."""
    GRAM = "gram"
    """Those that have the rarest gram of what is sought."""
    STRETCH = "stretch"
    """Those of a `searching.Stretch`, again and again."""
    GROUP = "group"
    """Those in a group, at any depth."""
    OWNER = "owner"
    PARENT = "parent"
    FOLLOWER = "follower"


class _Inside(Enum):
    """What of a group."""

    ANYWHERE = "anywhere"
    DIRECTLY = "directly"
    BELOW = "below"


class _Part(Enum):
    """Which part of the list."""

    FIRST = "first"
    AFTER = "after"
    BEFORE = "before"


_table = repositories.c
_groups_below = select(bindparam("group", type_=_table.group_id.type).label("id")).cte("groups_below", recursive=True)
_groups_below = _groups_below.union_all(
    select(repo_groups.c.id).join(_groups_below, repo_groups.c.parent_id == _groups_below.c.id)
)
_in_group = select(_table.id).where(_table.group_id.in_(select(_groups_below.c.id)))
_in_gram = and_(repository_grams.c.gram >= bindparam("gram"), repository_grams.c.gram < bindparam("gram_end"))
_SOURCES: Final = {
    _From.RIGHTS: candidates(REPOSITORIES),
    _From.GRAM: select(repository_grams.c.repository_id).where(_in_gram),
    _From.GROUP: _in_group,
    _From.OWNER: select(repositories.c.id).where(_table.owner_id == bindparam("owner")),
    _From.FOLLOWER: select(repository_followers.c.repository_id).where(
        repository_followers.c.user_id == bindparam("follower")
    ),
    _From.PARENT: select(repositories.c.id).where(_table.fork_of_id == bindparam("parent")),
}


@lru_cache(maxsize=512)
def _statement(
    source: _From, sort: Sort, inside: _Inside, part: _Part, words: int, *, of_kind: bool, grams: int = 0
) -> Query:
    """The statement of one shape; there are few hundred of them, and each is compiled once.

    `grams`: of the `Stretch` that is walked along.
    """
    # Where few rows are looked at, no other index is better, whatever a database guesses.
    group_id, kind = (_table.group_id, _table.kind) if source is _From.ALL else (_table.group_id + 0, _table.kind + "")
    statement = ROWS
    if source in _SOURCES:
        statement = statement.where(_table.id.in_(_SOURCES[source]))
    if inside is _Inside.DIRECTLY:
        statement = statement.where(group_id == bindparam("group"))
    elif inside is _Inside.BELOW:
        statement = statement.where(_table.name_key.like(bindparam("below"), escape="\\"))
    if of_kind:
        statement = statement.where(kind == bindparam("kind"))
    # Rights last: they cost most.
    statement = statement.where(*having_words(searching.REPOSITORIES, words), READABLE)
    if source is _From.STRETCH:
        named = searching.REPOSITORIES
        return Query(searching.along(statement, named, named.by_name, grams, upwards=part is not _Part.BEFORE))
    return Query(_ordered(statement, sort, part).limit(bindparam("most")))


def _ordered(statement: Any, sort: Sort, part: _Part) -> Any:
    backwards = part is _Part.BEFORE
    if sort is Sort.NAME:
        key = _table.name_key
        if part is not _Part.FIRST:
            statement = statement.where(key < bindparam("name") if backwards else key > bindparam("name"))
        return statement.order_by(key.desc() if backwards else key)
    moment, number = _table.updated_on, _table.id
    if part is not _Part.FIRST:
        from_moment: Any = bindparam("moment")
        from_id: Any = bindparam("id")
        # The first condition is for the index; times may be equal.
        statement = (
            statement.where(moment >= from_moment, or_(moment > from_moment, number > from_id))
            if backwards
            else statement.where(moment <= from_moment, or_(moment < from_moment, number < from_id))
        )
    return statement.order_by(moment, number) if backwards else statement.order_by(moment.desc(), number.desc())


def _counted(statement: Any, most: int) -> Any:
    return select(func.count()).select_from(statement.limit(most).subquery()).scalar_subquery()


def _gram_count(number: int) -> Any:
    low: Any = bindparam(f"gram{number}")
    high: Any = bindparam(f"gram_end{number}")
    where = (repository_grams.c.gram >= low, repository_grams.c.gram < high)
    return _counted(select(repository_grams.c.repository_id).where(*where), FEW_NAMES + 1)


_RIGHTS_COUNT: Final = Query(select(_counted(candidates(REPOSITORIES), _FEW + 1).label("rights")))
_GROUP_COUNT: Final = Query(select(_counted(_in_group, _FEW + 1).label("inside")))
_NAME_COUNTS: Final = Query(select(*(_gram_count(number).label(f"g{number}") for number in range(GRAMS_ASKED))))


def page(
    db: Connection,
    caller: Caller,
    *,
    group: RepoGroup | None = None,
    query: str = "",
    kind: str = "",
    owner_id: int | None = None,
    follower_id: int | None = None,
    sort: Sort = Sort.CHANGE,
    after: str = "",
    before: str = "",
    limit: int = PAGE,
    readable: int | None = None,
) -> RepositoryPage:
    """The repositories that the caller may read, a page of them: a few statements, whatever there is.

    With a `group`, those directly inside it, or with a `query` too those anywhere below. The words of the query are
    parts of names. `readable` is how many the caller may read, where that is known (`GroupTree.total`): it spares a
    statement. `after` and `before` come from another page of the same list; what is no such key begins at the
    beginning.
    """
    given: dict[str, Any] = {}
    inside = _Inside.ANYWHERE
    words = words_of(query, key=key_of)
    if words is None:
        return RepositoryPage((), None, None)
    if group is not None and words:
        inside, given["below"], given["group"] = _Inside.BELOW, escaped(key_of(group.name)) + "/%", group.id
    elif group is not None:
        inside, given["group"] = _Inside.DIRECTLY, group.id
    if kind:
        given["kind"] = kind
    given |= {f"word{number}": matching(word) for number, word in enumerate(words)}
    if owner_id is not None:
        source, given["owner"] = _From.OWNER, owner_id
    elif follower_id is not None:
        source, given["follower"] = _From.FOLLOWER, follower_id
    else:
        source = _cheapest(db, caller, words, given, readable)
    ways = searching.ways(db, searching.REPOSITORIES, words) if source is _From.ALL and sort is Sort.NAME else []
    if ways is None:
        return RepositoryPage((), None, None)
    if words and ways:
        source = _From.STRETCH
    return _page(db, caller, source, sort, inside, given, len(words), after, before, limit, ways)


_MOVED: Final = Query(
    select(
        access_stamp.c.version,
        repositories.c.id,
        repositories.c.updated_on,
        repositories.c.history_state,
        repository_locks.c.user_id,
    )
    .select_from(
        repositories.join(access_stamp, true()).outerjoin(
            repository_locks, repository_locks.c.repository_id == repositories.c.id
        )
    )
    .where(
        tuple_(repositories.c.updated_on, repositories.c.id) >= tuple_(bindparam("since"), bindparam("repository_id"))
    )
    .order_by(repositories.c.updated_on.desc(), repositories.c.id.desc())
    .limit(MOST_MOVED + 1)
)


def moved_since(db: Connection, caller: Caller, since: tuple[str, int]) -> list[Values]:  # noqa: ARG001
    """What a list of what changed last rests on, down to a row, by its moment and id: while all of it is the same, and
    no more than `MOST_MOVED`, so are the rows of everybody's lists down to there. It decides about no row, which is
    what lists cost.

    What rests on rights, names and settings changes with the state of all rights; pushes and locks, which leave that
    alone, show in the rows. Whoever comes into such a list has changed after that moment.
    """
    return _MOVED.all(db, {"since": since[0], "repository_id": since[1]})


def forks(db: Connection, caller: Caller, repository_id: int, *, after: str = "", before: str = "") -> RepositoryPage:
    """The direct forks of a repository that the caller may read, what changed last first."""
    given: dict[str, Any] = {"parent": repository_id}
    return _page(db, caller, _From.PARENT, Sort.CHANGE, _Inside.ANYWHERE, given, 0, after, before, PAGE)


def _cheapest(
    db: Connection, caller: Caller, words: Sequence[str], given: dict[str, Any], readable: int | None
) -> _From:
    """Which rows to look at for a page: three statements at most; `given` is told by which gram."""
    if words:
        asked = asked_grams(words)
        ends = {f"gram_end{number}": gram + _LAST for number, gram in enumerate(asked)}
        counted = _NAME_COUNTS.first(db, {f"gram{number}": gram for number, gram in enumerate(asked)} | ends)
        assert counted is not None
        number, found = min(enumerate(counted), key=lambda one: one[1])
        if found <= FEW_NAMES:
            given |= {"gram": asked[number], "gram_end": asked[number] + _LAST}
            return _From.GRAM
        if "below" in given:
            held = _GROUP_COUNT.first(db, {"group": given["group"]})
            if held is not None and held[0] <= _FEW:
                return _From.GROUP
    if caller.super_admin:
        return _From.ALL
    if readable is None:
        rights = _RIGHTS_COUNT.first(db, binds(caller))
        readable = rights[0] if rights is not None else 0
    return _From.RIGHTS if readable <= _FEW else _From.ALL


def _page(
    db: Connection,
    caller: Caller,
    source: _From,
    sort: Sort,
    inside: _Inside,
    given: dict[str, Any],
    words: int,
    after: str,
    before: str,
    limit: int,
    ways: Sequence[tuple[str, ...]] = (),
) -> RepositoryPage:
    part = _Part.FIRST
    for key, wanted in ((after, _Part.AFTER), (before, _Part.BEFORE)):
        where = _place(sort, key)
        if where is not None:
            part = wanted
            given |= where
            break
    given |= binds(caller)
    asked = partial(_statement, source, sort, inside, part, words, of_kind="kind" in given)
    rows: list[Values] = []
    if source is _From.STRETCH:
        kind, upwards = searching.REPOSITORIES, part is not _Part.BEFORE
        for one in searching.stretches(db, kind, ways, kind.by_name, given.get("name"), upwards=upwards):
            rows += asked(grams=len(one.grams)).all(db, given | one.binds() | {"most": limit + 1 - len(rows)})
            if len(rows) > limit:
                break
    else:
        rows = asked().all(db, given | {"most": limit + 1})
    more = len(rows) > limit
    rows = rows[:limit]
    if part is _Part.BEFORE:
        rows.reverse()
    listed = [listed_of(row) for row in rows]
    if not rows:
        return RepositoryPage(listed, None, None)
    newer = more if part is _Part.BEFORE else part is _Part.AFTER
    older = more if part is not _Part.BEFORE else True
    return RepositoryPage(listed, _key(sort, rows[0]) if newer else None, _key(sort, rows[-1]) if older else None)


def _place(sort: Sort, key: str) -> dict[str, Any] | None:
    """Where in the list a key stands; None for what is no key."""
    if sort is Sort.NAME:
        return {"name": key} if key and len(key) <= MAX_NAME and is_clean_text(key) else None
    found = _MOMENT_KEY.fullmatch(key)
    return None if found is None else {"moment": found[1], "id": min(int(found[2]), LARGEST_ID)}


def _key(sort: Sort, row: Values) -> str:
    return str(row[-1]) if sort is Sort.NAME else f"{row[UPDATED_ON_AT]}~{row[0]}"
