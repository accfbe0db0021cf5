# SPDX-License-Identifier: GPL-3.0-or-later
"""How much longer a text in reStructuredText becomes than it was: a few words may stand for many, and be used often.

It is computed before docutils puts them in, from what it read, and once more before it writes. What docutils does in
between looks at no clock.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from trivium.render.coding import TooSlow

if TYPE_CHECKING:
    from docutils.nodes import Element, Node, document

MOST: Final = 1 << 20
"""Characters that may be added, and as many again for each that was written."""
_OF_A_NODE: Final = 50
"""Characters that an element counts for."""
_NESTED: Final = 10
"""Replacements within each other."""
_MOST_CLASSES: Final = 5
_LONGEST_CLASSES: Final = 200


def check_read(read: document, length: int) -> None:
    """Raises `TooSlow` where replacements and tables of contents would make a text of some length too long."""
    from docutils import nodes
    from docutils.transforms.misc import ClassAttribute

    used: Counter[str] = Counter()
    tables = sections = titles = details = 0
    for node in read.findall(nodes.Element):
        if isinstance(node, nodes.substitution_reference):
            used[_key(read, node)] += 1
        elif isinstance(node, nodes.pending) and node.transform is not ClassAttribute:
            # Tables of contents, numbers of sections and notes of targets: each goes through all of the text.
            tables += 1
            details += sum(len(str(value)) for value in node.details.values())
        elif isinstance(node, nodes.section | nodes.reference):
            sections += 1
        elif isinstance(node, nodes.title):
            titles += len(node.astext())
    sizes = _sizes(read)
    added = sum(count * sizes.get(key, 0) for key, count in used.items())
    if added + tables * (sections * _OF_A_NODE + titles + added) + details * sections > MOST + length:
        raise TooSlow


def check_made(made: document, length: int) -> None:
    """Raises `TooSlow` where what is to be written is too long for a text of some length."""
    from docutils import nodes

    total, most = 0, MOST + 8 * length
    for node in made.findall():
        if isinstance(node, nodes.Text):
            total += len(node)
        elif isinstance(node, nodes.Element):
            total += sum(_length(value) for value in node.attributes.values())
        if total > most:
            raise TooSlow


def _length(value: object) -> int:
    if isinstance(value, list):
        return sum(map(_length, value))
    return len(value) if isinstance(value, str) else 0


def _key(read: document, reference: Element) -> str:
    """The replacement that a reference means."""
    name = str(reference["refname"])
    return name if name in read.substitution_defs else str(read.substitution_names.get(name.lower(), ""))


def _sizes(read: document) -> dict[str, int]:
    """What each replacement becomes in the end, in characters. Raises `TooSlow` for circles and what is like them."""
    from docutils import nodes

    own: dict[str, int] = {}
    inside: dict[str, Counter[str]] = {}
    for key, found in read.substitution_defs.items():
        elements = list(found.findall(nodes.Element))
        own[key] = _OF_A_NODE * sum(1 for _ in found.findall()) + len(found.astext())
        own[key] += sum(_length(value) for one in elements for value in one.attributes.values())
        inside[key] = Counter(_key(read, one) for one in elements if isinstance(one, nodes.substitution_reference))
    sizes = own
    for _ in range(_NESTED):
        larger = {
            key: size + sum(count * sizes.get(name, 0) for name, count in inside[key].items())
            for key, size in own.items()
        }
        if larger == sizes:
            return sizes
        sizes = larger
    raise TooSlow


def few_classes() -> None:
    """Lets docutils give an element few classes, of which none stays in the end: it writes all of them to each."""
    from docutils.parsers.rst import directives, roles
    from docutils.parsers.rst.directives import misc

    class Class(misc.Class):
        def run(self) -> list[Node]:
            self.arguments = [self.arguments[0][:_LONGEST_CLASSES]]
            return list(super().run())

    class Role(misc.Role):
        def run(self) -> list[Node]:
            messages = super().run()
            # Roles that a text makes are kept there alone, of which docutils tells nobody else.
            for role in roles._roles.values():  # type: ignore[attr-defined]  # noqa: SLF001
                if given := getattr(role, "supplied_options", None):
                    given["class"] = given.get("class", [])[:_MOST_CLASSES]
            return list(messages)

    directives.register_directive("class", Class)
    directives.register_directive("role", Role)
