# SPDX-License-Identifier: GPL-3.0-or-later
"""Pygments' lexers, which try fewer rules: at each place only those that can begin with the character there.

A lexer of Python has some fifty rules for a line of code, and tries thirty-five of them for each token. What a rule can
begin with is read off its expression once; of those that are left three match as often as not. The tokens are the same:
a rule that is left out would not have matched.

Colours need not even all tokens: of what looks alike the end is enough (`runs`).
"""

from __future__ import annotations

import importlib
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

from trivium.render.token_classes import class_of

Rule = tuple[Callable[[str, int], "re.Match[str] | None"], Any, Any]
"""As Pygments keeps them: what matches, what becomes of that, and where that leads."""
Known = tuple[Callable[[str, int], "re.Match[str] | None"], Any, Any, str | None]
"""The same, and how it looks where it becomes one token; None: others tell what becomes of it."""
Tokens = Iterator[tuple[int, Any, str]]
"""Place, kind and text of each."""

_STEPS_BETWEEN_LOOKS: Final = 64
_OTHERS: Final = "\x80"
"""Stands for all characters from there on: rules for them are not told apart."""
_LINE: Final = "\n\n"
"""Stands before a character that begins a line, where a table says which rules can match there."""


class _Beginning(NamedTuple):
    """What a match can begin with."""

    characters: frozenset[str] = frozenset()
    """Of ASCII."""
    empty: bool = False
    """Whether there may be nothing; what comes behind it is then a beginning, too."""
    of_line: bool = False
    """Whether it matches at the beginning of a line alone."""


_LAST: Final = 127
_ASCII: Final = frozenset(map(chr, range(_LAST + 1)))
_ANYTHING: Final = _Beginning(_ASCII, empty=True)


class Lost(Exception):
    """A place stands in the middle of something: a lexer has no states there."""


class Seen:
    """The states of a lexer at some places of a text."""

    def __init__(self, places: Iterable[int]) -> None:
        self.stack = ["root"]
        """Those in which it is."""
        self.states: dict[int, tuple[str, ...]] = {}
        self._left = sorted(set(places), reverse=True)
        self.due = self._left[-1] if self._left else sys.maxsize
        """The place that is next."""

    def pass_by(self, start: int, piece: str) -> None:
        """There is something at the places up to the end of a piece; raises `Lost`."""
        end = start + len(piece)
        while self.due < end:
            if self.due != start and not piece.isspace():
                raise Lost
            self.states[self.due] = tuple(self.stack)
            self._left.pop()
            self.due = self._left[-1] if self._left else sys.maxsize


def use_everywhere() -> None:
    """Let all lexers of Pygments that are made of rules tell their tokens this way, those within others too."""
    from pygments.lexer import RegexLexer

    RegexLexer.get_tokens_unprocessed = tokens  # type: ignore[method-assign, assignment]


def tokens(lexer: Any, text: str, stack: Sequence[str] = ("root",)) -> Tokens:
    """The tokens of a text, for a lexer that is made of rules; `stack` is the states that it begins in."""
    from pygments.token import Error, Whitespace

    tables = _tables_of(lexer._tokens)  # noqa: SLF001 - as Pygments' own function does
    states = list(stack)
    table = tables.of(states[-1])
    at, length = 0, len(text)
    while True:
        character = text[at] if at < length else ""
        place = character if at and text[at - 1] != "\n" else _LINE + character
        rules = table.get(place)
        if rules is None:
            rules = tables.found(states[-1], place)
        for match, action, leads_to, look in rules:
            found = match(text, at)
            if not found:
                continue
            end = found.end()
            if action is not None:
                if look is not None:
                    yield at, action, text[at:end]
                else:
                    yield from action(lexer, found)
            at = end
            if leads_to is not None:
                _go(states, leads_to)
                table = tables.of(states[-1])
            break
        else:
            if not character:
                return
            if character == "\n":  # a line that no rule understands is over: all begins anew
                states[:] = ["root"]
                table = tables.of("root")
                yield at, Whitespace, "\n"
            else:
                yield at, Error, text[at]
            at += 1


