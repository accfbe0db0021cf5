# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounds of texts that many answers repeat (decisions.md A21).

A long text costs its writer once; it costs everybody who lists repositories, groups, gists or comments each time.
"""

from __future__ import annotations

from typing import Final

from trivium.errors import Invalid
from trivium.names import is_clean_text

MAX_DESCRIPTION: Final = 16 << 10
"""Bytes, of a repository, group or gist."""
MAX_LABEL: Final = 255
"""Characters."""
MAX_FIELD_VALUE: Final = 4 << 10
"""Bytes; every list of repositories shows it."""
MAX_FIELDS: Final = 50
"""Of one repository."""
MAX_CHECKS: Final = 100
"""Programs that may report on one commit."""
MAX_CHECK_DESCRIPTION: Final = 1 << 10
"""Bytes."""


def check_description(text: str) -> str:
    """A description as it is stored; raises `Invalid`."""
    if _is_longer(text, MAX_DESCRIPTION):
        raise Invalid("a description has at most %(most)s bytes", about="description", most=MAX_DESCRIPTION)
    if not is_clean_text(text):
        raise Invalid("a description has a character that cannot be stored", about="description")
    return text


def check_label(text: str) -> str:
    """A name for people, of one line; raises `Invalid`."""
    if len(text) > MAX_LABEL:
        raise Invalid("a label has at most %(most)s characters", about="label", most=MAX_LABEL)
    if not is_clean_text(text):
        raise Invalid("a label has a character that cannot be stored", about="label")
    return text


def check_field_value(text: str) -> str:
    """The value of an extra field; raises `Invalid`."""
    if _is_longer(text, MAX_FIELD_VALUE):
        raise Invalid("the value of a field has at most %(most)s bytes", about="fields", most=MAX_FIELD_VALUE)
    if not is_clean_text(text):
        raise Invalid("the value of a field has a character that cannot be stored", about="fields")
    return text


def check_check_description(text: str) -> str:
    """The description that a program adds to the state of a commit; raises `Invalid`."""
    return _bounded(text, MAX_CHECK_DESCRIPTION, "the description of a status")


def check_comment(text: str, most: int) -> str:
    """The text of a comment; `most` is the option max_comment_bytes. Raises `Invalid`."""
    if _is_longer(text, most):
        raise Invalid("A comment has at most %(most)s bytes (max_comment_bytes).", about="text", most=most)
    return _bounded(text, most, "a comment")


def _is_longer(text: str, most: int) -> bool:
    return len(text) > most or len(text.encode("utf-8", "surrogatepass")) > most


def _bounded(text: str, most: int, what: str) -> str:
    if _is_longer(text, most):
        raise Invalid(f"{what} has at most {most} bytes")
    if not is_clean_text(text):
        raise Invalid(f"{what} has a character that cannot be stored")
    return text


def check_title(text: str) -> str:
    """What a site is called, on one line; raises `Invalid`."""
    if len(text) > 80 or not is_clean_text(text) or not text.isprintable():
        raise Invalid("A title has at most %(most)s characters that can be printed.", about="title", most=80)
    return text
