"""What may be on the disk when the power has failed in the middle of a recording."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field
from tests.store_sql.power.recording import Name, Operation, Sync, SyncNames, Truncate, Write

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""
_SHARES = (0.0, 0.1, 0.5, 0.5, 0.9, 1.0)
_TORN = 0.2


@define
class _File:
    """What of a file is safe, and what was done to it since."""

    safe: bytearray = field(factory=bytearray)
    since: list[Write | Truncate] = field(factory=list)


@define
class Disk:
    """What the operations of a recording do to a disk, one after the other, and to one that keeps only what it must."""

    done: int = 0
    """Operations."""
    _files: dict[int, _File] = field(factory=dict)
    _names: dict[str, list[int | None]] = field(factory=dict)
    """For what a name stands: what is safe, and every change since."""

    def go_on(self, operations: Sequence[Operation], until: int) -> None:
        """Do those that were not done yet, up to so many in all."""
        for operation in operations[self.done : until]:
            self._do(operation)
        self.done = until

    def fail(self, chance: random.Random, folder: Path) -> None:
        """Leave in this folder what may be there when the power fails now."""
        share = chance.choice(_SHARES)  # of what was not synced: also all or nothing of it
        for name, meanings in self._names.items():
            number = meanings[0] if chance.random() >= share else chance.choice(meanings)
            if number is not None:
                self._leave(self._files[number], share, chance, folder / name)
        if chance.random() < 0.5:
            # Memory that processes share is a file, too, and what of it reaches the disk has no meaning.
            (folder / "aion.db-shm").write_bytes(chance.randbytes(32768))

    def _do(self, operation: Operation) -> None:
        match operation:
            case Write(number) | Truncate(number):
                self._files[number].since.append(operation)
            case Sync(number):
                file = self._files[number]
                for each in file.since:
                    _apply(each, file.safe)
                file.since.clear()
            case Name(name, number):
                self._names.setdefault(name, [None]).append(number)
                if number is not None:
                    self._files.setdefault(number, _File())
            case SyncNames():
                for meanings in self._names.values():
                    del meanings[:-1]

    def _leave(self, file: _File, share: float, chance: random.Random, path: Path) -> None:
        content = bytearray(file.safe)
        for operation in file.since:
            if chance.random() >= share:
                continue
            if isinstance(operation, Write) and chance.random() < _TORN:
                for part in _sectors(operation):
                    if chance.random() < 0.5:
                        _apply(part, content)
            else:
                _apply(operation, content)
        path.write_bytes(content)


def _apply(operation: Write | Truncate, content: bytearray) -> None:
    if isinstance(operation, Truncate):
        size = operation.size
        del content[size:]
        content.extend(bytes(size - len(content)))
        return
    end = operation.offset + len(operation.content)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[operation.offset : end] = operation.content


def _sectors(write: Write) -> list[Write]:
    """What of a write is in each sector that it meets."""
    parts = []
    at, end = write.offset, write.offset + len(write.content)
    while at < end:
        to = min(end, (at // SECTOR + 1) * SECTOR)
        parts.append(Write(write.file, at, write.content[at - write.offset : to - write.offset]))
        at = to
    return parts
