# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL functions that the databases call by different names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class comma_list(FunctionElement[str]):  # noqa: N801  # reads like the SQL functions around it
    """The texts of a group, with commas between them."""

    type = Text()
    inherit_cache = True


@compiles(comma_list)
def _standard(element: comma_list, compiler: Any, **options: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **options)}, ',')"


@compiles(comma_list, "sqlite")
def _sqlite(element: comma_list, compiler: Any, **options: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **options)}, ',')"
