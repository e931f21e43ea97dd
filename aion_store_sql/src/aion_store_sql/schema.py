"""The tables, as SQLAlchemy knows them: what migrations create, and what statements are written for."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

PREFIX: Final = "aion_"
"""Statements are written for tables of this prefix; another one replaces it when they are compiled."""
TEXT_START: Final = 128
"""Characters of a text attribute that its index holds. The whole text has no room in one of PostgreSQL or MySQL."""

_MYSQL: Final = ("mysql", "mariadb")


def _type(base: Any, *, postgresql: Any = None, mysql_: Any = None, sqlite: Any = None) -> Any:
    if postgresql is not None:
        base = base.with_variant(postgresql, "postgresql")
    if mysql_ is not None:
        base = base.with_variant(mysql_, *_MYSQL)
    if sqlite is not None:
        base = base.with_variant(sqlite, "sqlite")
    return base


# Text is compared by code point everywhere: SQLite does, PostgreSQL's "C" does, and the tables of MariaDB and MySQL
# are made with a binary collation that does not pad.
ID: Final = _type(sa.Text(), postgresql=sa.Text(collation="C"), mysql_=mysql.VARCHAR(255))
SHORT: Final = _type(sa.Text(), postgresql=sa.Text(collation="C"), mysql_=mysql.VARCHAR(128))
"""Words and run ids: what keys of several columns have room for in MySQL."""
TEXT: Final = _type(sa.Text(), postgresql=sa.Text(collation="C"), mysql_=mysql.LONGTEXT())
INT: Final = _type(sa.BigInteger(), sqlite=sa.Integer())
BYTES: Final = _type(sa.LargeBinary(), mysql_=mysql.LONGBLOB())
FLOAT: Final = _type(sa.Double(), sqlite=sa.REAL())

metadata: Final = sa.MetaData()


def _table(name: str, *parts: Any) -> sa.Table:
    return sa.Table(PREFIX + name, metadata, *parts, sqlite_strict=True, mysql_engine="InnoDB")


def _id(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, ID, nullable=False, **options)


def _text(name: str) -> sa.Column[str]:
    """A text that a statement may leave out. Not a long one: MySQL gives those no default."""
    return sa.Column(name, ID, nullable=False, server_default="")


def _short(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, SHORT, nullable=False, server_default="", **options)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, INT, nullable=False, server_default=sa.text("0"))


def _where_present(name: str, column: str, *columns: str) -> sa.Index:
    """An index of the rows that have a value in this column; in MySQL of all rows."""
    present = sa.text(f"{column} IS NOT NULL")
    return sa.Index(name, *columns, postgresql_where=present, sqlite_where=present)


meta = _table("meta", _id("name", primary_key=True), sa.Column("value", TEXT, nullable=False))

shard = _table(
    "shard",
    sa.Column("shard", INT, primary_key=True, autoincrement=False),
    _int("epoch"),
    sa.Column("owner", ID),
    _int("lease_until"),
    _int("feed_floor"),
)

engine = _table(
    "engine",
    _id("engine_id", primary_key=True),
    sa.Column("info", TEXT, nullable=False),
    _int("lease_until"),
)

workflow = _table(
    "workflow",
    _id("workflow_id", primary_key=True),
    _int("shard"),
    _int("head"),
    _int("floor"),
    _short("run_id"),
    _short("status"),
    _text("type"),
    _int("run_start"),
    _int("drained_seq"),
    sa.Column("start_hash", ID),
    sa.Column("next_wake", INT),
    sa.Column("open", BYTES),
    _short("op_id"),
    sa.Column("summary", TEXT),
    sa.Index("aion_workflow_wake", "next_wake", "workflow_id"),
    sa.Index("aion_workflow_status", "status", "workflow_id"),
)

run = _table(
    "run",
    _id("workflow_id", primary_key=True),
    _short("run_id", primary_key=True),
    _int("first_seq"),
    sa.Column("last_seq", INT),
    sa.Column("previous_run", ID),
    sa.Column("summary", TEXT, nullable=False),
    sa.Index("aion_run_order", "workflow_id", "first_seq"),
)

history = _table(
    "history",
    _id("workflow_id", primary_key=True),
    sa.Column("last_seq", INT, primary_key=True, autoincrement=False),
    _int("first_seq"),
    _int("shard"),
    _int("n"),
    _short("run_id"),
    _short("op_id"),
    _short("codec"),
    _int("crc"),
    _int("blobs"),
    sa.Column("body", TEXT),
    sa.Column("bytes", BYTES),
    sa.Index("aion_history_feed", "shard", "n", unique=True),
)

blob = _table(
    "blob",
    _id("workflow_id", primary_key=True),
    _short("op_id", primary_key=True),
    sa.Column("number", INT, primary_key=True, autoincrement=False),
    sa.Column("body", BYTES, nullable=False),
)

inbox = _table(
    "inbox",
    _id("workflow_id", primary_key=True),
    _id("message_id", primary_key=True),
    _int("shard"),
    _int("place"),
    _text("poster"),
    _int("n"),
    _short("kind"),
    sa.Column("run_id", ID),
    sa.Column("body", BYTES, nullable=False),
    _int("posted_at"),
    sa.Index("aion_inbox_place", "place", "poster", "n", "message_id"),
    sa.Index("aion_inbox_poster", "workflow_id", "poster", "n"),
)

outcome = _table(
    "outcome",
    _id("workflow_id", primary_key=True),
    _id("message_id", primary_key=True),
    _int("shard"),
    _short("kind"),
    sa.Column("body", BYTES, nullable=False),
    _int("expires_at"),
    sa.Index("aion_outcome_expiry", "expires_at"),
)

package = _table(
    "package",
    _id("version", primary_key=True),
    _int("deployed_at"),
    sa.Column("types", TEXT, nullable=False),
    sa.Column("manifest", BYTES, nullable=False),
    sa.Column("archive", BYTES, nullable=False),
    _text("archive_digest"),
)

route = _table("route", _id("workflow_type", primary_key=True), _text("version"))

visible = _table(
    "visible",
    _id("workflow_id", primary_key=True),
    _short("run_id", primary_key=True),
    _text("type"),
    _short("status"),
    _int("started"),
    sa.Column("closed", INT),
    _text("version"),
    sa.Column("parent", ID),
    sa.Column("schedule", ID),
    sa.Column("blocked_reason", TEXT),
    sa.Column("summary", TEXT, nullable=False),
    sa.Index("aion_visible_started", "started", "run_id"),
    sa.Index("aion_visible_status", "status", "started", "run_id"),
    sa.Index("aion_visible_type", "type", "started", "run_id"),
    sa.Index("aion_visible_closed", "closed", "run_id"),
    _where_present("aion_visible_parent", "parent", "parent", "started", "run_id"),
    _where_present("aion_visible_schedule", "schedule", "schedule", "started", "run_id"),
)

attribute = _table(
    "attribute",
    _id("workflow_id", primary_key=True),
    _short("run_id", primary_key=True),
    sa.Column("name", ID, primary_key=True),
    sa.Column("number", INT, primary_key=True, autoincrement=False),
    sa.Column("text_start", SHORT),
    sa.Column("as_text", TEXT),
    sa.Column("as_int", INT),
    sa.Column("as_float", FLOAT),
    *(
        _where_present(f"aion_attribute_{value}", value, "name", value, "run_id", "workflow_id")
        for value in ("text_start", "as_int", "as_float")
    ),
)
