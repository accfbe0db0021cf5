# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods about gists (api-users.md 9)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from trivium.api.arguments import Files, Flag, Number, OwnUser, Someone, Text, Word, given
from trivium.api.methods.registered import registry
from trivium.api.objects.gists import gist_object
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as
from trivium.errors import Busy, Invalid, NotFound, StorageFull
from trivium.forge.accounts import users as accounts
from trivium.forge.gists import gists
from trivium.forge.gists.gists import Gist, GistChanges
from trivium.names import is_clean_text
from trivium.turns import Pace
from trivium.vcs.errors import VcsError


def _shown(call: Call, gist: Gist, content: dict[str, str] | None = None) -> dict[str, Any]:
    alias = call.site.settings.gist_alias_url
    url = alias.replace("{gistid}", gist.access_id) if alias else f"{call.base_url}/_admin/gists/{gist.access_id}"
    return gist_object(gist, url, content)


@registry.method(failure="failed to create gist")
def create_gist(
    call: Call,
    files: Files,
    owner: Someone = None,
    gist_type: Text = "public",
    lifetime: Number = -1,
    description: Text = "",
) -> dict[str, Any]:
    """Create a gist of small texts: `files` is `{"name": {"content": "...", "lexer": null}, ...}`.

    Anybody may call it; only super-admins choose another owner. `lifetime` is in minutes, -1 for ever; with 0 the
    gist has expired from its first moment, and no later call finds it. Names of files are plain: no directories, and
    nothing that begins with `.git` or `.hg`. How many files, and how large, the server says (max_gist_files,
    max_gist_bytes).
    """
    with failing_as("failed to create gist", NotFound):
        with call.site.store.read() as db:
            user = accounts.by_id(db, call.caller.user_id) if owner is None else accounts.find(db, owner)
        created = gists.create(
            call.site,
            call.caller,
            files=_texts(files),
            owner=user,
            kind=gist_type,
            lifetime=_minutes(lifetime),
            description=description,
        )
    return {"msg": "created new gist", "gist": _shown(call, created)}


def _texts(files: Any) -> dict[str, str]:
    """The contents by name; raises `Invalid`."""
    if not isinstance(files, dict):
        raise Invalid("files are given by name")
    texts = {name: given.get("content") if isinstance(given, dict) else None for name, given in files.items()}
    if not all(isinstance(text, str) and is_clean_text(text) for text in texts.values()):
        raise Invalid("a file has a content")
    return {name: str(text) for name, text in texts.items()}


def _minutes(given: Any) -> int:
    if isinstance(given, str) and given.removeprefix("-").isascii() and given.removeprefix("-").isdigit():
        given = int(given[:12])
    if not isinstance(given, int) or isinstance(given, bool):
        raise Invalid("a lifetime is a number of minutes")
    return given


@registry.method()
def get_gist(call: Call, gistid: Word, content: Flag = False) -> dict[str, Any]:
    """A gist by its access id, with `content` also its files.

    Its owner and super-admins may call it.
    """
    with call.site.store.read() as db:
        found = gists.find(db, call.caller, gistid)
    return _shown(call, found, gists.content(call.site, found) if content else None)


@registry.method()
def get_gists(call: Call, userid: OwnUser | None = None) -> list[Any]:
    """The gists of a user that have not expired, newest first.

    Regular users may ask for their own only.
    """
    with call.site.store.read() as db:
        user = userid or accounts.by_id(db, call.caller.user_id)
        return [_shown(call, gist) for gist in gists.of_user(db, user)]


@registry.method(failure="failed to update gist ID:{gistid}", pace=Pace.LONG)
def update_gist(
    call: Call,
    gistid: Word,
    description: Text | None = None,
    lifetime: Number | None = None,
    files: Files | None = None,
    owner: Someone | None = None,
) -> dict[str, Any]:
    """Change what is given of a gist and leave the rest.

    Its owner and super-admins may call it; only super-admins choose another owner. `files` are all that it has from
    now on, as in `create_gist`; what it had before stays in its history. `lifetime` is in minutes from now, -1 for
    ever, and 0 leaves it as it is.
    """
    with call.site.store.read() as db:
        found = gists.find(db, call.caller, gistid)
    with failing_as(f"failed to update gist ID:{found.access_id}", Invalid, NotFound, Busy, StorageFull, VcsError):
        with call.site.store.read() as db:
            user = UNSET if owner is None else accounts.find(db, owner)
        updated = gists.update_gist(
            call.site,
            call.caller,
            found,
            GistChanges(
                files=UNSET if files is None else _texts(files),
                owner=user,
                lifetime=UNSET if lifetime is None else _minutes(lifetime),
                description=given(description),
            ),
        )
    return {"msg": f"updated gist ID:{updated.access_id}", "gist": _shown(call, updated)}


@registry.method()
def delete_gist(call: Call, gistid: Word) -> dict[str, Any]:
    """Delete a gist with all its revisions.

    Its owner and super-admins may call it.
    """
    with call.site.store.read() as db:
        found = gists.find(db, call.caller, gistid)
    try:
        gists.delete_gist(call.site, call.caller, found)
    except (Invalid, Busy, VcsError) as error:
        raise Refusal(f"failed to delete gist ID:{found.access_id}") from error
    return {"msg": f"deleted gist ID:{found.access_id}", "gist": None}
