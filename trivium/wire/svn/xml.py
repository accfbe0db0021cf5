# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of Subversion's clients: read once, here, and written anew for Apache (security.md S-8).

Apache gets no byte that a client wrote: it gets what this parser understood. So there is one reading of a body, and
nothing in it that only one of two parsers would see. What no client needs ends here: document types, entities,
comments, other encodings, and more than Apache should make a tree of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

from trivium.wire.admission import Refused

DAV: Final = "DAV:"
SVN: Final = "svn:"

_DEEPEST: Final = 100
MOST_OF_A_QUESTION: Final = 1000
"""Where each is answered for each file of a directory; clients ask for a dozen."""
MOST: Final = 100_000
"""Elements and attributes together; as many as can be in a mebibyte, 260,000, take 40 MB in Apache."""
_NAMESPACES: Final = 100
_ENCODINGS: Final = frozenset({"", "utf-8", "us-ascii"})
_REFERENCES: Final = frozenset({"href", "src-path", "dst-path"})
"""Elements that name a resource, whatever their namespace."""
_PLACES: Final = frozenset({"entry", "missing", "update-target"})
_PATHS: Final = frozenset({"path", "include-path", "lock-path"})
"""Elements of Subversion that name something in the repository; the first ones go through no hands that mend them."""
_LONGEST_PATH: Final = 16 << 10
"""Characters."""
_BINDINGS: Final = 200
"""Prefixes that stand for a namespace at one place."""
_BLANKS: Final = " \t\r\n"

_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_VALUE: Final = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


@dataclass(frozen=True, slots=True)
class Document:
    """What a body says."""

    namespace: str
    name: str
    """Of the outermost element."""
    text: bytes
    """The same, written anew."""


def rewritten(
    body: bytes, reference: Callable[[bytes], bytes] | None = None, *, paths: bool = False, most: int = MOST
) -> Document:
    """Read a body and write it anew; raises `Refused` for what no client of Subversion says.

    `reference` translates what stands in elements that name resources; without it they are text like any other.
    With `paths` so are those of Subversion that have a path: Apache ends over one that is not in its plainest form.
    """
    reading = _Reading(reference, paths, most)
    # Not the parser's own namespaces: the name of a property may have a colon more than XML would like.
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = reading.begin
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.characters
    parser.XmlDeclHandler = _declared
    parser.StartDoctypeDeclHandler = _no_doctype
    if b"\0" in body:  # UTF-16, which a parser finds out by itself
        raise _not_utf_8()
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise Refused(400, "The body of a request must be XML.") from error
    return reading.document()


_Name = tuple[str, str, str]
"""Namespace of a name, what it is called here, and its part after the prefix."""


