# SPDX-License-Identifier: GPL-3.0-or-later
r"""Expressions that administrators write, and that take time by the length of the text, whatever both are.

The standard library tries all ways in which an expression can match. So only expressions are taken that have few of
them: what a place of a text can cost is computed before, from the expression alone, and a repetition takes at most
`MOST_REPEATED` characters. What is refused is refused with its place and a reason.

Here `\w`, `\d`, `\s` and `\b` mean characters of ASCII. What repeats what a group matched (`\1`) is not known.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from trivium.errors import Invalid

LONGEST: Final = 200
"""Characters of an expression."""
MOST_REPEATED: Final = 64
"""Characters that a repetition takes, whatever is written."""
_MOST_GROUPS: Final = 10
"""Times that a group may be repeated."""
_MOST_STEPS: Final = 2_000
"""Comparisons that one place of a text may cost."""
_WIDEST: Final = 256
"""Characters between the ends of a range."""
_LAST: Final = 127
_OTHERS: Final = "\x80"
"""Stands for all characters beyond ASCII."""
_EVERY: Final = frozenset(map(chr, range(_LAST + 2)))
_WORD: Final = frozenset(one for one in _EVERY - {_OTHERS} if one.isalnum() or one == "_")
_DIGIT: Final = frozenset("0123456789")
_SPACE: Final = frozenset(" \t\n\r\f\v")
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": _DIGIT,
    "CATEGORY_NOT_DIGIT": _EVERY - _DIGIT,
    "CATEGORY_SPACE": _SPACE,
    "CATEGORY_NOT_SPACE": _EVERY - _SPACE,
    "CATEGORY_WORD": _WORD,
    "CATEGORY_NOT_WORD": _EVERY - _WORD,
}


class BadExpression(Invalid):
    """An expression that is none, or that might take too long."""

    def __init__(self, message: str, *, about: str, at: int | None = None, **values: object) -> None:
        super().__init__(message, about=about, **values)
        self.at = at
        """The character, from 0, where it goes wrong; None where that is all of it."""


@lru_cache(maxsize=256)
def expression(text: str) -> re.Pattern[str]:
    """What a text means. Raises `BadExpression`."""
    if len(text) > LONGEST:
        raise BadExpression("This is too long.", about="pattern", at=LONGEST)
    # The parser and compiler of the standard library's own expressions: they have no public names.
    try:
        tree = importlib.import_module("re._parser").parse(text, re.ASCII)
    except re.error as error:
        raise BadExpression("This is no expression: %(why)s.", about="pattern", at=error.pos, why=error.msg) from error
    except (OverflowError, RecursionError, ValueError) as error:
        raise BadExpression("This is too large an expression.", about="pattern") from error
    cost = _Judge().cost(tree, frozenset(), any_case=bool(tree.state.flags & re.IGNORECASE))
    if cost.steps > _MOST_STEPS:
        raise BadExpression("There are too many ways in which this might match.", about="pattern")
    if tree.getwidth()[0] == 0:
        raise BadExpression("This matches where there is nothing.", about="pattern")
    made: re.Pattern[str] = importlib.import_module("re._compiler").compile(tree, re.ASCII)
    return made


class _Cost(NamedTuple):
    """What it may cost to try a part of an expression at one place."""

    ways: int
    """In which it may match there, of which each is tried with what follows."""
    steps: int


class _First(NamedTuple):
    """What a match can begin with."""

    characters: frozenset[str]
    empty: bool
    """Whether there may be nothing; what comes behind is then a beginning, too."""


class _Judge:
    """Computes costs, and shortens repetitions on the way."""

    def cost(self, sequence: Any, follow: frozenset[str], *, any_case: bool) -> _Cost:
        """Of a sequence with something behind it that begins with one of `follow`."""
        ways, steps = 1, 1
        for at, (operation, given) in enumerate(sequence):
            behind = self._first(sequence[at + 1 :], any_case)
            after = behind.characters | follow if behind.empty else behind.characters
            if "REPEAT" in str(operation):
                least, most, inside = given
                single = len(inside) == 1 and str(inside[0][0]) in _SINGLE
                most = min(most, MOST_REPEATED if single else _MOST_GROUPS + 1)
                if least > most:
                    raise BadExpression("Something is repeated too often here.", about="pattern")
                sequence[at] = (operation, (least, most, inside))
                one = self._repeated(least, most, inside, after, single=single, any_case=any_case)
            else:
                one = self._cost(str(operation), given, after, any_case=any_case)
            steps = min(steps + ways * one.steps, _MOST_STEPS + 1)
            ways = min(ways * one.ways, _MOST_STEPS + 1)
        return _Cost(ways, steps)

    def _cost(self, operation: str, given: Any, after: frozenset[str], *, any_case: bool) -> _Cost:
        match operation:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                self._characters(operation, given, any_case=any_case)
                return _Cost(1, 1)
            case "AT":
                return _Cost(1, 1)
            case "SUBPATTERN":
                _, on, off, inside = given
                return self.cost(inside, after, any_case=_case(any_case, on, off))
            case "BRANCH":
                each = [self.cost(inside, after, any_case=any_case) for inside in given[1]]
                return _Cost(sum(one.ways for one in each), sum(one.steps for one in each))
            case "ASSERT" | "ASSERT_NOT":
                return _Cost(1, self.cost(given[1], _EVERY, any_case=any_case).steps)
            case _:
                raise BadExpression(
                    "This says something that is not known here, such as a reference to a group.", about="pattern"
                )

    def _repeated(
        self, least: int, most: int, inside: Any, after: frozenset[str], *, single: bool, any_case: bool
    ) -> _Cost:
        if single:
            taken = self._characters(str(inside[0][0]), inside[0][1], any_case=any_case)
            # Where what follows can never begin inside, all shorter ways fail at their first step.
            return _Cost(1 if taken.isdisjoint(after) else most - least + 1, 2 * most)
        if most > _MOST_GROUPS:
            raise BadExpression("A group can be repeated %(count)s times at most.", about="pattern", count=_MOST_GROUPS)
        one = self.cost(inside, after | self._first(inside, any_case).characters, any_case=any_case)
        ways = steps = 0
        for times in range(most + 1):
            if times >= least:
                ways += one.ways**times
            steps += one.ways**times * one.steps
        return _Cost(min(ways, _MOST_STEPS + 1), min(steps, _MOST_STEPS + 1))

    def _first(self, sequence: Iterable[tuple[Any, Any]], any_case: bool) -> _First:
        characters: frozenset[str] = frozenset()
        for operation, given in sequence:
            match str(operation):
                case "AT":
                    continue
                case "ASSERT" | "ASSERT_NOT":
                    found = _First(_EVERY, empty=True)  # it is tried wherever a repetition may end
                case "SUBPATTERN":
                    found = self._first(given[3], _case(any_case, given[1], given[2]))
                case "BRANCH":
                    each = [self._first(inside, any_case) for inside in given[1]]
                    found = _First(frozenset().union(*(one.characters for one in each)), any(one.empty for one in each))
                case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                    found = self._first(given[2], any_case)
                    found = found._replace(empty=found.empty or not given[0])
                case name if name in _SINGLE:
                    found = _First(self._characters(name, given, any_case=any_case), empty=False)
                case _:
                    found = _First(_EVERY, empty=True)
            characters |= found.characters
            if not found.empty:
                return _First(characters, empty=False)
        return _First(characters, empty=True)

    def _characters(self, operation: str, given: Any, *, any_case: bool) -> frozenset[str]:
        match operation:
            case "LITERAL":
                return _in([("LITERAL", given)], any_case=any_case)
            case "NOT_LITERAL":
                return _EVERY - _in([("LITERAL", given)], any_case=any_case) | {_OTHERS}
            case "IN":
                if str(given[0][0]) == "NEGATE":
                    return _EVERY - _in(given[1:], any_case=any_case) | {_OTHERS}
                return _in(given, any_case=any_case)
            case _:
                return _EVERY


_SINGLE: Final = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN"})
"""What matches one character."""


def _case(any_case: bool, on: int, off: int) -> bool:
    return (any_case or bool(on & re.IGNORECASE)) and not off & re.IGNORECASE


def _in(items: Sequence[tuple[Any, Any]], *, any_case: bool) -> frozenset[str]:
    """The characters that a set names."""
    found: set[str] = set()
    for operation, given in items:
        match str(operation):
            case "LITERAL":
                found.add(_told(given))
            case "RANGE":
                low, high = given
                if high - low > _WIDEST:
                    raise BadExpression("A range cannot have so many characters.", about="pattern")
                found.update(map(_told, range(low, high + 1)))
            case "CATEGORY":
                found |= _CATEGORIES[str(given)]
            case _:
                found |= _EVERY
    if any_case:
        found |= {one.lower() for one in found} | {one.upper() for one in found}
    return frozenset(found)


def _told(number: int) -> str:
    return chr(number) if number <= _LAST else _OTHERS
