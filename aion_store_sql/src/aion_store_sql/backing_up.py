"""Backups: of a file by SQLite's own means, while an engine writes it; of a server's database by its own program."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from aion_core.spi import Backup, StoreRefused, StoreUnavailable

INBOX: Final = "-inbox"
"""Behind the name of a file: the file in which other processes leave their messages."""
_PAGES: Final = 4096
_TEMPORARY: Final = "-partial"


@frozen(kw_only=True)
class Dump:
    """How a server's database is written to a file by its own program."""

    program: str
    arguments: Sequence[str]
    """With the target as their last part, and without the password."""
    password: tuple[str, str] | None
    """The variable in which the program looks for it, and its value."""

    @property
    def command(self) -> str:
        """As one writes it in a shell."""
        return shlex.join([self.program, *self.arguments])


def backup_file(path: Path, target: Path, *, force: bool) -> Backup:
    """The messages of other processes first: one that is taken over meanwhile is in both copies, which is harmless."""
    inbox, inbox_copy = path.with_name(path.name + INBOX), target.with_name(target.name + INBOX)
    _refuse_existing([target, inbox_copy], force=force)
    files = [str(target)]
    if inbox.exists() and _rows_of(inbox):
        copy_file(inbox, inbox_copy)
        files.insert(0, str(inbox_copy))
    else:
        inbox_copy.unlink(missing_ok=True)  # of a backup that this one replaces
    rows = copy_file(path, target)
    return Backup(files=files, rows=rows)


def _rows_of(path: Path) -> int:
    try:
        with _reading(path) as database:
            return sum(count_rows(database).values())
    except sqlite3.DatabaseError as error:
        raise _translated(path, error) from error


def copy_file(source: Path, target: Path) -> int:
    """A database as of one moment, verified before it gets its name; its rows."""
    partial = target.with_name(target.name + _TEMPORARY)
    try:
        with _reading(source) as original:
            # The transaction holds the moment still: copying does not begin anew whenever an engine commits.
            original.execute("BEGIN")
            expected = count_rows(original)
            partial.unlink(missing_ok=True)
            with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
                original.backup(copy, pages=_PAGES, sleep=0.0)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, whatever the original is made of
                verify(copy, partial, expected)
        put_in_place(partial, target)
    except sqlite3.DatabaseError as error:
        raise _translated(source, error) from error
    except OSError as error:
        raise StoreUnavailable(f"{target} can not be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return sum(expected.values())


def verify(database: sqlite3.Connection, path: Path, expected: dict[str, int] | None = None) -> None:
    """Refuse a file that SQLite finds damaged, or that has not the rows it should."""
    found = [row[0] for row in database.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise StoreRefused(f"{path} is damaged: {found[0]}. See:  aion store check")
    if expected is not None and count_rows(database) != expected:
        raise StoreRefused(f"{path} has not the rows that were copied: the disk does not keep what it is given.")


def count_rows(database: sqlite3.Connection) -> dict[str, int]:
    """The rows of every table."""
    tables = [
        row[0]
        for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}


def put_in_place(partial: Path, target: Path) -> None:
    """Durable, then under its name in one step, then that, too."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _reading(path: Path) -> Generator[sqlite3.Connection, None, None]:
    """Never writes, and so never copies the log into the file, which is the engine's to do."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA busy_timeout = 5000")
        yield connection


def _refuse_existing(paths: Sequence[Path], *, force: bool) -> None:
    for path in paths:
        if not path.parent.is_dir():
            raise StoreRefused(f"{path.parent} is no directory: make it, or name another place for the backup.")
        if path.exists() and not force:
            raise StoreRefused(f"{path} is there already: name another place, or replace it with --force.")


def _translated(source: Path, error: sqlite3.DatabaseError) -> Exception:
    if isinstance(error, sqlite3.OperationalError):
        return StoreUnavailable(f"{source} can not be copied now: {error}.")
    return StoreRefused(f"{source} can not be copied: {error}. See:  aion store check")


# ---- servers


def backup_server(dump: Dump, target: Path, *, force: bool, run: bool) -> Backup:
    """Say what to run; with `run`, run it."""
    if not run:
        return Backup(command=dump.command)
    _refuse_existing([target], force=force)
    program = shutil.which(dump.program)
    if program is None:
        raise StoreRefused(f"{dump.program} is not on the PATH: install it, or run this where it is:  {dump.command}")
    partial = target.with_name(target.name + _TEMPORARY)
    arguments = [each.replace(str(target), str(partial)) for each in dump.arguments]
    secret = dict([dump.password]) if dump.password else {}
    try:
        done = subprocess.run(  # noqa: S603 # the database's own program, with arguments of our own
            [program, *arguments], env={**os.environ, **secret}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StoreUnavailable(f"{dump.program} has failed: {_last_line(done.stderr)}")
        put_in_place(partial, target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return Backup(command=dump.command, files=[str(target)])


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing."])[-1]
