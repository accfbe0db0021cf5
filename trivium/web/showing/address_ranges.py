# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges of addresses that an account may be used from: allowed and taken back in pages (system.md 1.7)."""

from __future__ import annotations

from trivium.errors import Invalid
from trivium.forge.accounts import allowed_addresses
from trivium.forge.accounts.users import User
from trivium.web.forms import Entered, Form, Line, Tick, sentence
from trivium.web.numbers import number
from trivium.web.visit import Visit


class NewRange(Form):
    """From where an account may be used."""

    new_ip: Line
    description: Line = ""
    anyway: Tick = False


def allow_range(visit: Visit, user: User, entered: Entered[NewRange]) -> bool:
    """Allow an account the range that was typed; False, with the reason beside its field, when that is impossible."""
    if wanted := entered.form:
        with entered.refusals(networks="new_ip"):
            allowed_addresses.allow(
                *(visit.site, visit.caller, user, wanted.new_ip),
                description=wanted.description,
                even_without_me=wanted.anyway,
            )
            return True
    return False


def forget_range(visit: Visit, user: User) -> str:
    """Take the range back that was chosen; returns what became of it."""
    try:
        allowed_addresses.forget(visit.site, visit.caller, user, number(visit.form.get("del_ip_id", "")))
    except Invalid as error:
        return sentence(visit, error)
    return visit.text("Deleted.")
