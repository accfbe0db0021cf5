# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: what is accepted is a safe path and cannot be confused with another name; the rest is refused by `Invalid`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.errors import Invalid
from trivium.names import (
    account_key_of,
    check_email,
    check_field_key,
    check_path,
    check_segment,
    check_user_group,
    check_username,
    is_clean_text,
    key_of,
    last_segment,
    parent_of,
    path_of,
)
from trivium.tree.disk import Tree

# Characters that attacks on names are made of, and plain ones, so that many examples are accepted too.
AWKWARD = (
    "/\\.-_ \t\n\r\0\x1b\x7f\x85\xa0~:*?'\"<>|%;&$`"
    "\u200b\u200c\u200d\u2060\ufeff\u202a\u202e\u2066\u2069\u2028\u2029\u3000"
    "\ud800\udfff\ue000e\u0301\xe9\xdf\u1e9e\u0130\u0131\u212a\uff0e\uff0f\u03c2\u03c3"
)
texts = st.text(st.one_of(st.sampled_from(AWKWARD), st.sampled_from("abcABC019"), st.characters(codec=None)))
segments = st.one_of(
    texts,
    st.text("abcXYZ019-_. é", min_size=1, max_size=90),
    st.sampled_from([".", "..", "a.git", "a.LOCK", "_1", "_", "!svn", ".git", "default", "New_User"]),
)
paths = st.lists(segments, min_size=1, max_size=10).map("/".join)

