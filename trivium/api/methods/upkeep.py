# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of the later line with which administrators keep repositories and the server (api-reviews.md 6)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from trivium import API_LEVEL
from trivium.api.arguments import AdministeredRepository, Number, Object, ReadableRepository, Text, Word
from trivium.api.methods.registered import registry
from trivium.api.numbers import whole_number
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as, shown
from trivium.errors import Busy, Invalid, StorageFull
from trivium.forge.accounts import sessions
from trivium.forge.repositories import settings as repository_settings
from trivium.forge.repositories.settings import BadSetting
from trivium.forge.upkeep import exception_reports
from trivium.forge.upkeep import maintenance as maintenance_work
from trivium.turns import Pace
from trivium.vcs.errors import VcsError

_MOST_SHOWN: Final = 100
"""Characters shown of the name of an unknown setting."""


@registry.method(pace=Pace.WAITING)
def maintenance(call: Call, repoid: AdministeredRepository) -> dict[str, Any]:
    """Put a repository in good order: what its system has for that, which may take long.

    Needs repository.admin. Readers and pushes go on meanwhile. `executed_actions` tells what was done.
    """
    with failing_as(f"Unable to execute maintenance on `{repoid.name}`", Invalid, Busy, StorageFull, VcsError):
        actions = maintenance_work.carry_out(call.site, call.caller, repoid)
    return {"msg": "executed maintenance command", "executed_actions": actions, "repository": repoid.name}


def _settings_failed(given: Mapping[str, Any]) -> str:
    return f"failed to update settings of repository `{shown(given['repoid'])}`"


@registry.method()
def get_repo_settings(call: Call, repoid: ReadableRepository, key: Word = None) -> dict[str, Any]:
    """The settings of a repository, or the one that `key` names: null when there is no such setting.

    Needs repository.read. What was not set shows the site's value.
    """
    with call.site.store.read() as db:
        found = repository_settings.settings_of(db, repoid)
    return found if key is None else {shown(key): found.get(key) if isinstance(key, str) else None}


@registry.method(failure=_settings_failed)
def set_repo_settings(call: Call, repoid: AdministeredRepository, settings: Object) -> bool:
    """Set what is given of the settings of a repository; all of it or nothing.

    Needs repository.admin. `settings` is an object, or its JSON as a text; null makes a setting the site's again.
    `vcs_svn_branch` and `vcs_svn_tag` say where a Subversion repository has its branches and tags; with
    `phases_publish` false what is pushed to a Mercurial repository stays draft; with `hooks_outgoing_pull_logger` false
    the journal does not tell of pulls. The others are kept and have no effect: those about pull requests until there
    are any, `extensions_evolve`, `extensions_largefiles`, `hooks_changegroup_repo_size`, and
    `hooks_changegroup_push_logger`, for the journal tells of every push.
    """
    failure = f"failed to update settings of repository `{repoid.name}`"
    with failing_as(f"{failure}: settings", Invalid):
        given = _object(settings)
    try:
        repository_settings.change(call.site, call.caller, repoid, given)
    except BadSetting as error:
        with failing_as(f"{failure}: {error.key[:_MOST_SHOWN]}", BadSetting):
            raise
    return True


def _object(given: Any) -> Mapping[str, Any]:
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise Invalid("settings are no JSON") from error
    if not isinstance(given, dict):
        raise Invalid("settings are an object")
    return given


@registry.method(super_admin=True)
def get_repo_store(call: Call) -> dict[str, Any]:
    """How much room there is where repositories are stored, in bytes.

    Only super-admins may call it. Where that is, is nobody's business: `path` is null.
    """
    usage = shutil.disk_usage(call.site.tree.root)
    return {
        "path": None,
        "used": usage.used,
        "total": usage.total,
        "free": usage.free,
        "percent": round(100 * usage.used / usage.total, 1) if usage.total else 0.0,
        "inodes": None,
    }


@registry.method(super_admin=True, failure="Error occurred during session cleanup")
def cleanup_sessions(call: Call, older_then: Number = 60) -> dict[str, Any]:
    """End sessions of browsers that nobody has used for `older_then` days, of all accounts.

    Only super-admins may call it.
    """
    removed = sessions.forget_unused(call.site, call.caller, whole_number(older_then, "older_then"))
    return {"backend": "database", "sessions_removed": removed}


@registry.method(super_admin=True, failure="failed to store exception")
def store_exception(call: Call, exc_data_json: Object, prefix: Text = "rhodecode") -> dict[str, Any]:
    """Keep what a client or an extension tells of an exception, for 30 days and up to 64 KiB.

    Only super-admins may call it.
    """
    if isinstance(exc_data_json, str):
        _object(exc_data_json)
        detail = exc_data_json
    else:
        detail = msgspec.json.encode(_object(exc_data_json)).decode()
    report = exception_reports.keep(call.site, call.caller, detail, prefix)
    return {"exc_id": report, "exc_url": f"{call.base_url}/_admin/settings/exceptions/{report}"}


@registry.method(super_admin=True)
def get_license_info(_call: Call) -> dict[str, Any]:
    """What may be asked of a server that has a license key; this one needs none.

    Only super-admins may call it.
    """
    return {
        "rhodecode_version": API_LEVEL,
        "token": None,
        "issued_to": None,
        "issued_on": None,
        "expires_on": None,
        "type": "GPL-3.0-or-later",
        "users_limit": None,
        "key": None,
    }


@registry.method(super_admin=True)
def set_license_key(_call: Call, key: Word) -> dict[str, Any]:  # noqa: ARG001
    """Refuse every key: this server needs none.

    Only super-admins may call it.
    """
    raise Refusal("license key is not valid")
