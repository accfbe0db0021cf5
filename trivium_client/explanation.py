# SPDX-License-Identifier: GPL-3.0-or-later
"""What `--help METHOD` shows: one method, explained for somebody who is about to call it from a shell."""

import re
import textwrap
from collections.abc import Iterator

from trivium_client.openrpc import Method, Parameter
from trivium_client.options import PROGRAM

WIDEST = 100
"""Longer lines are hard to read, however wide the terminal is."""

_LAID_OUT = re.compile(r"^(\s|[-*|] )", re.MULTILINE)
"""A list, a table or code: its line ends mean something."""


def explain(method: Method, width: int) -> str:
    """Return the explanation for a terminal of `width` columns; the texts are the server's, unchecked."""
    return "\n\n".join(_sections(method, min(width, WIDEST)))


def _sections(method: Method, width: int) -> Iterator[str]:
    yield _usage(method, width)
    if method.deprecated:
        yield "This method is deprecated."
    if method.summary:
        yield _filled(method.summary, width)
    # A description generated from a docstring often repeats the summary.
    if description := method.description.removeprefix(method.summary).strip():
        yield _filled(description, width)
    if method.parameters:
        yield "\n".join(["Arguments:", *_arguments(method.parameters, width)])
    if method.result:
        yield f"Result: {method.result}"
    if method.errors:
        yield "\n".join(["Errors:", *(_filled(error, width, indent=2) for error in method.errors)])


def _usage(method: Method, width: int) -> str:
    words = [f"usage: {PROGRAM} {method.name}"]
    for parameter in method.parameters:
        word = f"{parameter.name}:=<json>" if parameter.structured else f"{parameter.name}:<value>"
        words.append(word if parameter.required else f"[{word}]")
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append("      ")
        lines[-1] += f" {word}"
    return "\n".join(lines)


def _arguments(parameters: tuple[Parameter, ...], width: int) -> Iterator[str]:
    column = max(len(parameter.name) for parameter in parameters) + 4
    for parameter in parameters:
        necessity = "required" if parameter.required else "optional"
        if parameter.default is not None:
            necessity = f"default {parameter.default}"
        facts = ", ".join(fact for fact in (parameter.type, necessity) if fact)
        yield f"  {parameter.name}".ljust(column) + facts
        if parameter.description:
            yield _filled(parameter.description, width, indent=column)


def _filled(text: str, width: int, indent: int = 0) -> str:
    """Return `text` wrapped and indented, by paragraph; what has been laid out is only indented."""
    margin = " " * indent
    wrapper = textwrap.TextWrapper(
        width=max(width, indent + 20),
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(
        textwrap.indent(paragraph, margin) if _LAID_OUT.search(paragraph) else wrapper.fill(paragraph)
        for paragraph in paragraphs
    )
