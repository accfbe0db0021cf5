# SPDX-License-Identifier: GPL-3.0-or-later
"""The systems' own checks: a sound repository is sound, and a bit that has changed on the disk is found."""

from __future__ import annotations

import pytest

from tests.support.places import Place
from trivium.procs import watching
from trivium.vcs.errors import Interrupted
from trivium.vcs.findings import MOST, findings

CONTENT = bytes(range(256)) * 40


def _damage(place: Place) -> None:
    """Change a byte in the middle of the largest file that holds contents."""
    patterns = {"git": "objects/??/*", "hg": ".hg/store/data/*", "svn": "db/revs/0/*"}
    file = max(place.path.glob(patterns[place.kind]), key=lambda found: found.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.chmod(0o600)
    file.write_bytes(content)


def _nothing() -> None:
    pass


def test_damage_is_found(place: Place) -> None:
    place.change(file=CONTENT, other="b")
    place.change(file=CONTENT + b"more")
    assert place.back_end.verify(place.path, _nothing) == []
    _damage(place)
    found = place.back_end.verify(place.path, _nothing)
    assert found and all(line and line.isprintable() for line in found)
    assert place.back_end.verify(place.path, _nothing) == found


def test_a_look_ends_when_the_repository_is_wanted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.change(file=CONTENT)
    monkeypatch.setattr(watching, "_EVERY", 0.0)

    def wanted() -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        place.back_end.verify(place.path, wanted)


def test_what_is_told_is_bounded() -> None:
    said = b"".join(b"line \x1b[31m\x00%d %s\n" % (number, b"x" * 1000) for number in range(10 * MOST))
    lines = findings(said)
    assert len(lines) == MOST
    assert all(line.isprintable() and len(line) <= 300 for line in lines)
