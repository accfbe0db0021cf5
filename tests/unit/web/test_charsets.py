# SPDX-License-Identifier: GPL-3.0-or-later
"""In which charset a file is read that nobody asked about (system.md 5.1, `default_encoding`)."""

from __future__ import annotations

import pytest

from trivium.web.showing.contents import decoded


@pytest.mark.parametrize(
    ("data", "usual", "expected"),
    [
        ("Привет".encode("cp1251"), "utf8, windows-1251", ("Привет", "windows-1251")),
        ("€".encode("iso-8859-15"), "iso-8859-15,utf-8", ("€", "ISO-8859-15")),
        ("€".encode(), "utf-8, iso-8859-15", ("€", "UTF-8")),
        ("ü".encode("latin-1"), "nonsense, utf-8", ("ü", "ISO-8859-1")),
        ("ü".encode(), "", ("ü", "UTF-8")),
    ],
)
def test_the_first_of_the_usual_charsets_that_fits(data: bytes, usual: str, expected: tuple[str, str]) -> None:
    assert decoded(data, "", usual) == expected
