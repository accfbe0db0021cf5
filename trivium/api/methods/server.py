# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods about the server (api-users.md 6)."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from typing import Any

import structlog

from trivium import API_LEVEL, __version__
from trivium.api.arguments import AnyUser, Flag
from trivium.api.methods.registered import registry
from trivium.api.objects.users import address_row
from trivium.api.registry import Call
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.viewing import account
from trivium.forge.repositories import rescans
from trivium.turns import Pace

_log = structlog.get_logger(__name__)


def _modules() -> dict[str, str]:
    """The installed packages that Trivium builds on, with their versions."""
    found: dict[str, str] = {}
    waiting = ["trivium"]
    while waiting:
        name = waiting.pop()
        try:
            found[distribution(name).name] = version(name)
            needs = requires(name) or []
        except PackageNotFoundError:  # a requirement of another platform, or of an extra
            continue
        for need in needs:
            plain = need.split(";")[0].strip()
            for separator in "[<>=!~ (":
                plain = plain.split(separator)[0]
            if "extra ==" not in need and plain not in found and plain not in waiting:
                waiting.append(plain)
    return found


@registry.method(super_admin=True)
def get_server_info(_call: Call) -> dict[str, Any]:
    """Versions of the server, of Python and of the packages that it builds on.

    Only super-admins may call it. `rhodecode_version` is the level of the documented API that is implemented.
    """
    modules = _modules()
    return {
        "modules": sorted(modules),
        "module_versions": modules,
        "py_version": platform.python_version(),
        "platform": platform.platform(),
        "rhodecode_version": API_LEVEL,
        "kallithea_version": API_LEVEL,
        "trivium_version": __version__,
    }


@registry.method(super_admin=True)
def get_ip(call: Call, userid: AnyUser | None = None) -> dict[str, Any]:
    """The caller's address as the server sees it, and the ranges from which a user may come.

    Only super-admins may call it. `user_ips` is empty for a user without restrictions.
    """
    with call.site.store.read() as db:
        user = userid or accounts.by_id(db, call.caller.user_id)
        seen = account(db, user)
    return {
        "server_ip_addr": call.caller.address,
        "user_ips": [address_row(network) for network in seen.addresses],
    }


@registry.method(super_admin=True)
def show_ip(call: Call, userid: AnyUser | None = None) -> dict[str, Any]:
    """The same as `get_ip`, under its other documented name.

    Only super-admins may call it.
    """
    shown: dict[str, Any] = get_ip(call, userid)
    return shown


@registry.method(super_admin=True, failure="Error occurred during rescan repositories action", pace=Pace.WAITING)
def rescan_repos(call: Call, remove_obsolete: Flag = False) -> dict[str, Any]:
    """Register repositories that stand in the repository root and are not known.

    Only super-admins may call it. With `remove_obsolete` what is registered and no longer there is forgotten; that is
    refused when nothing at all is there. `name.git` of a bare Git repository is registered as `name`. What looks like a
    repository and was not registered is listed in `skipped`, with the reason.
    """
    done = rescans.rescan(call.site, call.caller, remove_obsolete=remove_obsolete)
    for one in done.skipped:
        _log.warning("a directory was not registered", name=one.name, why=one.reason)
    answer: dict[str, Any] = {"added": done.added, "removed": done.removed}
    if done.skipped:
        answer["skipped"] = [{"name": one.name, "reason": one.reason} for one in done.skipped]
    return answer
