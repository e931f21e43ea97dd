"""What SQLite does to its files, in order: a layer between the SQLite of this Python and the operating system.

SQLite lets a program put a file system of its own ("VFS") under every connection. This one is SQLite's own, with
some of its functions replaced by ones that write down what was asked before they do it. It is reached by ctypes in the
library that the module `sqlite3` uses, so that what is recorded is what the store does with its own driver, and not
what another build of SQLite would do under an imitation of that driver.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import define, field, frozen

# ---- what is recorded


@frozen
class Write:
    """Bytes of a file. Files are numbered: a name may stand for one after the other."""

    file: int
    offset: int
    content: bytes


@frozen
class Truncate:
    """A file gets a new length."""

    file: int
    size: int


@frozen
class Sync:
    """What was written to a file is safe."""

    file: int


@frozen
class Name:
    """A name stands for a file that is new, or for none any more."""

    name: str
    file: int | None


@frozen
class SyncNames:
    """What was done to the names in the folder is safe."""


Operation: TypeAlias = Write | Truncate | Sync | Name | SyncNames


@define
class Recording:
    """What was done in one folder since it was empty."""

    folder: Path
    operations: list[Operation] = field(factory=list)
    _names: dict[str, int] = field(factory=dict)
    _files: int = 0

    def __len__(self) -> int:
        return len(self.operations)

    def note(self, operation: Operation) -> None:
        self.operations.append(operation)

    def opened(self, path: Path) -> int:
        """The number of a file, which is made if nothing had its name."""
        number = self._names.get(path.name)
        if number is None:
            number = self._names[path.name] = self._files
            self._files += 1
            self.note(Name(path.name, number))
        return number

    def deleted(self, path: Path) -> None:
        if self._names.pop(path.name, None) is not None:
            self.note(Name(path.name, None))


# ---- as SQLite has it in its header

_Path = ctypes.c_void_p  # of `char *`: SQLite finds parameters behind the end of a name, so it is handed on as it came
_Open = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, _Path, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, _Path, ctypes.c_int)
_SetSystemCall = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_GetSystemCall = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_OpenDirectory = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_Write = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


def _unused(*names: str) -> list[tuple[str, type[ctypes.c_void_p]]]:
    return [(name, ctypes.c_void_p) for name in names]


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`."""

    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        ("xOpen", _Open),
        ("xDelete", _Delete),
        *_unused("xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym", "xDlClose", "xRandomness", "xSleep"),
        *_unused("xCurrentTime", "xGetLastError", "xCurrentTimeInt64"),
        ("xSetSystemCall", _SetSystemCall),
        ("xGetSystemCall", _GetSystemCall),
        *_unused("xNextSystemCall"),
    )


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`."""

    _fields_ = (
        ("iVersion", ctypes.c_int),
        *_unused("xClose", "xRead"),
        ("xWrite", _Write),
        ("xTruncate", _Truncate),
        ("xSync", _Sync),
        *_unused("xFileSize", "xLock", "xUnlock", "xCheckReservedLock", "xFileControl", "xSectorSize"),
        *_unused("xDeviceCharacteristics", "xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap", "xFetch", "xUnfetch"),
    )


class _File(ctypes.Structure):
    """`sqlite3_file`."""

    _fields_ = (("pMethods", ctypes.POINTER(_Methods)),)


_layers: list[_Layer] = []
"""All of this process: a connection that was left open calls its layer until the end."""
_DIRECTORY_CALL = b"openDirectory"  # SQLite opens a folder only to sync it
_OK = 0


class _Layer:
    """The file system that SQLite is told of, while there is a recording."""

    def __init__(self, library: ctypes.CDLL, recording: Recording) -> None:
        self._library = library
        self._recording = recording
        self._real = library.sqlite3_vfs_find(None).contents
        self._files: dict[int, int] = {}
        self._methods: dict[int, tuple[_Methods, _Methods]] = {}
        self._kept: list[object] = []  # what C calls must not be collected
        self.vfs = _Vfs.from_buffer_copy(self._real)
        self.vfs.zName = b"aion-recording"
        self.vfs.xOpen = self._keep(_Open(self._open))
        self.vfs.xDelete = self._keep(_Delete(self._delete))
        self._real_directory = _OpenDirectory(self._real.xGetSystemCall(ctypes.addressof(self._real), _DIRECTORY_CALL))
        self._directory = self._keep(_OpenDirectory(self._open_directory))

    def begin(self) -> None:
        """Whoever opens a file from now on is recorded, if it is in the folder."""
        self._library.sqlite3_vfs_register(ctypes.byref(self.vfs), 1)
        self._set_directory_call(ctypes.cast(self._directory, ctypes.c_void_p))

    def end(self) -> None:
        self._set_directory_call(None)
        self._library.sqlite3_vfs_register(ctypes.byref(self._real), 1)
        self._library.sqlite3_vfs_unregister(ctypes.byref(self.vfs))

    def _set_directory_call(self, call: ctypes.c_void_p | None) -> None:
        self._real.xSetSystemCall(ctypes.addressof(self._real), _DIRECTORY_CALL, call)

    def _keep(self, each):
        self._kept.append(each)
        return each

    def _path(self, name: int | None) -> Path | None:
        """None of what is not in the folder, and of files without a name."""
        if not name:
            return None
        path = Path(ctypes.string_at(name).decode())
        return path if path.parent == self._recording.folder else None

    # ---- what SQLite calls

    def _open(self, _vfs, name, file, flags, out):
        result = self._real.xOpen(ctypes.addressof(self._real), name, file, flags, out)
        path = self._path(name)
        if result == _OK and path is not None:
            self._files[file] = self._recording.opened(path)
            opened = _File.from_address(file)
            opened.pMethods = ctypes.pointer(self._recorded(opened.pMethods.contents))
        return result

    def _recorded(self, real: _Methods) -> _Methods:
        address = ctypes.addressof(real)
        if address not in self._methods:
            ours = _Methods.from_buffer_copy(real)
            ours.xWrite = self._keep(_Write(self._write))
            ours.xTruncate = self._keep(_Truncate(self._truncate))
            ours.xSync = self._keep(_Sync(self._sync))
            self._methods[address] = (ours, real)
            self._methods[ctypes.addressof(ours)] = (ours, real)
        return self._methods[address][0]

    def _real_of(self, file: int) -> _Methods:
        return self._methods[ctypes.addressof(_File.from_address(file).pMethods.contents)][1]

    def _delete(self, _vfs, name, and_sync):
        path = self._path(name)
        if path is not None and path.exists():
            self._recording.deleted(path)
        return self._real.xDelete(ctypes.addressof(self._real), name, and_sync)

    def _write(self, file, content, amount, offset):
        self._recording.note(Write(self._files[file], offset, ctypes.string_at(content, amount)))
        return self._real_of(file).xWrite(file, content, amount, offset)

    def _truncate(self, file, size):
        self._recording.note(Truncate(self._files[file], size))
        return self._real_of(file).xTruncate(file, size)

    def _sync(self, file, flags):
        self._recording.note(Sync(self._files[file]))
        return self._real_of(file).xSync(file, flags)

    def _open_directory(self, name, descriptor):
        if Path(ctypes.string_at(name).decode()).parent == self._recording.folder:  # of a file in it
            self._recording.note(SyncNames())
        return self._real_directory(name, descriptor)


@contextmanager
def recording(folder: Path) -> Iterator[Recording]:
    """Record what SQLite does in an empty folder. Connections are opened and closed within."""
    layer = _Layer(_library(), found := Recording(folder.resolve()))
    _layers.append(layer)
    layer.begin()
    try:
        yield found
    finally:
        layer.end()


def _library() -> ctypes.CDLL:
    """Of the module `sqlite3`."""
    try:
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_libversion.restype = ctypes.c_char_p
        found = library.sqlite3_libversion().decode()
    except (AttributeError, OSError) as error:
        pytest.skip(f"not run: the SQLite of this Python can not be reached ({error})")
    assert found == sqlite3.sqlite_version
    library.sqlite3_vfs_find.argtypes = (ctypes.c_char_p,)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    library.sqlite3_vfs_register.argtypes = (ctypes.c_void_p, ctypes.c_int)
    library.sqlite3_vfs_unregister.argtypes = (ctypes.c_void_p,)
    return library
