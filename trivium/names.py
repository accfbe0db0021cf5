# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for names: which names are allowed, and when two names are the same.

Names are refused, never repaired (decisions.md A13). Every function returns the name to store or raises
`Invalid`. Comparison keys (`key_of`) make names unique ignoring case (system.md 3.5, security.md S-34).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from trivium.errors import Invalid

MAX_NAME: Final = 255
MAX_SEGMENT: Final = 80
MAX_SEGMENT_BYTES: Final = 255
MAX_DEPTH: Final = 8

_USERNAME = re.compile(r"\w[\w.\-]{0,254}")
_USER_GROUP = re.compile(r"\w(?:[\w.\- ]{0,253}[\w.\-])?")
_FIELD_KEY = re.compile(r"[A-Za-z0-9_.\-]{1,100}")
_ID_LIKE = re.compile(r"_\d+")
_CLOSED_SUFFIXES = (".git", ".lock")
_CLOSED_SEGMENTS = frozenset({"!svn", "info", "objects", "HEAD", "git-upload-pack", "git-receive-pack"})
"""Names that the protocols use for parts of a repository (decisions.md W12)."""
_CLOSED_CHARACTERS = frozenset('\\:*?"<>|#%{}^`')
"""Characters with another meaning in addresses, Windows checkouts, markup or logs (decisions.md A16)."""
_CLOSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
RESERVED_USERNAMES = frozenset({"default", "new_user"})


