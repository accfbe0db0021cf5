# SPDX-License-Identifier: GPL-3.0-or-later
"""Why somebody may do something (decisions.md A23)."""

from __future__ import annotations

from typing import Any

from trivium.access.levels import Scope
from trivium.api.arguments import Someone
from trivium.api.methods.registered import registry
from trivium.api.objects.rights import explanation_object
from trivium.api.registry import Call
from trivium.errors import Invalid
from trivium.forge.rights.explaining import explain


@registry.method(failure="failed to explain")
def why(
    call: Call,
    userid: Someone = None,
    repoid: Someone = None,
    repogroupid: Someone = None,
    usergroupid: Someone = None,
) -> dict[str, Any]:
    """What a user may do with a repository, a repository group or a user group, and why.

    Everybody may ask for themselves, about what they may read; whoever administers it for anybody, and so may
    super-admins. One object is named. `rows` are all that speak about it, in the order of the rule: super-admin,
    owner, the row of `default`, those of user groups, the user's own. `counts` marks the one that decides. `permission`
    is what the row says, null where there is none, and `void` why it gives nothing: private, not-inherited or inactive.
    An extension of ours: other servers have no such method.
    """
    given = [(Scope.REPOSITORY, repoid), (Scope.REPO_GROUP, repogroupid), (Scope.USER_GROUP, usergroupid)]
    named = [(scope, value) for scope, value in given if value is not None]
    if len(named) != 1:
        raise Invalid("one of repoid, repogroupid and usergroupid is expected")
    ((scope, value),) = named
    with call.site.store.read() as db:
        return explanation_object(explain(db, call.caller, scope, value, userid))
