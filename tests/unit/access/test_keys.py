# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys and the secret that they are kept with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.access.keys import KeyRing, create_secret, load_key_ring, new_key
from trivium.errors import StartRefused

RING, OTHER = KeyRing(b"a" * 32), KeyRing(b"b" * 32)


@given(text=st.text(st.characters(codec="utf-8")), row=st.text(st.characters(codec="utf-8"), max_size=10))
def test_what_was_sealed_opens_in_its_own_row_only(text: str, row: str) -> None:
    sealed = RING.seal(text, row)
    assert RING.open(sealed, row) == text
    assert RING.seal(text, row) != sealed
    for ring, place, changed in (
        (RING, row + "x", sealed),
        (OTHER, row, sealed),
        (RING, row, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (RING, row, bytes([sealed[0] ^ 1]) + sealed[1:]),
    ):
        with pytest.raises(ValueError, match="does not belong here"):
            ring.open(changed, place)


@given(key=st.text(st.characters(codec=None)))
def test_a_digest_depends_on_key_and_secret(key: str) -> None:
    assert RING.digest(key) == KeyRing(b"a" * 32).digest(key)
    assert RING.digest(key) != OTHER.digest(key)
    assert RING.digest(key) != RING.digest(key + "x")
    assert len(RING.digest(key)) == 32


def test_new_keys() -> None:
    made = {new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("[0-9a-f]{40}", key) for key in made)


def test_a_secret_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    create_secret(path)
    made = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    create_secret(path)
    assert path.read_bytes() == made
    assert [item.name for item in tmp_path.iterdir()] == ["secret.key"]
    assert load_key_ring(path).fingerprint == KeyRing(bytes.fromhex(made.decode().strip())).fingerprint
    assert made.decode().strip() not in load_key_ring(path).fingerprint


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"00" * 32, 0o640, "can be read by others"),
        (b"00" * 32, 0o604, "can be read by others"),
        (b"00" * 31, 0o600, "too short"),
        (b"", 0o600, "too short"),
        (b"not hexadecimal", 0o600, "cannot be read"),
        (b"\xff" * 64, 0o600, "cannot be read"),
        (None, 0o600, "is missing"),
    ],
)
def test_a_secret_of_no_use(tmp_path: Path, content: bytes | None, mode: int, words: str) -> None:
    path = tmp_path / "secret.key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(StartRefused, match=words):
        load_key_ring(path)
