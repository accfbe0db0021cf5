# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues in messages, as links to their tracker (web.md 2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from trivium.forge.repositories import issue_patterns
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.issue_patterns import Patterns
from trivium.render import issues
from trivium.web.templating import named_lines
from trivium.web.visit import RepositoryVisit

_SMALL: Final = 1_000
"""Characters that patterns may be told in, about."""


@dataclass(frozen=True, slots=True)
class Issues:
    """The patterns of a repository."""

    repository: Repository
    patterns: Patterns

    @property
    def digest(self) -> str:
        """Another text whenever they are others: a part of whatever is made with them."""
        return self.patterns.digest

    def linked(self, message: str) -> Markup:
        """A message, perhaps of several lines, with its issues linked and all else as it is."""
        return issues.linked(message, self._in(message), named_lines)

    def title(self, subject: str, href: str) -> Markup:
        """A subject that leads somewhere, but for its issues; empty where it names none."""
        return self.subject(subject, href) if self._in(subject) else Markup()

    def subject(self, subject: str, href: str, room: str = "cut", look: str = "plain strong") -> Markup:
        """A subject that leads somewhere, but for its issues: what its place in a line and its link look like."""
        found = self._in(subject)
        if not found:
            return issues.leading(subject, href, f"{look} {room}".strip())
        return Markup('<span class="{}" dir="auto">{}</span>').format(
            room, issues.linked(subject, found, around=href, look=look)
        )

    def _in(self, text: str) -> list[issue_patterns.Found]:
        patterns = self.patterns.patterns
        return issue_patterns.issues_in(text, patterns, self.repository) if patterns else []


def issues_of(visit: RepositoryVisit) -> Issues:
    """The patterns that count in this repository: remembered while no setting has changed."""
    repository, present = visit.repository, visit.present
    if present is None:
        return Issues(repository, visit.ask(issue_patterns.patterns_of, repository.id))
    key = ("issue patterns", present.version)
    known = visit.fragments.value(repository.id, key)
    if known is None:
        # The questions of a visit are compared for whoever asks the same again; this one is a part of its state.
        with visit.site.store.read() as db:
            known = (issue_patterns.patterns_of(db, visit.caller, repository.id),)
        visit.fragments.remember(repository.id, key, known[0], _SMALL)
    return Issues(repository, known[0])
