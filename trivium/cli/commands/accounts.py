# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium token`, `address`, `permit`, `public-access`: how accounts get in, and what they may do everywhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from trivium.cli.opening import opened, table, with_data

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from trivium.forge.grants.on_objects import Subject

_ROLES: Final = ("all", "api", "vcs", "http", "feed")


@click.group()
def token() -> None:
    """Keys of an account."""


@token.command("create")
@with_data
@click.argument("user")
@click.option("--role", type=click.Choice(_ROLES), default="all", show_default=True, help="What the key is for.")
@click.option("--lifetime", type=int, default=-1, show_default=True, help="Minutes until it expires; -1: never.")
@click.option("--description", default="", help="What it is used by.")
def token_create(data: Path, config: Path | None, user: str, role: str, lifetime: int, description: str) -> None:
    """Make a key for USER and print it: it is not shown again here."""
    from trivium.access.caller import the_system
    from trivium.access.keys import Role
    from trivium.forge.accounts import tokens
    from trivium.forge.accounts import users as accounts

    if lifetime < -1:
        raise click.UsageError("a lifetime is a number of minutes, or -1")
    expires = -1 if lifetime == -1 else int(time.time()) + 60 * lifetime
    with opened(data, config) as site:
        with site.store.read() as db:
            owner = accounts.find(db, user)
        made = tokens.create_token(
            *(site, the_system(), owner.id, owner.username),
            role=Role[role.upper()],
            description=description,
            expires=expires,
        )
    click.echo(made.key)


@token.command("list")
@with_data
@click.argument("user")
def token_list(data: Path, config: Path | None, user: str) -> None:
    """Show the keys of USER: number, role, when it expires, was made and was last used, description; never the key."""
    from trivium.forge.accounts import tokens
    from trivium.forge.accounts import users as accounts

    with opened(data, config) as site, site.store.read() as db:
        found = tokens.tokens_of(db, accounts.find(db, user).id)
    table(
        [
            (
                str(one.id),
                "built-in" if one.builtin else one.role.name.lower(),
                _expiry(one.expires),
                one.created_on[:19],
                (one.last_used or "never used")[:19],
                one.description,
            )
            for one in found
        ]
    )


def _expiry(expires: int) -> str:
    if expires < 0:
        return "no end"
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(expires))
    return f"{'ended' if expires <= time.time() else 'until'} {moment}"


@token.command("revoke")
@with_data
@click.argument("user")
@click.argument("number", type=int)
def token_revoke(data: Path, config: Path | None, user: str, number: int) -> None:
    """Take the key NUMBER (of `token list`) from USER; it counts no more for the next request."""
    from trivium.access.caller import the_system
    from trivium.forge.accounts import tokens
    from trivium.forge.accounts import users as accounts

    with opened(data, config) as site:
        with site.store.read() as db:
            owner = accounts.find(db, user)
        tokens.revoke_token(site, the_system(), owner.id, owner.username, number)
    click.echo(f"Revoked token {number} of {owner.username}.")


@token.command("reset")
@with_data
@click.argument("user")
def token_reset(data: Path, config: Path | None, user: str) -> None:
    """Replace the built-in key of USER and print the new one; the old one counts no more for the next request."""
    from trivium.access.caller import the_system
    from trivium.forge.accounts import tokens
    from trivium.forge.accounts import users as accounts

    with opened(data, config) as site:
        with site.store.read() as db:
            owner = accounts.find(db, user)
        made = tokens.reset_builtin(site, the_system(), owner.id, owner.username)
    click.echo(made)


@click.group()
def address() -> None:
    """From where an account may be used."""


def _change_address(data: Path, config: Path | None, user: str, network: str, *, allow: bool) -> None:
    from trivium.access.caller import the_system
    from trivium.forge.accounts import allowed_addresses
    from trivium.forge.accounts import users as accounts
    from trivium.http.addresses import parse_network

    with opened(data, config) as site:
        with site.store.read() as db:
            owner = accounts.find(db, user)
        change = allowed_addresses.allow_address if allow else allowed_addresses.forget_address
        change(site, the_system(), owner, str(parse_network(network)))


