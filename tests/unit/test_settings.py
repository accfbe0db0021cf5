# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration: file, environment, command line, and one sentence for what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.errors import Invalid
from trivium.settings import Option, Settings, load, options, template


def _loaded(tmp_path: Path, text: str, environ: dict[str, str] | None = None, **given: Any) -> Settings:
    (tmp_path / "trivium.ini").write_text(text, encoding="utf-8")
    return load(tmp_path, None, environ or {}, **given)


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert load(tmp_path, None, {}) == Settings(data=tmp_path)


def test_the_template_loads_and_says_the_defaults(tmp_path: Path) -> None:
    assert _loaded(tmp_path, template()) == Settings(data=tmp_path)
    # Also when every option in it is switched on.
    lines = [
        line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in template().split("\n")
    ]
    assert _loaded(tmp_path, "\n".join(lines)) == Settings(data=tmp_path)


def _other(option: Option) -> tuple[str, Any]:
    """A text and the value that it means, other than the default."""
    if option.type is bool:
        return str(not option.default), not option.default
    if option.type is int:
        value = 444 if option.name == "auth_ret_code" else option.default + 3
        return f" {value} ", value
    if option.name == "smtp_auth":
        return "PLAIN login", ("PLAIN", "login")
    if option.type == tuple[str, ...]:
        return "10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")
    text = {
        "log_level": "debug",
        "broker_url": "redis://localhost/1",
        "prefix": "/scm/forge",
        "metrics_token": "something-much-longer",
        "beaker.session.key": "another",
        "email_backend": "file",
        "markup_renderer": "rst",
    }.get(option.name, "something else")
    return text, text


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_every_option_is_read_from_file_environment_and_command_line(tmp_path: Path, option: Option) -> None:
    text, value = _other(option)
    # A queue needs a broker.
    begin = f"[{option.section}]\n" + ("broker_url = redis://localhost/0\n" if option.name == "use_celery" else "")
    in_file = f"{begin}{option.name} = {text}\n"
    assert getattr(_loaded(tmp_path, in_file), option.attribute) == value
    assert getattr(_loaded(tmp_path, begin, {option.variable: text}), option.attribute) == value
    # The environment wins over the file, and the command line over both.
    broken = f"{begin}{option.name} = {option.default if option.type is int else ''}\n"
    assert getattr(_loaded(tmp_path, broken, {option.variable: text}), option.attribute) == value
    assert getattr(_loaded(tmp_path, in_file, {}, **{option.attribute: option.default}), option.attribute) == (
        option.default
    )
    assert getattr(_loaded(tmp_path, in_file, {}, **{option.attribute: None}), option.attribute) == value


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
@given(text=st.text(max_size=30))
def test_a_value_is_read_or_refused_with_the_name_of_the_option(option: Option, text: str) -> None:
    refusal = ""
    try:
        value = option.parse(text)
    except Invalid as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(f"option {option.name}: ")
    else:
        assert isinstance(value, {bool: bool, int: int, str: str}.get(option.type, tuple))


@pytest.mark.parametrize(
    ("section", "line", "named"),
    [
        ("server:main", "port = many", "port"),
        ("server:main", "port = 65536", "port"),
        ("server:main", "port = -1", "port"),
        ("server:main", "workers = 0", "workers"),
        ("server:main", "threads = 0", "threads"),
        ("app:main", "access_log = perhaps", "access_log"),
        ("app:main", "log_level = loud", "log_level"),
        ("app:main", "auth_ret_code = 200", "auth_ret_code"),
        ("app:main", 'realm = a "quoted" realm', "realm"),
        ("filter:proxy-prefix", "prefix = scm", "prefix"),
        ("filter:proxy-prefix", "prefix = /scm?x", "prefix"),
        ("app:main", "trusted_proxies = 10.0.0.0/8, somewhere", "trusted_proxies"),
        ("app:main", "max_push_bytes = 1e9", "max_push_bytes"),
        ("app:main", "max_push_bytes = ٣", "max_push_bytes"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_the_option(
    tmp_path: Path, section: str, line: str, named: str
) -> None:
    with pytest.raises(Invalid, match=f"option {named}: ") as refused:
        _loaded(tmp_path, f"[{section}]\n{line}\n")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["port = 1\n", "[app:main\n", "[app:main]\nwhat is this\n", "[a]\nx=1\n[a]\nx=1\n"])
def test_a_broken_file_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(Invalid, match="is broken") as refused:
        _loaded(tmp_path, text)
    assert "\n" not in str(refused.value)
    assert str(tmp_path / "trivium.ini") in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trivium.ini").write_bytes(b"[app:main]\nrealm = \xff\n")
    with pytest.raises(Invalid, match="cannot be read"):
        load(tmp_path, None, {})


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        load(tmp_path, tmp_path / "other.ini", {})


def test_a_file_can_speak_of_its_own_directory(tmp_path: Path) -> None:
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    file = elsewhere / "site.ini"
    file.write_text("[app:main]\nrepository_root = %(here)s/repos\nrealm = 100%\n")
    loaded = load(tmp_path, file, {})
    assert loaded.root == elsewhere / "repos"
    assert loaded.realm == "100%"


def test_what_follows_from_the_data_directory(tmp_path: Path) -> None:
    loaded = load(tmp_path, None, {})
    assert loaded.root == tmp_path / "repositories"
    assert loaded.url == f"sqlite:///{tmp_path / 'trivium.db'}"
    assert load(tmp_path, None, {"TRIVIUM_SQLALCHEMY_DB1_URL": "postgresql://db/x"}).url == "postgresql://db/x"


def test_variables_are_names_of_options() -> None:
    variables = [option.variable for option in options()]
    assert len(set(variables)) == len(variables)
    assert all(variable.replace("_", "").isalnum() and variable.isupper() for variable in variables)


def test_where_users_reach_the_server(tmp_path: Path) -> None:
    below = "[filter:proxy-prefix]\nprefix = /scm/\n"
    for text, prefix, encrypted in (
        ("", "", False),
        (below, "/scm", False),
        ("[app:main]\nforce_https = true\n", "", True),
        ("[app:main]\nbase_url = https://forge.example/x/\n", "/x", True),
        (f"[app:main]\nbase_url = http://forge.example/scm\n{below}", "/scm", False),
    ):
        settings = _loaded(tmp_path, text)
        assert (settings.prefix, settings.encrypted) == (prefix, encrypted), text
    with pytest.raises(Invalid, match="option prefix: base_url says another path"):
        _loaded(tmp_path, f"[app:main]\nbase_url = http://forge.example\n{below}")
