# SPDX-License-Identifier: GPL-3.0-or-later
"""`rpc.discover`: the API described by itself, as an OpenRPC document, from the same signatures that serve it."""

from __future__ import annotations

import re
from typing import Any, Final

from trivium import __version__
from trivium.api.registry import Method, Parameter, Registry

DISCOVER: Final = "rpc.discover"
_CODE: Final = -32000
_FIELD = re.compile(r"\{(\w+)\}")


def document(registry: Registry) -> dict[str, Any]:
    """The OpenRPC document of all methods."""
    return {
        "openrpc": "1.3.2",
        "info": {"title": "Trivium", "version": __version__, "license": {"name": "GPL-3.0-or-later"}},
        "methods": [_method(method) for method in registry.all()],
    }


def _method(method: Method) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": method.name,
        "summary": method.summary,
        "description": method.description,
        "paramStructure": "by-name",
        "params": [_parameter(parameter) for parameter in method.parameters],
        "result": {"name": "result", "schema": _result(method)},
    }
    if isinstance(method.failure, str):
        shown["errors"] = [{"code": _CODE, "message": _FIELD.sub(r"<\1>", method.failure)}]
    elif method.failure is not None:
        example = {parameter.name: f"<{parameter.name}>" for parameter in method.parameters}
        shown["errors"] = [{"code": _CODE, "message": method.failure(example)}]
    return shown


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = dict(parameter.converter.schema)
    if isinstance(parameter.default, (str, int, bool)):
        schema["default"] = parameter.default
    return {"name": parameter.name, "required": parameter.required, "schema": schema}


def _result(method: Method) -> dict[str, Any]:
    returned = str(method.function.__annotations__.get("return", ""))
    return {"type": "array"} if returned.startswith("list") else {"type": "object"}