def key_of(name: str) -> str:
    """The comparison key of a name: two names with one key cannot exist side by side.

    A text that is too long for a name gets a key that no name has. It is not normalised, because that takes time by the
    square of the length.
    """
    if len(name) > MAX_NAME:
        return name[: MAX_NAME + 1]
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def account_key_of(name: str) -> str:
    """The comparison key of a user name (decisions.md A18).

    Compatibility forms, such as full-width letters, count as what they look like. Long names are as in `key_of`.
    """
    if len(name) > MAX_NAME:
        return name[: MAX_NAME + 1]
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_clean_text(text: str) -> bool:
    """Whether a text can be stored on every database: no NUL, no lone surrogate (security.md S-9, S-28)."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def storable(text: str) -> str:
    """A text that others wrote, perhaps programs, as every database can store it: U+FFFD for what it cannot."""
    return text if is_clean_text(text) else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _printable(name: str) -> bool:
    return not any(
        unicodedata.category(character) in _CLOSED_CATEGORIES or (character.isspace() and character != " ")
        for character in name
    )


def _wrong_one(segment: str) -> str:
    """The first character of a segment that may not be there."""
    return next(one for one in segment if one == "/" or one in _CLOSED_CHARACTERS or not _printable(one))


def path_of(given: str) -> str:
    """Drop empty segments: `//g//r//` is `g/r` (api-repos.md 1.4). May return an empty string."""
    return "/".join(segment for segment in given.split("/") if segment)


def check_segment(segment: str) -> str:
    """One segment of a repository or group name (system.md 3.5, security.md S-2)."""
    name = _shown(segment)
    if not segment or segment in (".", ".."):
        raise Invalid("the name %(name)s is empty or a dot name", about="name", name=name)
    if len(segment) > MAX_SEGMENT or len(segment.encode("utf-8", "surrogatepass")) > MAX_SEGMENT_BYTES:
        raise Invalid("the name %(name)s is too long", about="name", name=name)
    if segment[0] in ".-" or segment[-1] == ".":
        raise Invalid(
            "the name %(name)s begins or ends with a character that is not allowed there", about="name", name=name
        )
    if segment != segment.strip():
        raise Invalid("the name %(name)s begins or ends with a blank", about="name", name=name)
    if "/" in segment or not _CLOSED_CHARACTERS.isdisjoint(segment) or not _printable(segment):
        raise Invalid(
            "the name %(name)s has a character that is not allowed: %(character)s",
            about="name",
            name=name,
            character=ascii(_wrong_one(segment)),
        )
    if _ID_LIKE.fullmatch(segment):
        raise Invalid("the name %(name)s looks like the permanent address of a repository", about="name", name=name)
    if segment.lower().endswith(_CLOSED_SUFFIXES) or segment in _CLOSED_SEGMENTS or segment.lower() == "!svn":
        raise Invalid("the name %(name)s is reserved for a version-control system", about="name", name=name)
    if not unicodedata.is_normalized("NFC", segment):
        raise Invalid("the name %(name)s is not in normalised form (NFC)", about="name", name=name)
    return segment


def _shown(name: str) -> str:
    """A name as messages repeat it."""
    return repr(name if len(name) <= MAX_SEGMENT else name[:MAX_SEGMENT] + "...")


def check_path(path: str, *, inside: str = "") -> str:
    """The full name of a repository or group, already without empty segments.

    `inside` is a group that exists already. Its name may be one that is no longer allowed (decisions.md A16).
    """
    if len(path) > MAX_NAME or path.count("/") >= MAX_DEPTH or len(key_of(path)) > MAX_NAME:
        raise Invalid("the name %(name)s is too long or too deep", about="name", name=_shown(path))
    segments = path.split("/")
    for segment in segments[inside.count("/") + 1 if inside else 0 :]:
        check_segment(segment)
    if segments[0].startswith("_"):
        raise Invalid(
            "names beginning with an underscore are reserved at top level: %(name)s", about="name", name=_shown(path)
        )
    return path


def parent_of(path: str) -> str:
    """The full name of the group that holds `path`; empty at top level."""
    return path.rpartition("/")[0]


def last_segment(path: str) -> str:
    return path.rpartition("/")[2]


def check_username(name: str) -> str:
    """A user's name (api-users.md 7, decisions.md A13)."""
    if not _USERNAME.fullmatch(name) or name.isdigit() or len(account_key_of(name)) > MAX_NAME:
        raise Invalid(
            "The user name %(name)s is not allowed: it has letters, digits, '_', '.' and '-', at most %(most)s, begins"
            " with neither '.' nor '-', and is no number.",
            about="username",
            name=_shown(name),
            most=MAX_NAME,
        )
    if account_key_of(name) in RESERVED_USERNAMES:
        raise Invalid("The user name %(name)s is reserved.", about="username", name=_shown(name))
    if not unicodedata.is_normalized("NFC", name):
        raise Invalid("The user name %(name)s is not in normalised form (NFC).", about="username", name=_shown(name))
    return name


def check_user_group(name: str) -> str:
    """A user group's name: as a user's, with blanks inside (api-users.md 8)."""
    if not _USER_GROUP.fullmatch(name) or not unicodedata.is_normalized("NFC", name) or len(key_of(name)) > MAX_NAME:
        raise Invalid(
            "The user group name %(name)s is not allowed: it has letters, digits, '_', '.', '-' and blanks inside, at"
            " most %(most)s, and begins with neither '.' nor '-'.",
            about="name",
            name=_shown(name),
            most=MAX_NAME,
        )
    return name


def check_field_key(key: str) -> str:
    """The key of an extra field (api-repos.md 4)."""
    if not _FIELD_KEY.fullmatch(key):
        raise Invalid(
            "the field key %(key)s is not allowed: it has letters from a to z, digits, '_', '.' and '-', at most 100",
            about="key",
            key=_shown(key),
        )
    return key


def check_email(address: str) -> str:
    """An e-mail address as it is stored: lower-case. Whether it exists is not checked (api-users.md 7)."""
    stored = address.lower()
    if not address or max(len(address), len(stored)) > MAX_NAME or not _printable(address):
        raise Invalid(
            "The e-mail address %(address)s is not allowed: it has 1 to %(most)s characters that can be printed.",
            about="email",
            address=_shown(address),
            most=MAX_NAME,
        )
    return stored
