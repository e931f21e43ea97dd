"""What a file stands on: the kind of its file system, and how fast that keeps its promises."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = {
    *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.davfs2", "davfs"),
}
_SYNCS: Final = 5
_BLOCK: Final = 4096


def mounts() -> str:
    """The mounts of this process, as the kernel lists them. Empty where it lists none."""
    try:
        return _MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return ""


def file_system_of(path: Path, mounted: str) -> str | None:
    """The kind of file system that a resolved path is on; None where nothing says so."""
    found: tuple[int, str] | None = None
    for line in mounted.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, *_ = rest.split(" ", 1)
        where = Path(_plain(fields.split(" ")[4]))
        # The last one of the same place lies on top.
        if path.is_relative_to(where) and (found is None or len(where.parts) >= found[0]):
            found = (len(where.parts), kind)
    return found[1] if found else None


def is_shared(file_system: str) -> bool:
    """Whether other machines may have it, too: no locks to rely on, and no memory in common."""
    return file_system in _NETWORK


def sync_seconds(directory: Path, clock: Callable[[], float]) -> float:
    """How long a write takes here until it is on the disk: the middle one of a few. Raises OSError."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=directory) as scratch:
        block = b"\0" * _BLOCK
        for _ in range(_SYNCS + 1):
            began = clock()
            os.pwrite(scratch.fileno(), block, 0)
            os.fsync(scratch.fileno())
            took.append(clock() - began)
    return median(took[1:])  # the first one made the file


def _plain(escaped: str) -> str:
    """A mount's place, in which the kernel writes blanks and the like as octal numbers."""
    head, *rest = escaped.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)
