"""A file system of a few megabytes, which a test can fill."""

import errno
import os
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_CHUNK = 64 * 1024


class SmallDisk:
    """A folder with only so much room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """To the last byte."""
        with self._ballast.open("ab", buffering=0) as ballast:
            size = _CHUNK
            while size:
                try:
                    size = size if ballast.write(bytes(size)) == size else size // 2
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    size //= 2

    def give(self, size: int) -> None:
        """So many bytes of room."""
        os.truncate(self._ballast, self._ballast.stat().st_size - size)

    def make_room(self) -> None:
        """What filled it goes."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int):
    """Mounted there. Where nothing may be mounted the test is told as not run."""
    folder.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"not run: no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"not run: no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        with suppress(OSError):
            os.sync()
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)