ACCEPTED = [
    *("a", "A", "1", "project", "group/project", "a/b/c/d/e/f/g/h", "c++", "my project", "über", "日本語", "a_1"),
    *("a.b", "a.git.x", "x" * 80, "group/_x", "a..b", "x-", "git", "lock", "a@b", "a~b", "a'b", "$(a)"),
    *("a&b", "a+b", "a,b", "a=b", "a!b", "a;b", "[a]", "Info", "head", "infos", "git-upload-packs"),
]
REFUSED = [
    *("", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", ".a", "a/.b", "-a", "a/-b", "a."),
    *("...a", " a", "a ", "a/ b", "a\tb", "a\nb", "a\0b", "a\x1bb", "a\x7fb", "a\\b", "..\\a", "a\xa0b", "\u3000a"),
    *("a\u200bb", "a\u200db", "a\u202eb", "a\u2066b", "\ufeffa", "a\u2028b", "a\ud800b", "a\ue000b", "a\uffffb"),
    *("a.git", "a.GIT", "a.Git", ".git", "a.lock", "a.LOCK", "a/b.git", "a.git/b", "!svn", "a/!SVN", "_1", "a/_12"),
    *("_admin", "_", "_x/y", "_admin/api", "e\u0301", "\u212b", "x" * 81, "日" * 86, "a/b/c/d/e/f/g/h/i"),
    *("/".join(["x" * 70] * 4), "ŉ" * 80 + "/" + "ŉ" * 80),
    *(f"a{character}b" for character in '\\:*?"<>|#%{}^`'),
    *("info", "a/info", "objects/a", "a/HEAD", "git-upload-pack", "a/git-receive-pack"),
]
REFUSED_USERS = [
    *("", " ", "a b", " a", "a ", "a\n", "a/b", "a\\b", ".a", "-a", "a@b", "a:b", "1", "12345", "١٢", "²", "a" * 256),
    *("default", "Default", "DEFAULT", "new_user", "New_User", "e\u0301", "a\u200b", "a\u202eb", "a\0", "\ud800"),
    "ŉ" * 200,
]


@pytest.mark.parametrize("key", [key_of, account_key_of], ids=lambda key: key.__name__)
def test_what_is_too_long_to_be_a_name_has_no_names_key(key: Callable[[str], str]) -> None:
    """Normalising marks that are out of order takes time by the square of their number."""
    marks = "\u0301\u0323" * 5_000
    assert len(key("a" + marks)) == 256, "as long as it takes to be no name's key, whatever was given"


@pytest.mark.parametrize("name", ["\uff21da", "\uff41\uff44\uff41", "ad\u1d43", "ADA"])
def test_user_names_that_look_alike_are_one(name: str) -> None:
    assert account_key_of(name) == account_key_of("ada")


CHECKS: list[Callable[[str], str]] = [
    check_path,
    check_segment,
    check_username,
    check_user_group,
    check_email,
    check_field_key,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@given(name=st.one_of(segments, paths))
@settings(max_examples=300)
def test_a_name_is_accepted_or_refused_and_nothing_else(check: Callable[[str], str], name: str) -> None:
    try:
        accepted = check(name)
    except Invalid as error:
        str(error).encode()  # the sentence can be written to a log
        return
    assert accepted == (name.lower() if check is check_email else name)
    assert accepted
    assert is_clean_text(accepted)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in accepted)
    assert len(accepted) <= 255
    assert len(key_of(accepted)) <= 255 or check in (check_segment, check_email)


@given(path=paths)
@settings(max_examples=500)
def test_an_accepted_path_is_a_place_of_its_own_below_the_root(path: str) -> None:
    try:
        check_path(path)
    except Invalid:
        return
    root = Path("/srv/repositories")
    place = Tree(root).path_of(path)
    assert str(place) == f"/srv/repositories/{path}"
    assert place.resolve().is_relative_to(root)
    assert place.relative_to(root).parts == tuple(path.split("/"))
    assert all(len(part.encode()) <= 255 and not part.startswith(".") for part in place.relative_to(root).parts)
    assert path_of(path) == path
    if parent_of(path):
        assert f"{parent_of(path)}/{last_segment(path)}" == path
        assert check_path(parent_of(path))


@given(given_path=paths)
def test_a_path_that_was_cleaned_is_clean(given_path: str) -> None:
    cleaned = path_of(given_path)
    assert path_of(cleaned) == cleaned
    assert "//" not in cleaned and not cleaned.startswith("/") and not cleaned.endswith("/")


@given(name=texts)
@settings(max_examples=300)
def test_names_that_differ_in_case_or_composition_have_one_key(name: str) -> None:
    key = key_of(name)
    assert key_of(key) == key
    assert key_of(unicodedata.normalize("NFD", name)) == key
    assert key_of(unicodedata.normalize("NFC", name)) == key


@pytest.mark.parametrize(
    "names", [("Straße", "STRASSE", "strasse"), ("É", "é", "e\u0301"), ("Σ", "ς", "σ"), ("Project", "pROJECT")]
)
def test_the_same_name_in_other_letters(names: tuple[str, ...]) -> None:
    assert len({key_of(name) for name in names}) == 1


@pytest.mark.parametrize("path", ACCEPTED, ids=ascii)
def test_paths_that_are_accepted(path: str) -> None:
    assert check_path(path) == path
    assert check_path(f"top/{path}" if path.count("/") < 7 else path)


@pytest.mark.parametrize("path", REFUSED, ids=ascii)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(Invalid):
        check_path(path)


@pytest.mark.parametrize("name", ["", "a\0b", "..", ".", "a/../b", ".hidden", "a/.locks", "/etc/passwd", "a//b"])
def test_no_path_is_made_of_a_name_that_leads_elsewhere(name: str) -> None:
    with pytest.raises(Invalid):
        Tree(Path("/srv/repositories")).path_of(name)


@pytest.mark.parametrize("name", ["a", "Ada", "ada.lovelace", "ada-1", "_a", "1a", "é", "日本", "a" * 255, "defaults"])
def test_user_names_that_are_accepted(name: str) -> None:
    assert check_username(name) == name


@pytest.mark.parametrize("name", REFUSED_USERS, ids=ascii)
def test_user_names_that_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_username(name)


@pytest.mark.parametrize("name", ["a", "Team A", "a.b", "a-b", "_a", "日本 語", "1", "a" * 255])
def test_user_group_names_that_are_accepted(name: str) -> None:
    assert check_user_group(name) == name


@pytest.mark.parametrize(
    "name",
    ["", " ", "a ", " a", "a\tb", "a\nb", "a\n", "a/b", ".a", "-a", "a@b", "e\u0301", "a\u200bb", "a" * 256, "a\xa0b"],
)
def test_user_group_names_that_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_user_group(name)


@pytest.mark.parametrize(
    ("address", "stored"),
    [("Ada@Example.ORG", "ada@example.org"), ("x", "x"), ("ünï@example.org", "ünï@example.org")],
)
def test_email_addresses_are_kept_in_small_letters(address: str, stored: str) -> None:
    assert check_email(address) == stored


@pytest.mark.parametrize("address", ["", "a\n@b", "a\0", "a\u202e@b", "a\tb", "\ud800", "a" * 256, "İ" * 200])
def test_email_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(Invalid):
        check_email(address)


@pytest.mark.parametrize("key", ["", "a b", "a/b", "é", "a\n", "a" * 101])
def test_field_keys_that_are_refused(key: str) -> None:
    with pytest.raises(Invalid):
        check_field_key(key)


@pytest.mark.parametrize(("check", "name", "told"), [
    (check_segment, "x:y", "not allowed: ':'"),
    (check_segment, "a\u202eb", r"not allowed: '\u202e'"),
    (check_segment, "a/b", "not allowed: '/'"),
    (check_username, "a b", "letters, digits"),
    (check_username, "42", "is no number"),
    (check_user_group, "a/b", "letters, digits"),
    (check_field_key, "a b", "letters from a to z"),
    (check_email, "", "1 to 255 characters"),
])  # fmt: skip
def test_who_is_refused_reads_what_is_allowed(check: Callable[[str], str], name: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(name)
    assert told in str(refused.value)
    assert str(refused.value).isprintable()
