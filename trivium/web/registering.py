# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of views: which address leads to which function, and who may see it (system.md 2, web.md 3.3).

    @view("GET", "/{repository}/changeset/{revision}", needs=Level.READ, word="ChangesetController:index")
    def changeset(visit: RepositoryVisit, revision: str) -> Page: ...

All that the gate decides stands in such a line. A test walks the table.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, TypeVar

from trivium.access.levels import Level
from trivium.turns import Pace
from trivium.vcs.abilities import Abilities
from trivium.web.answers import Body, Feed, Json

REPOSITORY: Final = "{repository}"
NAMED_REPOSITORY: Final = "{repository*}"
"""Where an address of the site names the repository that it is about."""
GROUP: Final = "{group}"


class Who(Enum):
    """Who may see a view that is about no repository."""

    ANYBODY = "anybody"
    """Even where visitors may not look: signing in, and what a page is made of."""
    VISITOR = "visitor"
    """Visitors too, where the site lets them look at all."""
    USER = "user"
    """Whoever has signed in."""
    SUPER_ADMIN = "super"


class Shape(StrEnum):
    """What a view answers with, also when something is wrong."""

    PAGE = "page"
    BODY = "body"
    JSON = "json"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of an address: literal segments and `{names}`.

    `{name*}` is all that is left, but for the literal segments that end the rule.
    """

    segments: tuple[str, ...]

    def match(self, given: tuple[str, ...]) -> dict[str, str] | None:
        """What the names stand for in an address, if it has this form."""
        found: dict[str, str] = {}
        for at, segment in enumerate(self.segments):
            if segment.endswith("*}"):
                last = self.segments[at + 1 :]
                end = len(given) - len(last)
                if end <= at or given[end:] != last:
                    return None
                found[segment[1:-2]] = "/".join(given[at:end])
                return found
            if at >= len(given):
                return None
            if segment.startswith("{"):
                found[segment[1:-1]] = given[at]
            elif segment != given[at]:
                return None
        return found if len(given) == len(self.segments) else None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(segment.strip("{*}") for segment in self.segments if segment.startswith("{"))


@dataclass(frozen=True, slots=True)
class View:
    """A function that answers requests, and all that is decided before it is called."""

    name: str
    """`<module>.<function>`, by which addresses are written."""
    methods: tuple[str, ...]
    rules: tuple[Rule, ...]
    """Without the repository in front."""
    needs: Level | Who
    word: str
    """What `api_access_controllers_whitelist` calls it (system.md 1.2)."""
    pace: Pace
    shape: Shape
    users_only: bool
    """Whether visitors have to sign in first, whatever they may do with the repository."""
    script_only: bool
    """Whether it answers scripts of our pages alone (`X-Requested-With`)."""
    possible: Callable[[Abilities], bool] | None
    """Whether a system has what the view is about; None: each has."""
    call: Callable[..., Any]

    @property
    def feed(self) -> bool:
        """Whether a key opens it that no option lists."""
        return self.shape is Shape.FEED

    @property
    def of_repository(self) -> bool:
        """Whether it stands below the address of the repository that it is about."""
        return self.about_repository and NAMED_REPOSITORY not in self.rules[0].segments

    @property
    def takes_the_rest(self) -> bool:
        """Whether one of its rules takes whatever is left of an address."""
        return any(segment.endswith("*}") for rule in self.rules for segment in rule.segments)

    @property
    def about_repository(self) -> bool:
        return isinstance(self.needs, Level)


_views: dict[str, View] = {}
_of_repositories: dict[str, list[View]] = {}
"""First segment after the repository → views."""
_of_site: dict[str, list[View]] = {}
"""First segment → views."""

F = TypeVar("F", bound=Callable[..., Any])


def view(
    methods: str,
    *addresses: str,
    needs: Level | Who,
    word: str,
    pace: Pace = Pace.AT_ONCE,
    users_only: bool = False,
    script_only: bool = False,
    possible: Callable[[Abilities], bool] | None = None,
) -> Callable[[F], F]:
    """Enter a function into the table. `methods` are separated by blanks; `GET` allows `HEAD` as well."""

    def enter(call: F) -> F:
        name = f"{call.__module__.rpartition('.')[2]}.{call.__name__}"
        rules = tuple(_rule(address, needs) for address in addresses)
        found = View(
            name=name,
            methods=tuple(methods.split()),
            rules=rules,
            needs=needs,
            word=word,
            pace=pace,
            shape=_shape_of(call),
            users_only=users_only,
            script_only=script_only,
            possible=possible,
            call=call,
        )
        assert name not in _views, name
        _views[name] = found
        table = _of_repositories if found.of_repository else _of_site
        for first in {rule.segments[0] if rule.segments else "" for rule in rules}:
            table.setdefault(first, []).append(found)
        return call

    return enter


def _rule(address: str, needs: Level | Who) -> Rule:
    segments = tuple(segment for segment in address.split("/") if segment)
    if isinstance(needs, Level) and NAMED_REPOSITORY not in segments:
        assert segments[0] == REPOSITORY, address
        segments = segments[1:]
    return Rule(segments)


def _shape_of(call: Callable[..., Any]) -> Shape:
    answers = str(inspect.signature(call).return_annotation)
    for kind, shape in ((Feed, Shape.FEED), (Body, Shape.BODY), (Json, Shape.JSON)):
        if kind.__name__ in answers:
            return shape
    return Shape.PAGE


def every_view() -> Iterator[View]:
    """The whole table."""
    yield from _views.values()


def named(name: str) -> View:
    return _views[name]


Match = tuple[View, dict[str, str]]


def matching(segments: tuple[str, ...], *, of_repository: bool) -> list[Match]:
    """The views that an address may mean, whatever their methods."""
    table = _of_repositories if of_repository else _of_site
    found = []
    for candidate in table.get(segments[0] if segments else "", ()):
        for rule in candidate.rules:
            given = rule.match(segments)
            if given is not None:
                found.append((candidate, given))
                break
    return found
