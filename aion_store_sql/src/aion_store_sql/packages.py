"""Packages of workflow code, and routes to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from aion_core.spi import Instant, PackageRecord, Route, Version
from aion_store_sql import schema
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Dialect, Row

_PACKAGE: Final = "version, deployed_at, types, manifest, archive_digest"
_types_of: Final = msgspec.json.Decoder(tuple[str, ...]).decode


class Packages:
    """The statements of packages for one database. All methods work within a session of the caller's."""

    def __init__(self, dialect: Dialect) -> None:
        """Compile them."""
        self._packages = dialect.upsert(
            schema.package, "version", "deployed_at", "types", "manifest", "archive", "archive_digest"
        )
        self._routes = dialect.upsert(schema.route, "workflow_type", "version")

    def put(self, session: Session, package: PackageRecord, route: Sequence[str]) -> None:
        """Keep a package and route these types to it. In a transaction."""
        types = msgspec.json.encode(package.types).decode()
        row = (
            package.version,
            package.deployed_at,
            types,
            package.manifest,
            package.archive,
            package.archive_digest,
        )
        session.put(self._packages, [row])
        self.put_routes(session, [Route(name, package.version) for name in route])

    @staticmethod
    def get(session: Session, version: Version) -> PackageRecord | None:
        """The package, or None."""
        row = session.row(f"SELECT {_PACKAGE}, archive FROM aion_package WHERE version = ?", version)
        return None if row is None else _package(row)

    @staticmethod
    def all(session: Session) -> list[PackageRecord]:
        """All packages, without their archives."""
        return [
            _package((*row, b""))
            for row in session.rows(f"SELECT {_PACKAGE} FROM aion_package ORDER BY deployed_at, version")
        ]

    @staticmethod
    def delete(session: Session, version: Version) -> None:
        """Remove one. In a transaction."""
        session.run("DELETE FROM aion_package WHERE version = ?", version)

    def put_routes(self, session: Session, routes: Sequence[Route]) -> None:
        """Point these types at these versions. In a transaction."""
        session.put(
            self._routes, list({route.workflow_type: (route.workflow_type, route.version) for route in routes}.values())
        )

    @staticmethod
    def routes(session: Session) -> list[Route]:
        """All of them."""
        rows = session.rows("SELECT workflow_type, version FROM aion_route ORDER BY workflow_type")
        return [Route(workflow_type, Version(version)) for workflow_type, version in rows]


def _package(row: Row) -> PackageRecord:
    version, deployed_at, types, manifest, digest, archive = row
    return PackageRecord(
        version=Version(version),
        types=_types_of(types),
        archive=archive,
        manifest=manifest,
        archive_digest=digest,
        deployed_at=Instant(deployed_at),
    )
