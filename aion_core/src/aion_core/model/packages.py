"""Packages of workflow code as a store keeps them, and the routes that say which one new runs get."""

from __future__ import annotations

import hashlib

import msgspec

from aion_core.model.errors import InvalidPackage
from aion_core.model.ids import Version, package_version
from aion_core.model.times import Instant


class PackageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One deployed package. A store takes archive and manifest as bytes and never looks inside."""

    version: Version
    types: tuple[str, ...]
    """The workflow types it provides."""
    archive: bytes
    manifest: bytes
    archive_digest: str
    """SHA-256 of `archive`: the version itself is computed over the unpacked content."""
    deployed_at: Instant


class Route(msgspec.Struct, frozen=True, gc=False):
    """New runs of `workflow_type` get `version`. The version need not be deployed yet."""

    workflow_type: str
    version: Version


def check_package(record: PackageRecord) -> PackageRecord:
    """Refuse a record that contradicts itself, before a store keeps it."""
    package_version(record.version)
    if not record.types:
        raise InvalidPackage(
            f"package {record.version[:12]} provides no workflow type: there is nothing to route to it."
        )
    if not all(record.types):
        raise InvalidPackage(f"package {record.version[:12]} names a workflow type that is empty.")
    if len(set(record.types)) != len(record.types):
        raise InvalidPackage(f"package {record.version[:12]} names a workflow type twice: {', '.join(record.types)}.")
    digest = hashlib.sha256(record.archive).hexdigest()
    if digest != record.archive_digest:
        raise InvalidPackage(
            f"the archive of package {record.version[:12]} hashes to {digest[:12]} and was recorded as "
            f"{record.archive_digest[:12]}: its bytes were changed on the way. Build and deploy it again."
        )
    return record
