# SPDX-License-Identifier: GPL-3.0-or-later
"""The German of the pages and mails says “Sie”, in every sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import trivium.web

_FAMILIAR = re.compile(
    r"\b(?:du|dich|dir|dein(?:e[mnrs]?)?|euch|euer|eure[mnrs]?)\b"
    r"|\bbitte \w+\b(?! Sie)"
    r"|(?:^|[.:;!?,] |\bund )(?:wähle|frag|warte|melde|sag|sieh|gib|nimm|lies|schicke|sende|füge|öffne|klicke|tippe|"
    r"prüfe|versuche|lösche|entferne|trage|mach|lass|setze|schreibe|benutze|verwende|bestätige|ändere|speichere|vergib"
    r") ",
    re.IGNORECASE,
)
"""A pronoun, “Bitte” before another verb than “… Sie”, or the beginning of an order."""


def familiar(text: str) -> bool:
    return _FAMILIAR.search(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Wenn du das nicht warst, ist nichts zu tun.",
        "Sieh in deine Mails",
        "Bitte warte eine Weile.",
        "Wählen Sie es aus und sag Bescheid.",
    ],
)
def test_it_is_found(text: str) -> None:
    assert familiar(text)


def test_nobody_is_addressed_as_a_friend() -> None:
    with (Path(trivium.web.__file__).parent / "locale" / "de.po").open("rb") as file:
        catalogue = read_po(file, locale="de")
    said = [
        text
        for message in catalogue
        for text in (message.string if isinstance(message.string, tuple) else (message.string,))
        if message.id and familiar(text)
    ]
    assert said == []
