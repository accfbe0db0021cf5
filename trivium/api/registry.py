# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of the API, read once from their signatures.

    @registry.method(failure="failed to create user `{username}`", super_admin=True)
    def create_user(call: Call, username: Name, email: Text, password: Text = "") -> object: ...

Look-up, permission, coercion, error texts, `rpc.discover` and the client's help all come from such a definition.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from trivium.access.caller import Caller
from trivium.access.stamps import Stamp
from trivium.api.arguments import Converter
from trivium.api.remembered import Parts, Remembered
from trivium.api.texts import Refusal, shown, text_of
from trivium.errors import Forbidden, TriviumError, Undone, full_disk_told
from trivium.forge.accounts.users import User
from trivium.forge.history.reading import History
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.turns import Pace

_EVERYWHERE: Final = {"repo": "repoid"}
"""Old names of arguments, for every method (decisions.md A17)."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a method knows besides its arguments."""

    site: Site
    caller: Caller
    stamp: Stamp
    """The state of all rights when the caller was identified. What is remembered for this state may be used."""
    remembered: Remembered
    history: History
    base_url: str
    """The address of the server as the caller sees it, without a slash at the end."""
    given: Mapping[str, Any]
    """The arguments as they came, under their present names."""

    def remember(
        self,
        key: Hashable,
        make: Callable[[], Mapping[str, object]],
        *,
        rights_of: User | None = None,
        about: Repository | None = None,
    ) -> Parts:
        """Parts of the answer that change only with what may be seen; `make` makes them anew (`Remembered`).

        Parts that change only with the `rights_of` one user outlive changes of the rights of others. Those `about` one
        repository, whose id is in the `key`, outlive the creation of others.
        """
        state: Hashable
        if rights_of is not None:
            state = (self.stamp.everybody, rights_of.rights_version)
        else:
            state = self.stamp.version if about is None else self.stamp.standing
        if self.site.store.hurried:
            return self.remembered.ready_parts(state, key)
        return self.remembered.parts(state, key, make)

    def echo(self, argument: str) -> str:
        """An argument as messages repeat it."""
        return shown(self.given[argument])


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a method."""

    name: str
    converter: Converter
    required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API."""

    name: str
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    failure: str | Callable[[Mapping[str, Any]], str] | None
    super_admin: bool
    pace: Pace
    """At least."""
    paced_by: Callable[[Mapping[str, Any]], Pace] | None
    guard: Callable[[Call], None] | None
    """Refuses callers who may not use the method at all, before any argument is looked at."""
    renamed: Mapping[str, str]
    """Old names of arguments → their names (decisions.md A15, A17)."""

    @property
    def summary(self) -> str:
        return inspect.getdoc(self.function).split("\n\n")[0].replace("\n", " ")  # type: ignore[union-attr]

    @property
    def description(self) -> str:
        return inspect.cleandoc("\n\n".join(inspect.getdoc(self.function).split("\n\n")[1:]))  # type: ignore[union-attr]

    def pace_of(self, given: object) -> Pace:
        """How long a call with these arguments may take."""
        if self.paced_by is None or not isinstance(given, dict):
            return self.pace
        return max(self.pace, self.paced_by(given))

    def __call__(self, call: Call) -> Any:
        """Check, convert, run. Raises `Refusal` with the documented text."""
        if not self.renamed.keys().isdisjoint(call.given):
            # If an argument comes under both names, the present name counts.
            old = {self.renamed[name]: value for name, value in call.given.items() if name in self.renamed}
            present = {name: value for name, value in call.given.items() if name not in self.renamed}
            call = replace(call, given=old | present)
        for parameter in self.parameters:
            if parameter.required and parameter.name not in call.given:
                raise Refusal(f"Missing non optional `{parameter.name}` arg in JSON DATA")
        try:
            if self.super_admin and not call.caller.super_admin:
                raise Forbidden
            if self.guard is not None:
                self.guard(call)
            with full_disk_told():
                return self.function(call, **self._converted(call))
        except Undone:
            raise  # the whole call can be repeated (`Store.again`)
        except TriviumError as error:
            raise Refusal(text_of(error, self._failure(call.given))) from error

    def _converted(self, call: Call) -> dict[str, Any]:
        converted = {}
        with call.site.store.read() as db:
            for parameter in self.parameters:
                if parameter.name not in call.given:
                    continue
                value = call.given[parameter.name]
                if value is None and not parameter.required and not parameter.converter.null_is_value:
                    continue
                converted[parameter.name] = parameter.converter.convert(db, call.caller, value)
        return converted

    def _failure(self, given: Mapping[str, Any]) -> str | None:
        """The method's own `failed to ...`, with the arguments as they were given."""
        if self.failure is None or callable(self.failure):
            return self.failure and self.failure(given)
        return self.failure.format_map({name: shown(value) for name, value in given.items()})


class Registry:
    """All methods, by name."""

    def __init__(self) -> None:
        self._methods: dict[str, Method] = {}
        self._aliases: dict[str, Method] = {}

    def method(
        self,
        *,
        failure: str | Callable[[Mapping[str, Any]], str] | None = None,
        super_admin: bool = False,
        pace: Pace = Pace.SHORT,
        paced_by: Callable[[Mapping[str, Any]], Pace] | None = None,
        guard: Callable[[Call], None] | None = None,
        aliases: tuple[str, ...] = (),
        renamed: Mapping[str, str] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a function under its name.

        `failure` is the text for refusals that have no text of their own: a template, or a function of the arguments
        as they were given. `paced_by` says of the arguments, as they came, whether they make a call take longer than
        `pace`. `guard` raises for callers who may not use the method at all. `aliases` are old names.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            parameters = _parameters(function)
            old_names = {old: new for old, new in _EVERYWHERE.items() if any(one.name == new for one in parameters)}
            method = Method(
                name=function.__name__,
                function=function,
                parameters=parameters,
                failure=failure,
                super_admin=super_admin,
                pace=pace,
                paced_by=paced_by,
                guard=guard,
                renamed=old_names | dict(renamed or {}),
            )
            self._methods[method.name] = method
            self._aliases.update(dict.fromkeys(aliases, method))
            return function

        return register

    def find(self, name: object) -> Method | None:
        """The method with this name, present or old."""
        if not isinstance(name, str):
            return None
        return self._methods.get(name) or self._aliases.get(name)

    def all(self) -> list[Method]:
        """Every method under its present name, in alphabetical order."""
        return [self._methods[name] for name in sorted(self._methods)]


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    hints = get_type_hints(function, include_extras=True)
    found = []
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        required = parameter.default is inspect.Parameter.empty
        found.append(Parameter(name, _converter(hints[name]), required, None if required else parameter.default))
    return tuple(found)


def _converter(hint: Any) -> Converter:
    """The converter in an annotation, also inside `X | None`."""
    for candidate in (hint, *(get_args(hint) if get_origin(hint) is not None else ())):
        for extra in getattr(candidate, "__metadata__", ()):
            if isinstance(extra, Converter):
                return extra
    raise TypeError(f"{hint!r} has no converter")


def encode(value: object) -> bytes:
    """A value as strict JSON."""
    return msgspec.json.encode(value)
