"""From tables to settings classes: strict about types, and all problems at once."""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import Path as FilePath
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    runtime_checkable,
)

import attrs
from cattrs import (
    BaseValidationError,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.errors import IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from aion_core.config import scalars, units
from aion_core.config.environment import toml_value
from aion_core.config.layers import Path, Text
from aion_core.config.references import References, UnresolvedReference
from aion_core.config.scalars import Mistyped, expected
from aion_core.model.errors import AionError
from aion_core.model.settings import HIDDEN, AtLeast, AtMost, Rate, Secret, Unit

T = TypeVar("T")
Hook: TypeAlias = Callable[[object, object], object]


@runtime_checkable
class Located(Protocol):
    """Settings with something relative in them: a URL with a file name, say."""

    def relative_to(self, folder: FilePath, /) -> Any:
        """The settings that these mean when they were written in a folder."""
        ...


class Structurer:
    """Structures tables with one set of references. Problems are collected, not raised: see `problems`."""

    def __init__(self, references: References, *, folder: FilePath) -> None:
        """`folder` is where relative paths are meant from."""
        self._references = references
        self._folder = folder
        self._converter = self._strict_converter()
        self.problems: list[tuple[Path, str]] = []

    def structure(self, table: object, target: type[T], path: Path) -> T | None:
        """An instance of `target`; None when there were problems."""
        try:
            made = self._converter.structure(table, target)
            if isinstance(made, Located):
                made = made.relative_to(self._folder)
        except Exception as error:  # noqa: BLE001 # whatever a driver's settings class raises is a problem of its table
            self.problems.extend(self._problems(error, path, target))
            return None
        return made

    def report(self, path: Path, problem: str) -> None:
        """Add a problem."""
        self.problems.append((path, self._references.blotted(problem)))

    # ---- from cattrs' groups of exceptions to paths

    def _problems(self, error: BaseException, path: Path, target: object) -> Iterator[tuple[Path, str]]:
        match error:
            case ClassValidationError():
                noted, others = error.group_exceptions()
                fields = {field.name: field.type for field in attrs.fields(error.cl)} if attrs.has(error.cl) else {}
                for inner in others:
                    yield from self._problems(inner, path, error.cl)
                for inner, note in noted:
                    yield from self._problems(inner, (*path, note.name), fields.get(note.name))
            case IterableValidationError():
                noted_items, _ = error.group_exceptions()
                for inner, item in noted_items:
                    part = f"[{item.index}]" if isinstance(item.index, int) else str(item.index)
                    yield from self._problems(inner, (*path, part), None)
            case BaseValidationError():
                for inner in error.exceptions:
                    yield from self._problems(inner, path, target)
            case ForbiddenExtraKeysError():
                known = [field.name for field in attrs.fields(cast("Any", error.cl)) if field.init]
                for key in sorted(error.extra_fields):
                    yield (*path, key), unknown_key(key, known)
            case KeyError():
                yield path, "missing: this key has no default"
            case _:
                yield path, self._references.blotted(_said(error))

    # ---- strictness

    def _strict_converter(self) -> Converter:
        converter = Converter(detailed_validation=True, forbid_extra_keys=True)
        for kind, hook in {
            bool: scalars.boolean,
            int: scalars.integer,
            float: scalars.floating,
            str: self._string,
            Secret: self._secret,
            Rate: scalars.rate,
            FilePath: self._file_path,
        }.items():
            converter.register_structure_hook(kind, _or_choice(hook))
        converter.register_structure_hook_factory(_is_annotated, _annotated)
        converter.register_structure_hook_factory(_is_choice, _choice)
        converter.register_structure_hook_factory(_is_array, _array)
        converter.register_structure_hook_factory(_is_table, _table)
        converter.register_structure_hook_factory(_is_union, _union)
        converter.register_structure_hook_factory(attrs.has, _attrs_class)
        return converter

    def _string(self, value: object, _: object) -> str:
        match value:
            case str():
                return value
            case Text():
                return value.text
            case Secret():
                return HiddenText(self._references.keep(value.reveal()).reveal())
            case Mapping():
                return HiddenText(self._references.resolve(cast("Mapping[str, object]", value)).reveal())
            case _:
                raise Mistyped(expected("a string", value))

    def _secret(self, value: object, _: object) -> Secret:
        match value:
            case Secret():
                return self._references.keep(value.reveal())
            case str():
                return self._references.keep(value)
            case Text():
                return self._references.keep(value.text)
            case Mapping():
                return self._references.resolve(cast("Mapping[str, object]", value))
            case _:
                raise Mistyped(expected("a string or a reference", value))

    def _file_path(self, value: object, _: object) -> FilePath:
        text = value.text if isinstance(value, Text) else value
        if not isinstance(text, str | FilePath) or not str(text):
            raise Mistyped(expected("a path", value) if text != "" else "the path is empty")
        return self._folder / FilePath(text).expanduser()


class HiddenText(str):
    """A text that came from a secret and goes to a setting of type `str`: the text itself, but for its repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)


# ---- factories: cattrs asks them once per type


def _is_annotated(target: Any) -> bool:
    return get_origin(target) is Annotated


def _annotated(target: Any, converter: Converter) -> Hook:
    plain, *facts = get_args(target)
    bounds = [fact for fact in facts if isinstance(fact, AtLeast | AtMost)]
    unit = next((fact for fact in facts if isinstance(fact, Unit)), None)

    def structure(value: object, _: object) -> object:
        made: Any
        if unit is Unit.BYTES:
            made = scalars.size(value)
        elif unit is Unit.SECONDS:
            made = scalars.seconds(value)
        else:
            made = converter.structure(value, plain)
        for bound in bounds:
            if isinstance(bound, AtLeast) and made < bound.minimum:
                raise Mistyped(f"{_with_unit(made, unit)} is too little: at least {_with_unit(bound.minimum, unit)}")
            if isinstance(bound, AtMost) and made > bound.maximum:
                raise Mistyped(f"{_with_unit(made, unit)} is too much: at most {_with_unit(bound.maximum, unit)}")
        return made

    return structure


def _with_unit(number: float, unit: Unit | None) -> str:
    match unit:
        case Unit.SECONDS:
            return f"{number:g} s"
        case Unit.BYTES:
            return f"{int(number)} bytes"
        case None:
            return str(int(number) if number == int(number) else number)


def _or_choice(hook: Hook) -> Hook:
    """The hook, but for enums of strings: cattrs takes the hook of `str` for them, too."""

    def structure(value: object, target: object) -> object:
        return scalars.choice_of(target)(value, target) if _is_choice(target) else hook(value, target)

    return structure


def _is_choice(target: Any) -> bool:
    return get_origin(target) is Literal or (isinstance(target, type) and issubclass(target, Enum))


def _choice(target: Any, _: Converter) -> Hook:
    return scalars.choice_of(target)


_ARRAYS: Mapping[object, Callable[[list[object]], object]] = {
    list: list,
    tuple: tuple,
    Sequence: tuple,
    set: set,
    frozenset: frozenset,
    AbstractSet: frozenset,
}
_TABLES: Final = (dict, Mapping)


def _is_array(target: Any) -> bool:
    return (get_origin(target) or target) in _ARRAYS


def _array(target: Any, converter: Converter) -> Hook:
    item = next(iter(get_args(target)), object)
    make = _ARRAYS[get_origin(target) or target]

    def structure(value: object, _: object) -> object:
        given = _parsed(value, "an array")
        if not isinstance(given, list | tuple | set | frozenset):
            raise Mistyped(expected("an array", given))
        items = cast("Collection[object]", given)
        return make(_each(enumerate(items), item, target, converter)[1])

    return structure


def _is_table(target: Any) -> bool:
    return (get_origin(target) or target) in _TABLES


def _table(target: Any, converter: Converter) -> Hook:
    item = (*get_args(target), object, object)[1]

    def structure(value: object, _: object) -> object:
        given = _parsed(value, "a table")
        if not isinstance(given, Mapping):
            raise Mistyped(expected("a table", given))
        keys, values = _each(cast("Mapping[str, object]", given).items(), item, target, converter)
        return dict(zip(keys, values, strict=True))

    return structure


def _each(
    items: Iterable[tuple[int | str, object]], item: Any, target: Any, converter: Converter
) -> tuple[list[int | str], list[object]]:
    """The items' names and structured values; all of their errors in one group, as cattrs groups them."""
    names: list[int | str] = []
    made: list[object] = []
    errors: list[Exception] = []
    for name, value in items:
        try:
            made.append(value if item is object else converter.structure(value, item))
            names.append(name)
        except Exception as error:  # noqa: BLE001 # regrouped below
            error.__notes__ = [*getattr(error, "__notes__", []), _note(name, item)]
            errors.append(error)
    if errors:
        raise _grouped(errors, target)
    return names, made


def _note(name: int | str, item: Any) -> IterableValidationNote:
    untyped: Any = IterableValidationNote
    note: IterableValidationNote = untyped("", name, item)
    return note


def _grouped(errors: list[Exception], target: Any) -> IterableValidationError:
    untyped: Any = IterableValidationError
    group: IterableValidationError = untyped("items", errors, target)
    return group


def _is_union(target: Any) -> bool:
    return get_origin(target) in {Union, types.UnionType}


def _union(target: Any, converter: Converter) -> Hook:
    """The first member that takes the value; where there is only one beside None, its complaint."""
    members = [member for member in get_args(target) if member is not type(None)]
    takes_none = len(members) < len(get_args(target))

    def structure(value: object, _: object) -> object:
        if value is None and takes_none:
            return None
        errors: list[Exception] = []
        for member in members:
            try:
                return converter.structure(value, member)
            except Exception as error:  # noqa: BLE001 # judged below
                errors.append(error)
        raise errors[0] if len(errors) == 1 else Mistyped(" or ".join(dict.fromkeys(_said(error) for error in errors)))

    return structure


def _attrs_class(target: Any, converter: Converter) -> Hook:
    inner = make_dict_structure_fn(target, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True)

    def structure(value: object, _: object) -> object:
        if isinstance(value, target):
            return value
        given = _parsed(value, "a table")
        if not isinstance(given, Mapping):
            raise Mistyped(expected("a table", given))
        return inner(cast("Mapping[str, object]", given), target)

    return structure


def _parsed(value: object, what: str) -> object:
    """An array or table of the environment is written as in TOML."""
    if not isinstance(value, Text):
        return value
    try:
        return toml_value(value.text)
    except ValueError:
        raise Mistyped(f"expected {what} as TOML writes it") from None


def _said(error: BaseException) -> str:
    match error:
        case Mistyped() | units.UnitError() | UnresolvedReference() | AionError():
            return str(error).removesuffix(".")
        case ValueError() | TypeError() if error.args and isinstance(error.args[0], str):
            return error.args[0]
        case _:
            return f"{type(error).__name__}: {error}"


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The problem with a key that nobody knows."""
    known = sorted(known)
    if near := difflib.get_close_matches(key.lower(), known, n=1):
        return f"unknown key (did you mean {near[0]!r}?)"
    return f"unknown key (known: {', '.join(known)})" if known else "unknown key (there are none here)"
