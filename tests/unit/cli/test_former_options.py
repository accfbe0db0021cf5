# SPDX-License-Identifier: GPL-3.0-or-later
"""A start tells of options that do nothing, and what to use instead."""

from __future__ import annotations

from pathlib import Path

from trivium.cli.former_options import INSTEAD, sentences
from trivium.settings import options, template

FILE = """\
[DEFAULT]
here = /x
[app:main]
use = egg:rhodecode-enterprise-ce
filter-with = proxy-prefix
base_url = http://forge.example/scm
use_htsts = true
port = 80
nonsense = 1
beaker.session.key = forge
beaker.session.secret = develop-rc-uytcxaz
[server:main]
zzz = 1
[filter:proxy-prefix]
prefix = /scm
[loggers]
keys = root
"""


def told(place: Path, text: str) -> list[str]:
    (place / "trivium.ini").write_text(text)
    return list(sentences(place, None))


def test_what_a_start_says(tmp_path: Path) -> None:
    assert told(tmp_path, FILE) == [
        f"option use_htsts does nothing here: {INSTEAD['use_htsts']}",
        "option port does nothing in [app:main]: it belongs into [server:main]",
        f"option beaker.session.secret does nothing here: {INSTEAD['beaker.session.secret']}",
        "options that are not known here, and do nothing: nonsense, zzz",
    ]


def test_of_our_own_options_nothing_is_said(tmp_path: Path) -> None:
    assert list(sentences(tmp_path, None)) == []
    switched_on = [line.removeprefix("#") for line in template().split("\n") if not line.startswith("# ")]
    assert told(tmp_path, "\n".join(switched_on)) == []
    assert not INSTEAD.keys() & {option.name for option in options()}


def test_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other.ini"
    other.write_text("[app:main]\ndebug = true\n")
    assert list(sentences(tmp_path, other)) == ["option debug does nothing here: use log_level = debug"]
