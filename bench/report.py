# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of ratios that a run prints."""

from __future__ import annotations


class Report:
    """Each line is what something costs in terms of its floor; one above its limit is marked, and fails the run."""

    def __init__(self) -> None:
        self.failed = False

    def line(self, what: str, ratio: float, limit: float, detail: str) -> None:
        mark = "ok" if ratio <= limit else "ABOVE"
        self.failed = self.failed or ratio > limit
        print(f"{what:62} {ratio:7.2f}  limit {limit:6.2f}  {mark:5}  {detail}", flush=True)

    def row(self, text: str, above: list[str]) -> None:
        """A line of a table, and which of its figures are above their limits."""
        self.failed = self.failed or bool(above)
        print(f"{text}  {'ABOVE: ' + ', '.join(above) if above else 'ok'}", flush=True)

    def note(self, text: str) -> None:
        print(text, flush=True)
