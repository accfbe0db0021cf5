# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is kept out of the pages of administrators (system.md 2.8, web.md 2.2)."""

from __future__ import annotations

from tests.support.administering import account, said
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller
from trivium.forge.site import Site
from trivium.web.registering import Who, every_view


def test_others_are_kept_out_and_forged_forms_change_nothing(
    doorway: Doorway, site: Site, root: Visitor, ben: Caller
) -> None:
    visitor, number = doorway.visitor(ben), str(ben.user_id)
    samples = {"user": number, "plugin": "rhodecode", "form": "csv"}
    for view in every_view():
        if view.name.startswith("admin_") and view.needs is Who.SUPER_ADMIN:
            path = "/".join(samples.get(one.strip("{}"), "1") if "{" in one else one for one in view.rules[0].segments)
            for method in view.methods:
                answer = visitor.get(f"/{path}") if method == "GET" else visitor.post(f"/{path}", _method=method)
                assert answer.status == 403, (method, path)
                if method != "GET":
                    assert root.post(f"/{path}", token=False, _method=method).status == 403, (method, path)
    assert account(site, "ben").active and not said(site, "user.update")