@address.command("allow")
@with_data
@click.argument("user")
@click.argument("network")
def address_allow(data: Path, config: Path | None, user: str, network: str) -> None:
    """Let USER in from NETWORK (an address or a range such as 10.0.0.0/8), and from nowhere else.

    The ranges of the user `default` hold for everybody.
    """
    _change_address(data, config, user, network, allow=True)


@address.command("forget")
@with_data
@click.argument("user")
@click.argument("network")
def address_forget(data: Path, config: Path | None, user: str, network: str) -> None:
    """Take a range of USER back."""
    _change_address(data, config, user, network, allow=False)


@address.command("list")
@with_data
@click.argument("user", required=False)
def address_list(data: Path, config: Path | None, user: str | None) -> None:
    """Show the ranges of USER, or of all accounts. An account without any is let in from everywhere."""
    from trivium.forge.accounts import allowed_addresses
    from trivium.forge.accounts import users as accounts

    with opened(data, config) as site, site.store.read() as db:
        found = allowed_addresses.ranges(db, accounts.find(db, user) if user is not None else None)
    table(list(found))


@click.command()
@with_data
@click.argument("name")
@click.argument("permission", required=False)
@click.option("--group", is_flag=True, help="NAME is a user group.")
@click.option("--forget", is_flag=True, help="Take PERMISSION back, so that what is below it counts again.")
def permit(data: Path, config: Path | None, name: str, permission: str | None, group: bool, forget: bool) -> None:
    """Set a global PERMISSION of the user NAME, such as hg.create.none; without one show all permissions.

    The permissions of the user `default` are everybody's. Shown are the global permissions and the rows on
    repositories, repository groups and user groups; of a user also the global permissions that come from groups or
    from `default`.
    """
    from trivium.access.caller import the_system
    from trivium.forge.grants import global_permissions

    if forget and permission is None:
        raise click.UsageError("which PERMISSION is to be forgotten?")
    with opened(data, config) as site:
        with site.store.read() as db:
            subject = _subject(db, name, group)
            if permission is None:
                rows = _permissions(db, subject)
        if permission is None:
            table(rows)
        elif forget:
            global_permissions.forget_permission(site, the_system(), subject, permission)
        else:
            global_permissions.set_permission(site, the_system(), subject, permission)


def _subject(db: Connection, name: str, group: bool) -> Subject:
    from trivium.access.caller import the_system
    from trivium.access.levels import Level
    from trivium.forge.accounts import users as accounts
    from trivium.forge.grants.on_objects import Subject
    from trivium.forge.groups import user_groups

    if group:
        found = user_groups.find(db, the_system(), name, Level.READ)
        return Subject(found.name, group_id=found.id)
    user = accounts.find(db, name)
    return Subject(user.username, user_id=user.id)


def _permissions(db: Connection, subject: Subject) -> list[tuple[str, ...]]:
    """Rows to show: a permission, and where it comes from or what it is on."""
    from trivium.access.permissions import global_permissions as effective
    from trivium.forge.accounts import users as accounts
    from trivium.forge.grants import global_permissions

    own = set(global_permissions.own_permissions(db, subject))
    rows: list[tuple[str, ...]] = []
    if subject.user_id is None:
        rows += [(permission, "(own)") for permission in sorted(own)]
    else:
        user = accounts.by_id(db, subject.user_id)
        origin = "(super-admin)" if user.admin else "(groups or default)"
        counting = effective(db, user.as_caller("")).values()
        rows += [(one, "(own)" if one in own and not user.admin else origin) for one in sorted(counting)]
    return rows + [(row.permission, row.name) for row in global_permissions.object_rows(db, subject)]


@click.command("public-access")
@with_data
@click.argument("state", type=click.Choice(["on", "off"]), required=False)
def public_access(data: Path, config: Path | None, state: str | None) -> None:
    """Whether visitors may look without an account; without STATE show it."""
    from trivium.access.caller import the_system
    from trivium.forge.grants import global_permissions

    with opened(data, config) as site:
        if state is None:
            with site.store.read() as db:
                click.echo("on" if global_permissions.anonymous_access(db) else "off")
        else:
            global_permissions.set_anonymous_access(site, the_system(), state == "on")
