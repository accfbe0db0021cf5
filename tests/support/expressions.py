# SPDX-License-Identifier: GPL-3.0-or-later
"""All regular expressions of the program, wherever they stand, and texts that are bad for one of them."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from re import _constants as of  # type: ignore[attr-defined]  # the parser of expressions has no public name
from re import _parser as parser
from types import ModuleType
from typing import Any

import trivium
import trivium_client

_FLAGS_AT = {
    "compile": 1,
    "match": 2,
    "search": 2,
    "fullmatch": 2,
    "findall": 2,
    "finditer": 2,
    "split": 3,
    "sub": 4,
    "subn": 4,
}
_USES = frozenset(_FLAGS_AT) - {"compile"}
_MOST_LETTERS = 12
_NAMES_OF_MODULES = re.compile(r"\b(?:re|regex)\b")


@dataclass
class Expression:
    """One expression, and by which methods texts are compared with it."""

    pattern: re.Pattern[Any]
    places: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)

    def runs(self) -> Iterator[Callable[[Any], object]]:
        """What is done with it."""
        for use in sorted(self.uses or {"search", "fullmatch"}):
            yield lambda text, use=use: self._run(use, text)

    def _run(self, use: str, text: Any) -> object:
        if use in ("sub", "subn"):
            return getattr(self.pattern, use)(text[:0], text)
        if use == "finditer":
            return list(self.pattern.finditer(text))
        return getattr(self.pattern, use)(text)


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the program and of its client."""
    found = []
    for package in (trivium, trivium_client):
        found.append(package)
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not one.name.endswith("__main__"):
                found.append(importlib.import_module(one.name))
    return tuple(found)


def nodes() -> Iterator[tuple[ModuleType, list[ast.AST]]]:
    """The modules that may have expressions, taken apart; no other can name `re`, or use what it was given."""
    for module in modules():
        assert module.__file__
        with open(module.__file__, encoding="utf-8") as file:
            source = file.read()
        if _NAMES_OF_MODULES.search(source) or any(isinstance(value, re.Pattern) for value in vars(module).values()):
            yield module, list(ast.walk(ast.parse(source)))


def written() -> dict[tuple[Any, int], Expression]:
    """Every expression that stands in the source; raises `AssertionError` for one that only running it would show."""
    found: dict[tuple[Any, int], Expression] = {}
    taken_apart = list(nodes())
    for module, inside in taken_apart:
        for node in inside:
            place = f"{module.__name__}:{getattr(node, 'lineno', 0)}"
            match node:
                case ast.ImportFrom(module="re" | "regex") | ast.Import(names=[ast.alias(name="regex")]):
                    raise AssertionError(f"{place}: write `import re`, so that expressions can be found")
                case ast.Import(names=names):
                    assert not any(name.name == "re" and name.asname for name in names), place
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr)) if attr in _FLAGS_AT:
                    pattern = _evaluated(node, attr, module, place)
                    one = found.setdefault((pattern.pattern, pattern.flags), Expression(pattern))
                    one.places.add(place)
                    if attr != "compile":
                        one.uses.add(attr)
    for module, inside in taken_apart:
        for node in inside:
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in _USES:
                    value = vars(module).get(name)
                    if isinstance(value, re.Pattern):  # of ours, or of a library that it was imported from
                        one = found.setdefault((value.pattern, value.flags), Expression(value))
                        one.places = one.places or {f"{module.__name__}:{node.lineno}"}
                        one.uses.add(attr)
                case ast.Attribute(value=ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr="compile")) as call):
                    pattern = _evaluated(call, "compile", module, module.__name__)
                    found[pattern.pattern, pattern.flags].uses.add(node.attr)
    return found


def _evaluated(call: ast.Call, attr: str, module: ModuleType, place: str) -> re.Pattern[Any]:
    flags = [word.value for word in call.keywords if word.arg == "flags"] or call.args[_FLAGS_AT[attr] :][:1]
    try:
        text, given = (
            eval(compile(ast.Expression(part), place, "eval"), vars(module)) if part else 0
            for part in (call.args[0], flags[0] if flags else None)
        )
    except NameError as error:
        raise AssertionError(f"{place}: this expression is known only when it is used") from error
    return text if isinstance(text, re.Pattern) else re.compile(text, given)


