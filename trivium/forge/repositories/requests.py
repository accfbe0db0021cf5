# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asks for who wants a repository (api-repos.md 4): read once, passed on, and stored with a job."""

from __future__ import annotations

import msgspec


class CreationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A new repository. Where its history comes from stands beside it: an address may hold a password."""

    name: str
    kind: str
    owner: object = None
    """Named as in an argument; None is the caller. Only super-admins may name others."""
    description: str = ""
    private: bool = False
    landing_rev: str = "rev:tip"
    enable_statistics: bool = False
    enable_locking: bool = False
    enable_downloads: bool = False
    copy_permissions: bool = False


class ForkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An independent copy of a repository."""

    name: str
    owner: object = None
    """As for `CreationRequest`."""
    description: str = ""
    copy_permissions: bool = False
    private: bool | None = None
    """None: as the source is."""
    landing_rev: str = "rev:tip"
