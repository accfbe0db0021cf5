# SPDX-License-Identifier: GPL-3.0-or-later
"""Code in colours: Pygments' tokens as lines of HTML, with the classes that the stylesheet knows.

Pygments is imported when the first line is coloured: a worker that serves clones never needs it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Final, NamedTuple

from trivium.render import lexing
from trivium.render.text import MOST_OF_A_LINE, code, escaped, is_plain, line_of_code, lines
from trivium.render.token_classes import class_of

if TYPE_CHECKING:
    from pygments.lexer import Lexer

MOST_BYTES: Final = 1 << 20
MOST_LINES: Final = 20_000
PATIENCE: Final = 2.0
"""Seconds of the processor for one text."""
_TOKENS_BETWEEN_LOOKS: Final = 64


class Highlighted(NamedTuple):
    """The lines of a text as HTML, without their ends; as many as `text.lines` finds."""

    lines: list[str]
    coloured: bool
    """Whether all of it was; else the lines, or the later of them, are plain."""


def plain(text: str) -> list[str]:
    """The lines of a text as HTML, without colours."""
    return [line_of_code(line) for line in lines(text)]


def highlight(text: str, lexer: str, *, patience: float = PATIENCE) -> Highlighted:
    """The lines of a text, read as the language that `lexer_of` found.

    Never raises. What is too large, or takes more than `patience` seconds of the processor, is plain.
    """
    shown = lines(text)
    if (
        not lexer
        or len(text) > MOST_BYTES
        or len(shown) > MOST_LINES
        or max(map(len, shown), default=0) > MOST_OF_A_LINE
    ):
        return Highlighted([line_of_code(line) for line in shown], coloured=False)
    joined = "\n".join(shown) + "\n"
    try:
        found = _coloured(_lexer(lexer), joined, time.thread_time() + patience)
    except Exception:
        # Lexers are others' programs, and what they read is strangers'. Nothing that they do may cost a page.
        found = []
    if len(found) < len(shown):
        rest = shown[len(found) :]
        return Highlighted(found + [line_of_code(line) for line in rest], coloured=not rest)
    return Highlighted(found[: len(shown)], coloured=len(found) == len(shown))


def as_one(shown: Sequence[str], lexer: str, alike: Iterable[Iterable[int]]) -> list[str] | None:
    """Lines that never stood in one text, read as if they did; None where the one has told on the other.

    `alike` are groups of places between these lines, as numbers of the lines behind them. If a lexer is in the same
    state at all places of a group, it reads what is between any two of them as if the rest was not there.
    """
    try:
        reader = _lexer(lexer)
        if type(reader).get_tokens_unprocessed is not lexing.tokens:
            return None  # it knows more than its states
        starts = list(accumulate((len(line) + 1 for line in shown), initial=0))
        text = "\n".join(shown) + "\n"
        if len(text) > MOST_BYTES or len(shown) > MOST_LINES or max(map(len, shown), default=0) > MOST_OF_A_LINE:
            return None
        groups = [[starts[line] for line in group if line < len(shown)] for group in alike]
        seen = lexing.Seen(chain(*groups))
        found = _coloured(reader, text, time.thread_time() + PATIENCE, seen)
    except Exception:  # as in `highlight`
        return None
    if len(found) < len(shown) or any(len({seen.states[place] for place in group}) > 1 for group in groups):
        return None
    return found[: len(shown)]


def _coloured(lexer: Lexer, text: str, end: float, seen: lexing.Seen | None = None) -> list[str]:
    """The lines that are complete when time is over, or the lexer has lost its way; `seen` is told its states.

    Neighbours of one class become one element. One that spans lines is closed at the end of each, and opened anew.
    """
    by_rules = type(lexer).get_tokens_unprocessed is lexing.tokens
    done: list[str] = []
    line: list[str] = []
    for of_run, run in lexing.runs(lexer, text, end, seen) if by_rules else _runs(lexer, text, end):
        if "\n" not in run:
            if run:
                line.append(_span(of_run, run))
            continue
        *ended, rest = run.split("\n")
        for part in ended:
            if part:
                line.append(_span(of_run, part))
            done.append("".join(line))
            line.clear()
        if rest:
            line.append(_span(of_run, rest))
    return done


def _runs(lexer: Lexer, text: str, end: float) -> Iterator[tuple[str, str]]:
    """As `lexing.runs`, for a lexer that is not made of rules alone."""
    of_run = ""
    start = at = 0
    for count, (where, kind, piece) in enumerate(lexer.get_tokens_unprocessed(text)):
        if where != at or (count % _TOKENS_BETWEEN_LOOKS == 0 and time.thread_time() > end):
            break
        shown = class_of(kind)
        if shown != of_run and piece:
            yield of_run, text[start:at]
            start, of_run = at, shown
        at += len(piece)
    yield of_run, text[start:at]


def _span(of_piece: str, piece: str) -> str:
    inside = escaped(piece) if is_plain(piece) else code(piece)
    return f'<span class="{of_piece}">{inside}</span>' if of_piece else inside


@lru_cache(maxsize=64)
def _lexer(lexer: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    lexing.use_everywhere()
    return get_lexer_by_name(lexer)


def language(lexer: str) -> str:
    """The name of a language for people; empty for none."""
    try:
        return str(_lexer(lexer).name) if lexer else ""
    except Exception:  # as in `highlight`: what lexers do may cost no page
        return ""


_MODELINE = re.compile(
    r"-\*- *(?:mode: *)?([\w+#-]{1,30})(?:;| *-\*-)|\bvim?:.{0,80}?\b(?:ft|filetype|syntax)=([\w+#-]{1,30})"
)
_MOST_OF_A_NAME = 255
_PLAIN = frozenset({"text", "plain", "output", ""})


def lexer_of(path: str, text: str = "") -> str:
    """The lexer for a file, by its name, else by its first lines: a name for `highlight`, empty for none.

    The same name and beginning have the same answer always: it may be a part of a key.
    """
    last = path.rpartition("/")[2]
    if len(last) <= _MOST_OF_A_NAME and (alias := _by_name(last)):
        return alias
    head = text[:1000].split("\n", 5)[:5]
    if head[0].startswith("#!"):
        program = _interpreter(head[0][2:200])
        return _known(_INTERPRETERS.get(program, program))
    for line in head:
        if found := _MODELINE.search(line[:200]):
            return _known((found[1] or found[2]).lower())
    return ""


def _interpreter(command: str) -> str:
    """The program that a script names for itself, without its version."""
    for word in command.split():
        program = word.rpartition("/")[2].lower().rstrip("0123456789.")
        if program != "env" and not word.startswith("-"):
            return program
    return ""


_INTERPRETERS: Final = {
    "sh": "bash",
    "dash": "bash",
    "ash": "bash",
    "ksh": "bash",
    "node": "javascript",
    "python": "python",
}


@lru_cache(maxsize=4096)
def _by_name(last: str) -> str:
    try:
        from pygments.lexers import find_lexer_class_for_filename

        found = find_lexer_class_for_filename(last)
    except Exception:  # as in `highlight`
        return ""
    alias = found.aliases[0] if found is not None and found.aliases else ""
    return "" if alias in _PLAIN else alias


@lru_cache(maxsize=1024)
def _known(alias: str) -> str:
    """The first name of the lexer that has this name; empty for none."""
    try:
        found = _lexer(alias).aliases[0]
    except Exception:  # as in `highlight`
        return ""
    return "" if found in _PLAIN else found


def named(alias: str) -> str:
    """The lexer that a text asks for, as a block of Markdown does: a name for `highlight`, empty for none."""
    return _known(alias.lower()) if len(alias) <= 30 and alias else ""
