# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of patterns that lead to issue trackers: of the site and of a repository (system.md 2.7, 2.8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, cast

from trivium.access.caller import Caller
from trivium.errors import ChangedMeanwhile
from trivium.forge.repositories.issue_patterns import MOST, BadPattern, Pattern
from trivium.forge.seen import Seen
from trivium.web.forms import SEEN
from trivium.web.visit import Visit

_EMPTY_ROWS: Final = 2
"""For further patterns."""
_FIELDS: Final = ("pattern", "url", "description")


@dataclass(frozen=True, slots=True)
class PatternForm:
    """What the form shows."""

    rows: Sequence[Pattern]
    reason: str = ""
    """Why something cannot be kept; empty: nothing is wrong."""
    at: tuple[int, str] | None = None
    """The row and the field that are wrong."""
    seen: str = ""
    """The mark of what was stored when the form was shown; it travels with the form."""
    status: int = 200


def typed_patterns(visit: Visit) -> list[Pattern]:
    """The rows that have something in them."""
    rows = [
        [visit.form.get(f"{field}_{number}", "").strip() for field in _FIELDS] for number in range(MOST + _EMPTY_ROWS)
    ]
    return [Pattern(*row) for row in rows if any(row)]


def as_seen(visit: Visit, typed: Sequence[Pattern], look: Callable[[Any, Caller], Sequence[Pattern]]) -> Seen:
    """For the core, that nobody undoes unawares what somebody else has stored since the form was shown.

    `look` tells what is stored. A form that does not say what it was made from is believed.
    """
    mark = visit.form.get(SEEN, "")

    def check(db: Any, caller: Caller) -> None:
        present = tuple(look(db, caller))
        if mark and mark != _mark(present) and present != tuple(typed):
            raise ChangedMeanwhile(present)

    return check


def _mark(patterns: Sequence[Pattern]) -> str:
    return sha256(repr([(one.pattern, one.url, one.description) for one in patterns]).encode()).hexdigest()[:16]


def stored_patterns(visit: Visit, stored: Sequence[Pattern]) -> PatternForm:
    """The form with what is stored."""
    return replace(pattern_form(visit, stored), seen=_mark(stored))


def overtaken(visit: Visit, typed: Sequence[Pattern], error: ChangedMeanwhile) -> PatternForm:
    """What was typed, where somebody else was quicker; sent once more it replaces what they have stored."""
    reason = visit.text(
        "Somebody has changed the patterns meanwhile. Yours stand here; send the form once more to have them instead."
    )
    present = cast("Sequence[Pattern]", error.present)
    return replace(pattern_form(visit, typed), reason=reason, seen=_mark(present), status=409)


def pattern_form(visit: Visit, typed: Sequence[Pattern], wrong: BadPattern | None = None) -> PatternForm:
    """The form with what was typed, and room for more."""
    rows, seen = [*typed, *[Pattern("", "")] * min(_EMPTY_ROWS, MOST - len(typed))], visit.form.get(SEEN, "")
    if wrong is None:
        return PatternForm(rows, seen=seen)
    reason = visit.text(wrong.message, **wrong.values)
    if wrong.at is not None:
        reason = visit.text("%(reason)s (character %(number)s)", reason=reason, number=wrong.at + 1)
    return PatternForm(rows, reason, (wrong.row, wrong.about), seen, 422)
