# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions about a content's tag (RFC 9110, 13.1)."""

from __future__ import annotations


def has(given: str, tag: str) -> bool:
    """Whether a client has a content already, by the tags in its `If-None-Match`; weak ones are as good."""
    same = tag.removeprefix("W/")
    return given == "*" or (bool(given) and same in (one.strip().removeprefix("W/") for one in given.split(",")))
