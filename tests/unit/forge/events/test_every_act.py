# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever changes the database on somebody's behalf writes an event in the same transaction (security.md S-31)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from trivium import forge

NO_ACTS = {
    # What is noted of oneself, or says something once.
    "accounts/sessions.py set_flash",
    "accounts/sessions.py take_flash",
    "notifications/changes.py mark_read",
    "notifications/changes.py mark_all_read",
    "notifications/changes.py delete",
    "notifications/changes.py _remove",
    "reviews/drafts.py keep",
    "reviews/drafts.py forget",
    # Who is told of an act that was recorded.
    "notifications/writing.py _write",
    # How far subscribers have come.
    "events/delivery.py _try_again",
    "events/delivery.py _delivered",
    "events/delivery.py _note",
    "events/outbox.py begin",
    "events/outbox.py _count_anew",
    "events/outbox.py try_again",
    # Rows of jobs are their own journal; what a job does is an act, and so is what people do with jobs.
    "jobs/finding.py forget_old",
    "jobs/running.py sent",
    "jobs/running.py claim",
    "jobs/running.py take_back",
    "jobs/running.py tell",
    "jobs/running.py end",
    "jobs/running.py again",
    "jobs/submission.py submit",
    "jobs/submission.py submit_elsewhere",
    "upkeep/after_pushes.py ask",
    # Intents, and what comes after an act that was recorded.
    "pushes/settling.py shorten_stored",
    "upkeep/recovery.py recover",
    "upkeep/recovery.py recover_left",
    "upkeep/recovery.py _undo_left",
    # Their rows are inserted, and recorded, by `repositories/new.py`.
    "repositories/creation.py _place",
    "repositories/rescans.py _register",
    "repositories/rescans.py _insert_renamed",
    # A lock alone; what happens under it is recorded.
    "repositories/rescans.py _turn",
}
"""Functions with a transaction that records nothing."""


def called(node: ast.AST) -> Iterator[tuple[str, str]]:
    """What is called, or handed to something that calls it: where it is found, and its name."""
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute):
            yield ast.unparse(one.value), one.attr
        elif isinstance(one, ast.Name):
            yield "", one.id


def test_every_transaction_records_an_event_or_is_no_act() -> None:
    room = Path(forge.__file__).parent
    silent, transactions = set(), 0
    for file in sorted(room.rglob("*.py")):
        functions = {
            node.name: node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)
        }

        def records(name: str, seen: frozenset[str], functions: dict[str, ast.FunctionDef] = functions) -> bool:
            found = set(called(functions[name]))
            near = {one for where, one in found if where in ("", "self") and one in functions} - seen
            return ("journal", "record") in found or any(records(one, seen | {name}) for one in near)

        for name, node in functions.items():
            found = set(called(node))
            if any(one == "write" and where.endswith("store") for where, one in found) or ("", "carry_out") in found:
                transactions += 1
                if not records(name, frozenset({name})):
                    silent.add(f"{file.relative_to(room)} {name}")
    assert transactions > 60
    assert silent == NO_ACTS