def runs(lexer: Any, text: str, end: float, seen: Seen | None = None) -> Iterator[tuple[str, str]]:
    """What `tokens` tells, as far as it looks: class and text of each run of tokens that look alike.

    It ends early when the processor's time is `end`, or the lexer has lost its way. `seen` is told its states, and
    raises `Lost`.
    """
    tables = _tables_of(lexer._tokens)  # noqa: SLF001 - as in `tokens`
    states = ["root"] if seen is None else seen.stack
    due = sys.maxsize if seen is None else seen.due
    table = tables.of(states[-1])
    start = at = 0
    of_run = ""
    length = len(text)
    for step in count():
        if not step % _STEPS_BETWEEN_LOOKS and time.thread_time() > end:
            break
        character = text[at] if at < length else ""
        # Many rules begin with `^`: these can match at the beginning of a line alone.
        place = character if at and text[at - 1] != "\n" else _LINE + character
        rules = table.get(place)
        if rules is None:
            rules = tables.found(states[-1], place)
        for match, action, leads_to, look in rules:
            found = match(text, at)
            if not found:
                continue
            last = found.end()
            if look is not None:
                if last > due and seen is not None:
                    seen.pass_by(at, text[at:last])
                    due = seen.due
                if look != of_run and last > at:
                    if at > start:
                        yield of_run, text[start:at]
                    start, of_run = at, look
                at = last
            elif action is not None:
                for told, (where, kind, piece) in enumerate(action(lexer, found), 1):
                    # Lexers within lexers may tell pieces twice, or not in their order.
                    if where != at or (not told % _STEPS_BETWEEN_LOOKS and time.thread_time() > end):
                        yield of_run, text[start:at]
                        return
                    if seen is not None and at + len(piece) > due:
                        seen.pass_by(at, piece)
                        due = seen.due
                    look = class_of(kind)
                    if look != of_run and piece:
                        if at > start:
                            yield of_run, text[start:at]
                        start, of_run = at, look
                    at += len(piece)
            if at != last:  # something is told by nobody
                yield of_run, text[start:at]
                return
            if leads_to is not None:
                _go(states, leads_to)
                table = tables.of(states[-1])
            break
        else:
            if not character:
                break
            if character == "\n":
                states[:] = ["root"]
                table = tables.of("root")
            if at >= due and seen is not None:
                seen.pass_by(at, character)
                due = seen.due
            if of_run:  # what no rule understands has no colour
                yield of_run, text[start:at]
                start, of_run = at, ""
            at += 1
    yield of_run, text[start:at]


def _go(states: list[str], leads_to: Any) -> None:
    """Where a rule leads: to other states, back by some, or into the same once more. One state always stays."""
    if isinstance(leads_to, int):
        del states[max(1, len(states) - abs(leads_to)) :]
        return
    for one in leads_to if isinstance(leads_to, tuple) else (leads_to,):
        if one == "#pop":
            if len(states) > 1:
                states.pop()
        else:
            states.append(states[-1] if one == "#push" else one)


class _Tables:
    """The rules of one lexer, by state and by the character that is next."""

    def __init__(self, rules: Mapping[str, Sequence[Rule]]) -> None:
        self.all = rules
        self._beginnings: dict[str, list[_Beginning]] = {}
        self._tables: dict[str, dict[str, list[Known]]] = {}

    def of(self, state: str) -> dict[str, list[Known]]:
        """What was found out about a state; a place that is not in it yet is asked for with `found`."""
        found = self._tables.get(state)
        if found is None:
            found = self._tables[state] = {}
        return found

    def found(self, state: str, place: str) -> list[Known]:
        """The rules that can match at a place: before a character, which is empty at the end of the text, or with
        `_LINE` before it where a line begins.
        """
        character, starts = place.removeprefix(_LINE), place.startswith(_LINE)
        character = min(character, _OTHERS)
        known = f"{_LINE}{character}" if starts else character
        table = self.of(state)
        rules = table.get(known)
        if rules is None:
            rules = table[known] = self._rules(state, character, starts=starts)
        return rules

    def _rules(self, state: str, character: str, *, starts: bool) -> list[Known]:
        from pygments.token import _TokenType

        beginnings = self._beginnings.get(state)
        if beginnings is None:
            beginnings = self._beginnings[state] = [_beginning_of(match) for match, _, _ in self.all[state]]
        return [
            (*rule, class_of(rule[1]) if type(rule[1]) is _TokenType else None)
            for rule, beginning in zip(self.all[state], beginnings, strict=True)
            if (beginning.empty or character == _OTHERS or character in beginning.characters)
            and (starts or not beginning.of_line)
        ]