@dataclass(slots=True)
class _Reading:
    """One body, while it is read."""

    reference: Callable[[bytes], bytes] | None
    paths: bool
    most: int
    _parts: list[str] = field(default_factory=list)
    _open: list[tuple[str, dict[str, str], dict[str, _Name]]] = field(default_factory=list)
    """Elements that have begun: their names here, and `_bound` and `_names` outside of them."""
    _bound: dict[str, str] = field(default_factory=dict)
    """Which prefixes stand for which namespaces here."""
    _names: dict[str, _Name] = field(default_factory=dict)
    """What is meant by the names of elements that have occurred with these."""
    _prefixes: dict[str, str] = field(default_factory=dict)
    """Namespaces → the prefixes that they have in what is written."""
    _count: int = 0
    _named: list[str] | None = None
    """What the element that names a resource has said so far, inside of one."""
    _path_of: str = ""
    """The name of that element when what it says is a path."""
    _root: tuple[str, str] = ("", "")

    def begin(self, name: str, attributes: list[str]) -> None:
        if self._named is not None:
            raise Refused(400, "What names a resource contains text only.")
        if len(self._open) == _DEEPEST:
            raise Refused(400, f"The elements of a request may stand at most {_DEEPEST} deep in each other.")
        self._count += 1 + len(attributes) // 2
        if self._count > self.most:
            raise Refused(413, f"A request may have at most {self.most} elements and attributes.")
        outside = self._bound, self._names
        if attributes and "xmlns" in " ".join(attributes[::2]):
            self._bind(attributes)
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = self._name(name, element=True)
        namespace, tag, local = known
        if not self._open:
            self._root = (namespace, local)
        self._parts.append(f"<{tag}" if self._open else "")  # the first one declares all prefixes, known at the end
        if attributes:
            self._write(attributes)
        self._parts.append(">")
        self._open.append((tag, *outside))
        if self.reference is not None and local in _REFERENCES:
            self._named = []
        elif self.paths and namespace == SVN and (local in _PLACES or local in _PATHS):
            self._named, self._path_of = [], local

    def _write(self, attributes: list[str]) -> None:
        """Write the attributes of an element, but for what prefixes stand for."""
        seen = set()
        count = 0
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            if not _declares(key):
                count += 1
                written = self._name(key, element=False)[1]
                seen.add(written)
                if self.paths and written == "linkpath":
                    value = "/" + _plain_path(value)
                self._parts.append(f' {written}="{value.translate(_VALUE)}"')
        if len(seen) != count:
            raise Refused(400, "An element of the request has an attribute twice.")

    def _bind(self, attributes: list[str]) -> None:
        self._bound = dict(self._bound)
        self._names = {}
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            if _declares(key):
                self._bound[key[len("xmlns:") :]] = value
        if len(self._bound) > _BINDINGS:
            raise Refused(400, "A request may use so many prefixes at most: " + str(_BINDINGS))

    def end(self, _name: str) -> None:
        if self._named is not None and self._path_of:
            path = "".join(self._named)
            self._parts.append(_plain_path(path, strict=self._path_of in _PLACES).translate(_TEXT))
            self._named, self._path_of = None, ""
        elif self._named is not None and self.reference is not None:
            named = "".join(self._named).strip(_BLANKS)
            self._named = None
            self._parts.append(self.reference(named.encode()).decode("utf-8", "surrogateescape").translate(_TEXT))
        tag, self._bound, self._names = self._open.pop()
        self._parts.append(f"</{tag}>")

    def characters(self, text: str) -> None:
        if self._named is not None:
            self._named.append(text)
        else:
            self._parts.append(text.translate(_TEXT))

    def _name(self, name: str, *, element: bool) -> _Name:
        """Namespace of a name, what it is called here, and its part after the prefix."""
        prefix, separator, local = name.partition(":")
        if prefix == "xml":
            return "", name, name
        if not separator:
            prefix, local = "", name
        namespace = self._bound.get(prefix, "")
        if (separator and not (prefix and local and namespace)) or prefix[:3].lower() == "xml":
            raise Refused(400, "The XML of the request uses a prefix that it does not declare.")
        if not namespace or not (separator or element):
            return "", local, local
        short = self._prefixes.get(namespace)
        if short is None:
            if len(self._prefixes) == _NAMESPACES:
                raise Refused(400, f"A request may use at most {_NAMESPACES} namespaces.")
            short = self._prefixes[namespace] = f"n{len(self._prefixes)}"
        return namespace, f"{short}:{local}", local

    def document(self) -> Document:
        namespace, name = self._root
        declared = "".join(f' xmlns:{prefix}="{uri.translate(_VALUE)}"' for uri, prefix in self._prefixes.items())
        tag = f"{self._prefixes[namespace]}:{name}" if namespace in self._prefixes else name
        text = f'<?xml version="1.0" encoding="utf-8"?>\n<{tag}{declared}{"".join(self._parts)}'
        return Document(namespace, name, text.encode("utf-8", "surrogateescape"))


def _declares(key: str) -> bool:
    """Whether an attribute says what a prefix stands for."""
    return key == "xmlns" or key.startswith("xmlns:")


def _plain_path(path: str, *, strict: bool = False) -> str:
    """A path of a repository without a slash too many; with `strict` it must not have one. Raises `Refused`."""
    segments = path.split("/") if path else []
    if len(path) > _LONGEST_PATH or "." in segments or ".." in segments or (strict and "" in segments):
        raise Refused(400, "A path in the request is none that Subversion knows.")
    return "/".join(segment for segment in segments if segment)


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    if (encoding or "").lower() not in _ENCODINGS:
        raise _not_utf_8()


def _not_utf_8() -> Refused:
    return Refused(400, "The XML of a request must be in UTF-8.")


def _no_doctype(*_: object) -> NoReturn:
    raise Refused(400, "The XML of a request has no document type.")
