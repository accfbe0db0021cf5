# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys: made, sealed for storage, looked up by digest (decisions.md A8, api-users.md 3).

A key is found by its HMAC and can be shown again to its owner, because the documented user object contains it; so it
is kept encrypted, bound to its row. Both secrets derive from one file that never enters the database.
"""

from __future__ import annotations

import hmac
import os
import secrets
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trivium.errors import StartRefused

MASK: Final = "*" * 40
"""What is shown instead of a key that the caller may not see."""

_SECRET_BYTES: Final = 32
_DIGEST_BYTES: Final = 32


class Role(StrEnum):
    """What a token is for (system.md 1.5). The built-in key acts as `ALL`."""

    ALL = "token_role_all"
    HTTP = "token_role_http"
    VCS = "token_role_vcs"
    API = "token_role_api"
    FEED = "token_role_feed"


class KeyRing:
    """The server's secrets, derived from the secret file."""

    def __init__(self, secret: bytes) -> None:
        def derive(purpose: bytes) -> bytes:
            return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"trivium " + purpose).derive(secret)

        self._lookup = derive(b"key digests")
        self._cipher = AESGCM(derive(b"sealed values"))
        self.fingerprint = derive(b"fingerprint").hex()
        """Tells whether a database belongs to this secret without telling the secret."""
        self.import_mark = derive(b"import mark").hex()[:32]
        """What this server knows its own imports by (`access.errands`)."""

    def digest(self, key: str) -> bytes:
        """What a key is looked up by."""
        return hmac.digest(self._lookup, key.encode("utf-8", "surrogatepass"), "sha256")

    def seal(self, text: str, bound_to: str) -> bytes:
        """Encrypt `text`; it opens only with the same `bound_to`."""
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, text.encode(), bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> str:
        """Decrypt what `seal` made; raises `ValueError` for anything else."""
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], bound_to.encode()).decode()
        except InvalidTag as error:
            raise ValueError("a sealed value does not belong here") from error


def new_key() -> str:
    """A fresh key: 40 lower-case hex characters, 160 bits."""
    return secrets.token_hex(20)


def process_secret() -> bytes:
    """A secret that lives as long as this process."""
    return os.urandom(_SECRET_BYTES)


def quick_digest(secret: bytes, text: str) -> bytes:
    """A keyed digest for comparing in memory."""
    # Its own way to take a key costs a twentieth of an HMAC.
    return blake2b(text.encode("utf-8", "surrogatepass"), key=secret, digest_size=_DIGEST_BYTES).digest()


def load_key_ring(path: Path) -> KeyRing:
    """Read the secret file; raises `StartRefused` unless it is ours and closed to others (security.md S-32)."""
    try:
        if path.stat().st_mode & 0o077:
            raise StartRefused(f"the secret {path} can be read by others: chmod 600 {path}")
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        raise StartRefused(f"the secret {path} is missing; restore it, or run 'trivium setup' for a new site") from None
    except (OSError, ValueError) as error:
        raise StartRefused(f"the secret {path} cannot be read") from error
    if len(secret) < _SECRET_BYTES:
        raise StartRefused(f"the secret {path} is too short")
    return KeyRing(secret)


def create_secret(path: Path) -> None:
    """Make the secret file if there is none."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_hex(_SECRET_BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