_known: dict[int, _Tables] = {}


def _tables_of(rules: Mapping[str, Sequence[Rule]]) -> _Tables:
    found = _known.get(id(rules))
    if found is None or found.all is not rules:
        found = _known[id(rules)] = _Tables(rules)  # it keeps the rules, so that the number stays theirs
    return found


def _beginning_of(match: Any) -> _Beginning:
    """What an expression can begin with; what it says in a way that is not known here can be anything."""
    try:
        pattern: re.Pattern[str] = match.__self__
        # The parser of the standard library's own expressions: it has no public name.
        read = importlib.import_module("re._parser").parse(pattern.pattern, pattern.flags)
        found = _beginning(read, any_case=bool(read.state.flags & re.IGNORECASE))
        return found._replace(of_line=_is_of_line(read))
    except Exception:
        return _ANYTHING


def _beginning(sequence: Any, *, any_case: bool) -> _Beginning:
    characters: frozenset[str] = frozenset()
    for operation, given in sequence:
        match str(operation):
            case "ANY":
                found = _Beginning(_ASCII)
            case "AT" | "ASSERT" | "ASSERT_NOT":
                continue  # a condition, which takes no character
            case "LITERAL":
                found = _set([(operation, given)], any_case=any_case)
            case "NOT_LITERAL":
                found = _set([("LITERAL", given)], but=True, any_case=any_case)
            case "IN":
                but = str(given[0][0]) == "NEGATE"
                found = _set(given[1:] if but else given, but=but, any_case=any_case)
            case "SUBPATTERN":
                _, on, off, inside = given
                found = _beginning(inside, any_case=(any_case or bool(on & re.IGNORECASE)) and not off & re.IGNORECASE)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, _, inside = given
                found = _beginning(inside, any_case=any_case)
                found = found._replace(empty=found.empty or not least)
            case "BRANCH":
                each = [_beginning(inside, any_case=any_case) for inside in given[1]]
                found = _Beginning(frozenset().union(*(one.characters for one in each)), any(o.empty for o in each))
            case _:
                return _ANYTHING
        characters |= found.characters
        if not found.empty:
            return _Beginning(characters)
    return _Beginning(characters, empty=True)


def _is_of_line(sequence: Any) -> bool:
    """Whether an expression begins with `^`, perhaps inside of groups, or behind conditions that take no character."""
    for operation, given in sequence:
        match str(operation):
            case "AT" if str(given) in ("AT_BEGINNING", "AT_BEGINNING_LINE", "AT_BEGINNING_STRING"):
                return True
            case "AT" | "ASSERT" | "ASSERT_NOT":
                continue
            case "SUBPATTERN":
                return _is_of_line(given[3])
            case "BRANCH":
                return all(_is_of_line(inside) for inside in given[1])
            case _:
                return False
    return False


def _set(items: Sequence[Any], *, but: bool = False, any_case: bool) -> _Beginning:
    """A set of characters as an expression names them, or with `but` all others."""
    found: set[str] = set()
    wide = False
    for operation, given in items:
        match str(operation):
            case "LITERAL":
                found.add(chr(given))
                wide = wide or given > _LAST
            case "RANGE":
                found.update(map(chr, range(given[0], min(given[1], _LAST) + 1)))
                wide = wide or given[1] > _LAST
            case "CATEGORY":
                found.update(filter(_CATEGORIES[str(given)], _ASCII))
            case _:
                return _ANYTHING
    if any_case:
        if wide or but:
            return _ANYTHING  # some letters of ASCII are other cases of letters beyond it
        found |= {one.lower() for one in found} | {one.upper() for one in found}
    return _Beginning(_ASCII - found if but else _ASCII & found)


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CATEGORIES: Final[Mapping[str, Callable[[str], bool]]] = {
    "CATEGORY_DIGIT": str.isdecimal,
    "CATEGORY_NOT_DIGIT": lambda character: not character.isdecimal(),
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_NOT_SPACE": lambda character: not character.isspace(),
    "CATEGORY_WORD": _is_of_word,
    "CATEGORY_NOT_WORD": lambda character: not _is_of_word(character),
}
