# SPDX-License-Identifier: GPL-3.0-or-later
"""What the browser looks at: one repository of each system as people have them, and one as nobody should."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Copy, SvnCopy, System, new_system

MODULE = '''"""Tides of one harbour."""

import math


def height(hours: float, mean: float = 2.5) -> float:
    """Metres above the chart."""
    return mean + 1.8 * math.sin(hours / 12.42 * 2 * math.pi)  # the moon alone


class Harbour:
    def __init__(self, name: str) -> None:
        self.name = name
'''
README = """# Tide

Tables for **one** harbour, see [the guide](docs/guide.md) and [the code](src/tide.py#L6).

## Use

```python
print(height(3))
```

| hour | metres |
|-----:|-------:|
| 0 | 2.5 |
| 3 | 4.3 |

- [x] the moon
- [ ] the sun

> Not for navigation.
"""
FILES: dict[str, str | bytes] = {
    "README.md": README,
    "LICENSE": "Do what you like.\n" * 12,
    "docs/guide.md": "# Guide\n\nStart with the moon.\n",
    "docs/notes.rst": "Notes\n=====\n\nA *list*:\n\n* one\n* two\n",
    "src/tide.py": MODULE,
    "src/harbours/north/data.csv": "".join(f"{hour};{hour * 2}\n" for hour in range(40)),
    "Makefile": "all:\n\tpython3 src/tide.py\n",
    "a file with a very long name, as some people like to have them in their repositories.txt": "long\n",
    "binary.dat": bytes(range(256)) * 8,
}
BODY = "\n\nThe sun counts as well: its part is smaller, and shifts against that of the moon.\n\nCloses #12."


@dataclass(frozen=True)
class Exhibit:
    """One repository to look at."""

    kind: str
    name: str
    ids: tuple[str, ...]
    """Of its changesets, oldest first."""
    top: str = ""
    """Where its files are: `trunk/` where branches are directories."""

    def at(self, page: str = "") -> str:
        """The address of a page, with `{first}`, `{last}`, `{before}` and `{top}` put in."""
        given = {"first": self.ids[0], "last": self.ids[-1], "before": self.ids[-2], "top": self.top}
        return f"/{self.name}{'/' if page else ''}{page.format(**given)}"


@dataclass(frozen=True)
class World:
    """A server with all that."""

    server: Server
    owner: Person
    exhibits: dict[str, Exhibit] = field(default_factory=dict)
    """By kind."""
    hostile: dict[str, Exhibit] = field(default_factory=dict)
    empty: dict[str, str] = field(default_factory=dict)
    """Kind → name of a repository with nothing in it."""


def new_world(server: Server, root: Api, home: Path) -> World:
    """Make it: a few seconds."""
    owner = root.new_user("ada", firstname="Ada", lastname="Lovelace")
    made = World(server, owner)
    for kind in ("git", "hg", "svn"):
        system = new_system(kind, home / kind)
        made.exhibits[kind] = _exhibit(system, server, root, owner)
        made.hostile[kind] = _hostile(system, server, root, owner)
        made.empty[kind] = system.new_repository(root, owner, f"bare/{kind}-empty")
    return made


def _exhibit(system: System, server: Server, root: Api, owner: Person) -> Exhibit:
    name = system.new_repository(
        root, owner, f"harbours/north/{system.kind}-tide", description="When the water comes, and when it goes",
        private=system.kind == "hg", enable_downloads=True,
    )  # fmt: skip
    copy = system.checkout(server, name, owner)
    top = _layout(copy)
    for number in range(3):
        copy.write(**{f"{top}{path}": content for path, content in FILES.items()} if not number else {})
        copy.write(**{f"{top}docs/log.txt": "".join(f"day {day}\n" for day in range(number + 1))})
        copy.commit(f"Day {number + 1}: look at the water, and write down what there is to be seen of it")
        if isinstance(copy, SvnCopy):
            copy.publish()
    _lines_of_development(copy, top)
    longer = MODULE.replace("the moon alone", "the moon, and not yet the sun").replace(
        "import math\n", "import math\nimport os\n"
    )
    ids = [
        copy.change(
            "The sun" + BODY, **{f"{top}src/tide.py": longer, f"{top}LICENSE": None, f"{top}src/sun.py": "SUN = 0.46\n"}
        )
    ]
    exhibit = Exhibit(system.kind, name, _ids(system, server, name) or tuple(ids), top)
    if system.kind == "git":
        for path, line in (("LICENSE", "n2"), ("src/tide.py", "n7"), ("", "")):
            said = {"filepath": path, "lineno": line} if path else {}
            root("comment_commit", repoid=name, commit_id=exhibit.ids[0], message="Why so?", **said)
    return exhibit


def _layout(copy: Copy) -> str:
    """Where the files go; for Subversion the directories that its users make first."""
    if not isinstance(copy, SvnCopy):
        return ""
    for directory in ("trunk", "branches", "tags"):
        (copy.path / directory).mkdir()
    copy.commit("Layout")
    copy.publish()
    copy.run("update", "--quiet")
    return "trunk/"


def _lines_of_development(copy: Copy, top: str) -> None:
    """Branches, tags, bookmarks, a merge, properties: what the system has of these."""
    match copy:
        case SvnCopy():
            copy.run("update", "--quiet")
            copy.run("copy", "--quiet", "trunk", "branches/spring-tide")
            copy.run("copy", "--quiet", "trunk", "tags/1.0")
            copy.run("propset", "svn:ignore", "*.o\n*.pyc", "trunk/src")
            copy.run("propset", "svn:eol-style", "native", "trunk/src/tide.py")
            copy.commit("A branch and a tag")
            copy.publish()
            copy.run("update", "--quiet")
        case _ if (copy.path / ".hg").exists():
            copy.run("tag", "1.0")
            copy.run("branch", "spring-tide")
            copy.write(spring="tide\n")
            copy.commit("Spring tides")
            copy.run("update", "default")
            copy.write(neap="tide\n")
            copy.commit("Neap tides")
            copy.run("merge", "spring-tide")
            copy.commit("Merge spring tides")
            copy.run("bookmark", "water")
            copy.run("push", "--new-branch", "-B", "water")
        case _:
            copy.run("tag", "-a", "-m", "The first", "1.0")
            copy.run("checkout", "--quiet", "-b", "spring-tide")
            copy.write(spring="tide\n")
            copy.commit("Spring tides")
            copy.run("checkout", "--quiet", "master")
            copy.write(neap="tide\n")
            copy.commit("Neap tides")
            copy.run("merge", "--quiet", "--no-ff", "-m", "Merge spring tides", "spring-tide")
            copy.run("push", "--quiet", "origin", "master", "spring-tide", "1.0")


SCRIPT = "<script>hit()</script>"
HANDLER = "\"'><img src=x onerror=hit()>"
MARKDOWN = f"""# {SCRIPT}{HANDLER}

[a](javascript:hit()) [b](JaVaScRiPt:hit%28%29 "x' onmouseover='hit()") ![c](javascript:hit())
<svg onload=hit()><style>body{{display:none}}</style></svg> <a href="data:text/html,<script>hit()</script>">d</a>
<iframe srcdoc="<script>hit()</script>"></iframe><form action="javascript:hit()"><button autofocus onfocus=hit()>e</button></form>
<div hx-get="/" hx-trigger="load" data-fill="/evil" data-copy="x" id="main" class="top menu sheet">f</div>
<img src="https://elsewhere.invalid/tracker.png"> <a href="//elsewhere.invalid" aria-keyshortcuts="y">g</a>

```"onload=hit() x
{SCRIPT}
```
"""
REST = f"""Title
=====

.. raw:: html

   {SCRIPT}

.. image:: javascript:hit()

`a <javascript:hit()>`_

.. include:: /etc/passwd

{HANDLER}
"""
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='hit()'><script>hit()</script><a href='javascript:hit()'><text y='9'>x</text></a></svg>\n"
MESSAGE = (
    f"{HANDLER}{SCRIPT} \u202egnp.exe\n\n</title></textarea></p>{SCRIPT}\n<a href=javascript:hit()>javascript:hit()</a>"
)


def _hostile(system: System, server: Server, root: Api, owner: Person) -> Exhibit:
    name = system.new_repository(root, owner, f"{system.kind}-hostile", description=HANDLER + SCRIPT)
    copy = system.checkout(server, name, owner)
    copy.write(
        **{
            "README.md": MARKDOWN,
            "docs/README.rst": REST,
            "picture.svg": SVG,
            "code.html": SCRIPT + HANDLER + "\n</td></tr></table>\n",
            "code.py": f"'''{SCRIPT}'''  # {HANDLER} \u202e \u0007\n",
            f"{HANDLER.replace('/', '')}": "name\n",
            "' onmouseover='hit()' x='/\"><svg onload=hit()>.md": MARKDOWN,
            "javascript:hit()": "x\n",
            "a\u202etxt.exe": "bidi\n",
        }
    )
    (copy.path / "far").symlink_to("a" * 3_000)
    copy.commit(MESSAGE)
    copy.publish()
    match copy:
        case SvnCopy():
            copy.run("update", "--quiet")
            copy.run("propset", "x:" + "onload", SCRIPT + HANDLER, "code.py")
            copy.run("propset", "svn:externals", f"javascript:hit() evil\n{server.url}/x 'on\"load=hit()'", ".", )  # fmt: skip
        case _ if (copy.path / ".hg").exists():
            copy.run("branch", HANDLER)
            copy.run("bookmark", SCRIPT)
        case _:
            copy.run("tag", "\"'><svg/onload=hit()>")
            copy.run("branch", "'onmouseover='hit()")
            copy.run("push", "--quiet", "--all", "origin")
            copy.run("push", "--quiet", "--tags", "origin")
    copy.write(**{"code.py": f"'''{HANDLER}'''\n", "picture.svg": SVG + SVG})
    copy.commit(MESSAGE)
    copy.publish()
    made = Exhibit(system.kind, name, _ids(system, server, name))
    for line in (None, "n1"):
        place = {} if line is None else {"filepath": "code.py", "lineno": line}
        owner.api("comment_commit", repoid=name, commit_id=made.ids[-1], message=MARKDOWN + "@ada", **place)
    elsewhere = {"filepath": "docs/" + "long" * 50, "lineno": "n1"}  # shown below: the changeset has no such line
    owner.api("comment_commit", repoid=name, commit_id=made.ids[-1], message=HANDLER, **elsewhere)
    return made


def _ids(system: System, server: Server, name: str) -> tuple[str, ...]:
    return tuple(system.ids(server.root / name))