def held() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every expression that a module, a class or a collection of them holds."""
    for module in modules():
        yield from _inside(module.__name__, vars(module), depth=4)


def _inside(place: str, value: Any, *, depth: int) -> Iterator[tuple[str, re.Pattern[Any]]]:
    value = getattr(value, "__self__", value) if not isinstance(value, type) else value
    if isinstance(value, re.Pattern):
        yield place, value
    elif depth and isinstance(value, dict):
        for key, inner in list(value.items()):
            if not str(key).startswith("__"):
                yield from _inside(f"{place}.{key}", inner, depth=depth - 1)
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _inside(place, inner, depth=depth - 1)
    elif depth and isinstance(value, type) and value.__module__.startswith("trivium"):
        yield from _inside(place, dict(vars(value)), depth=depth - 1)


def attacks(pattern: re.Pattern[Any]) -> Iterator[tuple[str, Callable[[int], Any]]]:
    """Texts of any length that make an expression try much: what it is made of, repeated, mixed and broken off."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else 0)
    letters = list(dict.fromkeys([*_letters(tree), "\0", " ", "\n", "x"]))[:_MOST_LETTERS]
    example = _example(tree)
    beginnings = {example[:end] for end in {1, len(example) // 2, len(example) - 1, len(example)} if end > 0}
    one = {
        letter: letter
        for letter in [*letters, *beginnings, *(first + second for first, second in product(letters, letters))]
    }
    ends = ("", "\0")
    for piece, end in product(one, ends):
        yield (
            f"{piece!r} again and again, {end!r}",
            _made(pattern, lambda size, p=piece, e=end: p * (size // len(p)) + e),
        )
    for start, piece in product(beginnings, letters):
        yield f"{start!r} and {piece!r}", _made(pattern, lambda size, s=start, p=piece: s + p * size + "\0")
    for first, second in product(letters, letters):
        yield (
            f"{first!r} and {second!r}",
            _made(pattern, lambda size, f=first, s=second: f * (size // 2) + s * (size // 2) + "\0"),
        )


def _made(pattern: re.Pattern[Any], text: Callable[[int], str]) -> Callable[[int], Any]:
    if isinstance(pattern.pattern, bytes):
        return lambda size: text(size).encode("latin-1", "replace")
    return text


def _letters(tree: Any) -> Iterator[str]:
    """A letter or two of each part of an expression."""
    for code, value in tree:
        if code is of.LITERAL:
            yield chr(value)
        elif code is of.IN:
            yield from _of_set(value)
        elif code in (of.MAX_REPEAT, of.MIN_REPEAT, of.POSSESSIVE_REPEAT):
            yield from _letters(value[2])
        elif code is of.SUBPATTERN:
            yield from _letters(value[3])
        elif code is of.BRANCH:
            for branch in value[1]:
                yield from _letters(branch)
        elif code in (of.ASSERT, of.ASSERT_NOT):
            yield from _letters(value[1])


def _of_set(items: Any) -> Iterator[str]:
    for code, value in items:
        if code is of.LITERAL:
            yield chr(value)
        elif code is of.RANGE:
            yield from (chr(value[0]), chr(value[1]))
        elif code is of.CATEGORY:
            yield {of.CATEGORY_DIGIT: "7", of.CATEGORY_SPACE: "\t", of.CATEGORY_WORD: "w"}.get(value, "-")


def _example(tree: Any) -> str:
    """A short text that an expression fits, or nearly."""
    said = ""
    for code, value in tree:
        if code in (of.MAX_REPEAT, of.MIN_REPEAT, of.POSSESSIVE_REPEAT):
            said += _example(value[2]) * max(1, min(value[0], 50))
        elif code is of.SUBPATTERN:
            said += _example(value[3])
        elif code is of.BRANCH:
            said += _example(value[1][0])
        else:
            said += next(_letters([(code, value)]), "y")
    return said
