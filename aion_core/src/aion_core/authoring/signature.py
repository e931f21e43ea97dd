"""What a function takes and returns: its arguments to one payload and back, by their annotations."""

# pyright: basic
# Values and types of any kind pass through here; strict mode would report each one as partially unknown.

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aion_core.model.errors import PayloadError
from aion_core.model.payloads import Payload

if TYPE_CHECKING:
    from aion_core.codec import Values  # brings cattrs, which `import aion_core` does without

Arguments: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC: Final = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
_PLAIN_KEYS: Final = {"args", "kwargs"}


class Signature:
    """The parameters and the result of one function. Nothing is resolved before it is needed.

    So a class may be used in an annotation before it is defined. Threads may share one: resolving twice gives the same.
    """

    __slots__ = ("_fn", "_hints", "_locals", "_parts", "name")

    def __init__(self, fn: Callable[..., Any], *, name: str, local_names: Mapping[str, Any]) -> None:
        """Use `Signature.of`."""
        self.name = name
        self._fn = fn
        self._locals = local_names
        self._parts: _Parts | None = None
        self._hints: dict[str, Any] | None = None

    @classmethod
    def of(cls, fn: Callable[..., Any]) -> Signature:
        """The signature of a function, or of a bound method without its `self`.

        Names that annotations in text use are looked up where the function is being defined, too: a dataclass beside
        a nested workflow is found although nothing but the annotation mentions it.
        """
        return cls(fn, name=getattr(fn, "__name__", repr(fn)), local_names=_names_around(fn))

    def __str__(self) -> str:
        """`charge(order: Order) -> str`, for messages to people."""
        return f"{self.name}{inspect.signature(self._fn)}"

    @property
    def returns(self) -> Any:
        """The annotated type of the result; `Any` without one."""
        return (self._hints or self._types()).get("return", Any)

    @property
    def takes(self) -> Sequence[str]:
        """The names of its parameters."""
        return tuple(self._parameters().all)

    @property
    def needs(self) -> int:
        """How many arguments it must be given."""
        return len(self._parameters().required)

    def type_of(self, name: str) -> Any:
        """The annotated type of a parameter; `Any` without one."""
        return self._types().get(name, Any)

    # ---- arguments

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments as they are recorded: those that can stand by their position do.

        TypeError, naming the function and its signature, when it does not take them.
        """
        parts = self._parts or self._parameters()
        if not kwargs and parts.fewest <= len(args) <= parts.most:
            return args, kwargs
        try:
            bound = inspect.signature(self._fn).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self}: {error}.") from None
        return bound.args, bound.kwargs

    def encode(self, values: Values, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Payload:
        """The payload of these arguments: a JSON array, or `{"args": […], "kwargs": {…}}`.

        TypeError for arguments that it does not take, `PayloadError` for what can not be encoded.
        """
        positional, named = self.bind(args, kwargs)
        return values.encode({"args": positional, "kwargs": named} if named else positional)

    def checked(self, values: Values, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Payload:
        """Like `encode`, and the arguments fit the annotations: what is handed over wrongly is refused at once."""
        payload = self.encode(values, args, kwargs)
        self.decode(values, payload)
        return payload

    def decode(self, values: Values, payload: Payload) -> Arguments:
        """The arguments that a payload holds, by their annotations. Trailing ones that are missing have their default.

        `PayloadError` names the argument and the path inside it.
        """
        plain = values.decode(payload)
        parts, types = self._parts or self._parameters(), self._hints or self._types()
        if type(plain) is list and len(plain) == len(parts.positional) and parts.only_positional:
            items = zip(plain, parts.positional, strict=True)
            return tuple([_decoded(values, item, types.get(name, Any), name) for item, name in items]), {}
        given, named = self._recorded(plain)
        if len(given) > parts.most:
            raise PayloadError(f"holds {len(given)} arguments, and {self} takes {parts.most or 'none'}")
        args = [
            _decoded(values, item, types.get(name, Any), name)
            for item, name in zip(given, parts.names(len(given)), strict=True)
        ]
        kwargs = {}
        for name, item in named.items():
            if name not in parts.by_keyword and parts.any_keyword is None:
                raise PayloadError(f"holds the argument {name!r}, which {self} does not take")
            hint = name if name in parts.by_keyword else str(parts.any_keyword)
            kwargs[name] = _decoded(values, item, types.get(hint, Any), name)
        for name, position in parts.required:
            if position >= len(given) and name not in kwargs:
                raise PayloadError(f"lacks the argument {name!r} of {self}")
        return tuple(args), kwargs

    def check(self, values: Values) -> None:
        """Refuse annotations whose values could not be decoded, ambiguous unions above all. For registration.

        TypeError, naming the function and the parameter.
        """
        for name, kind in self._types().items():
            where = "its result" if name == "return" else f"its argument {name!r}"
            try:
                values.check_type(kind)
            except TypeError as error:
                raise TypeError(f"{self.name}(): {where}: {error}") from error

    # ----

    def _recorded(self, plain: Any) -> tuple[list[Any], dict[str, Any]]:
        if isinstance(plain, list):
            return plain, {}
        if isinstance(plain, dict) and plain.keys() == _PLAIN_KEYS:
            given, named = plain["args"], plain["kwargs"]
            if isinstance(given, list) and isinstance(named, dict):
                return given, named
        raise PayloadError(f"is not a list of the arguments of {self}")

    def _parameters(self) -> _Parts:
        if self._parts is None:
            self._parts = _Parts(inspect.signature(self._fn))
        return self._parts

    def _types(self) -> dict[str, Any]:
        if self._hints is None:
            function = self._fn if hasattr(self._fn, "__annotations__") else type(self._fn).__call__
            try:
                hints = typing.get_type_hints(function, localns=dict(self._locals), include_extras=True)
            except Exception as error:  # an annotation in text may be anything
                raise TypeError(f"{self.name}(): its annotations can not be resolved: {error}") from error
            self._hints = {name: kind for name, kind in hints.items() if name == "return" or name in self.takes}
        return self._hints


class _Parts:
    """Parameters, sorted by how they may be given."""

    def __init__(self, signature: inspect.Signature) -> None:
        parameters = signature.parameters
        self.all = parameters
        self.positional = [name for name, it in parameters.items() if it.kind in _POSITIONAL]
        self.any_positional = _name_of(parameters, Parameter.VAR_POSITIONAL)
        self.any_keyword = _name_of(parameters, Parameter.VAR_KEYWORD)
        self.by_keyword = {
            name
            for name, it in parameters.items()
            if it.kind in {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
        }
        # With the position at which each is given; one that must be given by name never is.
        self.required = [
            (name, self.positional.index(name) if name in self.positional else sys.maxsize)
            for name, it in parameters.items()
            if it.default is Parameter.empty and it.kind not in _VARIADIC
        ]
        self.only_positional = all(position < sys.maxsize for _, position in self.required)
        """Whether as many values as there are positional parameters are enough."""
        self.fewest = max((position + 1 for _, position in self.required), default=0)
        self.most = len(self.positional) if self.any_positional is None else sys.maxsize

    def names(self, count: int) -> list[str]:
        """The parameters that so many positional arguments belong to."""
        more = count - len(self.positional)
        return [*self.positional[:count], *([str(self.any_positional)] * more)]


def _name_of(parameters: Mapping[str, Parameter], kind: object) -> str | None:
    return next((name for name, it in parameters.items() if it.kind is kind), None)


def _decoded(values: Values, plain: Any, kind: Any, name: str) -> Any:
    try:
        return values.structure(plain, kind)
    except PayloadError as error:
        raise PayloadError(error.problem, path=name + error.path[1:], type_name=error.type_name) from error


# ---- names that an annotation in text may use


def _names_around(fn: Callable[..., Any]) -> Mapping[str, Any]:
    """Of the local names where a nested function is being defined, those that its annotations use.

    A closure holds only what the body uses. Nothing else of the frame is kept.
    """
    function = getattr(fn, "__func__", fn)
    outside, nested, _ = getattr(function, "__qualname__", "").rpartition(".<locals>.")
    texts = [text for text in getattr(function, "__annotations__", {}).values() if isinstance(text, str)]
    if not nested or not texts:
        return {}
    wanted = {name for text in texts for name in _names_in(text)}
    return {
        name: found
        for frame in _frames_of(outside.rpartition(".")[2])
        for name, found in frame.f_locals.items()
        if name in wanted
    }


def _names_in(text: str) -> tuple[str, ...]:
    try:
        return compile(text, "<annotation>", "eval").co_names
    except SyntaxError:
        return ()


def _frames_of(function: str) -> list[FrameType]:
    """The frames of callers that run a function of this name, the outermost first: inner ones win."""
    found: list[FrameType] = []
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == function:
            found.insert(0, frame)
        frame = frame.f_back
    return found
