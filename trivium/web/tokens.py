# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens against forged requests: each form of a page has one, and only who was given the page knows it (S-20)."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import sha256
from typing import Final

_BYTES: Final = 16
_LENGTH: Final = 44


def token_of(secret: bytes) -> str:
    """A token, masked anew each time: pages are compressed, and what repeats in them could be guessed bit by bit."""
    mask = secrets.token_bytes(_BYTES)
    return urlsafe_b64encode(mask + _mixed(mask, _bare(secret))).decode()


def is_right(secret: bytes, token: str) -> bool:
    """Whether a token was made with this secret."""
    if not secret or len(token) != _LENGTH or not token.isascii():
        return False
    try:
        given = urlsafe_b64decode(token)
    except (Error, ValueError):
        return False
    if len(given) != 2 * _BYTES:
        return False
    return hmac.compare_digest(_mixed(given[:_BYTES], given[_BYTES:]), _bare(secret))


def _bare(secret: bytes) -> bytes:
    return hmac.new(secret, b"form", sha256).digest()[:_BYTES]


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
