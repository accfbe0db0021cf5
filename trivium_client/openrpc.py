# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what `rpc.discover` answers: an OpenRPC 1.3 document (https://spec.open-rpc.org).

The document comes from a server we know nothing about: whatever is missing, or of another type than the
specification says, counts as absent, so that an explanation can have a gap but the program never a traceback.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trivium_client.errors import CallFailed

SCHEMA_DEPTH = 5
"""How deep a type is spelled out; nobody reads a "list of list of list ..." that is longer."""


@dataclass(frozen=True)
class Parameter:
    """One argument of a method."""

    name: str
    required: bool
    type: str
    """In words: `string or integer`, `list of string`, the values `git | hg | svn`; may be empty."""
    default: str | None
    """As JSON; `None` when the document does not name one."""
    structured: bool
    """Takes nothing but objects or lists, which cannot be given as text."""
    description: str


@dataclass(frozen=True)
class Method:
    """What the document says about one method; texts may be empty."""

    name: str
    summary: str
    description: str
    deprecated: bool
    parameters: tuple[Parameter, ...]
    result: str
    errors: tuple[str, ...]


def methods(document: object) -> dict[str, Mapping[str, object]]:
    """Return the described methods by name, as the document has them. Raises `CallFailed` if it is none."""
    listed = document.get("methods") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise CallFailed("the server did not describe its methods as an OpenRPC document")
    return {name: entry for entry in _objects(listed) if (name := _text(entry, "name"))}


def method(entry: Mapping[str, object]) -> Method:
    """Take one entry of `methods` apart."""
    return Method(
        name=_text(entry, "name"),
        summary=_text(entry, "summary"),
        description=_text(entry, "description"),
        deprecated=entry.get("deprecated") is True,
        parameters=tuple(_parameter(each) for each in _objects(entry.get("params")) if _text(each, "name")),
        result=_result(entry.get("result")),
        errors=tuple(text for each in _objects(entry.get("errors")) if (text := _text(each, "message"))),
    )


def _parameter(entry: Mapping[str, object]) -> Parameter:
    given = entry.get("schema")
    schema: Mapping[str, object] = given if isinstance(given, dict) else {}
    types = _types(schema)
    return Parameter(
        name=_text(entry, "name"),
        required=entry.get("required") is True,
        type=_describe(schema),
        default=json.dumps(schema["default"], ensure_ascii=False) if "default" in schema else None,
        structured=bool(types & {"object", "array"}) and types <= {"object", "array", "null"},
        description=_text(entry, "description") or _text(schema, "description"),
    )


def _result(entry: object) -> str:
    if not isinstance(entry, dict):
        return ""
    parts = (_text(entry, "name"), _describe(entry.get("schema")))
    return ": ".join(part for part in parts if part)


def _describe(schema: object, depth: int = SCHEMA_DEPTH) -> str:
    """Say in words what a JSON schema admits; empty when it says nothing we understand."""
    if not isinstance(schema, dict):
        return ""
    if depth == 0:
        return "..."
    if isinstance(values := schema.get("enum"), list):
        return " | ".join(value if isinstance(value, str) else json.dumps(value) for value in values)
    for choice in ("oneOf", "anyOf"):
        if isinstance(choices := schema.get(choice), list):
            texts = (_describe(each, depth - 1) for each in choices)
            return " or ".join(dict.fromkeys(text for text in texts if text))
    if isinstance(reference := schema.get("$ref"), str):
        return reference.rpartition("/")[2]
    kind = schema.get("type")
    if kind == "array" and (items := _describe(schema.get("items"), depth - 1)):
        return f"list of {items}"
    names = kind if isinstance(kind, list) else [kind]
    return " or ".join(name for name in names if isinstance(name, str))


def _types(schema: object, depth: int = SCHEMA_DEPTH) -> frozenset[str]:
    """Return the JSON types a schema admits, as far as it names them."""
    if not isinstance(schema, dict) or depth == 0:
        return frozenset()
    choices = schema.get("oneOf", schema.get("anyOf"))
    if isinstance(choices, list):
        return frozenset().union(*(_types(each, depth - 1) for each in choices))
    kind = schema.get("type")
    names = kind if isinstance(kind, list) else [kind]
    return frozenset(name for name in names if isinstance(name, str))


def _objects(entries: object) -> Iterator[Mapping[str, object]]:
    if isinstance(entries, list):
        yield from (entry for entry in entries if isinstance(entry, dict))


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry.get(name)
    return value.strip() if isinstance(value, str) else ""
