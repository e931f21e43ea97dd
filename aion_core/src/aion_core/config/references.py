"""Secrets by reference: `{ env = "NAME" }`, `{ file = "path" }`, and whatever an extension resolves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from aion_core.config.units import shown
from aion_core.model.settings import HIDDEN, Secret

Resolver: TypeAlias = Callable[[Mapping[str, object]], object]
"""`aion_resolve_secret`: the text or `Secret` that a reference means, or None when nobody knows it."""

_LARGEST_FILE: Final = 1024 * 1024  # no secret is longer; a device has no end
_SHORTEST: Final = 4
"""A shorter text hides nothing, and would blot out innocent words."""


class UnresolvedReference(ValueError):
    """A reference can not be resolved; the message is the rest of a sentence."""


class References:
    """Resolves the references of one configuration, and blots out what they gave from every text."""

    def __init__(self, *, environ: Mapping[str, str], folder: Path, resolver: Resolver | None = None) -> None:
        """`folder` is where relative files are meant from."""
        self._environ = environ
        self._folder = folder
        self._seen: set[str] = set()
        self.resolver = resolver

    def resolve(self, reference: Mapping[str, object]) -> Secret:
        """The secret that a reference means."""
        if len(reference) != 1:
            raise UnresolvedReference('expected a string or a reference with one key, like { env = "NAME" }')
        ((kind, argument),) = reference.items()
        match kind, argument:
            case "env", str():
                return self.keep(self._from_environment(argument))
            case "file", str():
                return self.keep(self._from_file(argument))
            case "env" | "file", _:
                raise UnresolvedReference(f"expected a string in {{ {kind} = … }}")
            case _:
                return self.keep(self._from_extension(reference, kind))

    def keep(self, text: str) -> Secret:
        """A secret of this text, which `blotted` knows from now on."""
        if len(text) >= _SHORTEST:
            self._seen.add(text)
        return Secret(text)

    def blotted(self, text: str) -> str:
        """The text without any secret that was seen."""
        for secret in sorted(self._seen, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _from_environment(self, name: str) -> str:
        value = self._environ.get(name)
        if value is None:
            raise UnresolvedReference(f"the environment variable {name} is not set")
        if not value:
            raise UnresolvedReference(f"the environment variable {name} is empty")
        return value

    def _from_file(self, name: str) -> str:
        file = self._folder / name
        try:
            with file.open("rb") as opened:
                text = opened.read(_LARGEST_FILE).decode().removesuffix("\n").removesuffix("\r")
        except FileNotFoundError:
            raise UnresolvedReference(f"there is no file {file}") from None
        except UnicodeDecodeError:
            raise UnresolvedReference(f"the file {file} is not UTF-8") from None
        except OSError as error:
            raise UnresolvedReference(f"the file {file} can not be read: {error.strerror or error}") from None
        except ValueError:
            raise UnresolvedReference(f"{shown(name)} is not the name of a file") from None
        if not text:
            raise UnresolvedReference(f"the file {file} is empty")
        return text

    def _from_extension(self, reference: Mapping[str, object], kind: str) -> str:
        try:
            found = self.resolver(reference) if self.resolver else None
        except Exception as error:
            raise UnresolvedReference(f"the reference {{ {kind} = … }} could not be resolved: {error}") from error
        match found:
            case Secret():
                return found.reveal()
            case str():
                return found
            case None:
                raise UnresolvedReference(
                    f"nobody resolves a reference {{ {kind} = … }}: the core knows env and file, "
                    "extensions in [plugins] enabled may know others"
                )
            case _:
                given = type(found).__name__
                raise UnresolvedReference(f"the reference {{ {kind} = … }} was resolved to a {given}, not to text")
