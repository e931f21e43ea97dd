"""The schema: made, migrated and refused; whatever interrupts it."""

import threading
from functools import partial
from pathlib import Path

import pytest
from tests.databases import postgresql
from tests.store_sql.databases import KINDS, database

from aion_core.platform import SYSTEM
from aion_core.spi import EngineId, EngineInfo, StoreRefused
from aion_store_sql import Migrate, choosing, places, schema
from aion_store_sql.dialects.mysql import Mysql
from aion_store_sql.dialects.postgresql import Postgresql
from aion_store_sql.dialects.sqlite import Sqlite
from aion_store_sql.migrations import MIGRATIONS, SqlMigration
from aion_store_sql.migrations.migrating import Migrator
from aion_store_sql.settings import SqlSettings
from aion_testkit.builders import start_commit

GOLDEN = Path(__file__).with_name("golden")

SECOND = SqlMigration(
    2,
    "a note for every workflow",
    lambda dialect, cursor: (
        "ALTER TABLE aion_workflow ADD COLUMN note VARCHAR(20)"
        if dialect.name == "mysql"
        else "ALTER TABLE aion_workflow ADD COLUMN note TEXT",
        "CREATE INDEX aion_workflow_drained ON aion_workflow (drained_seq)",
        # Done twice it would show: a change of rows must not be repeated.
        "UPDATE aion_shard SET feed_floor = feed_floor + 1",
        "UPDATE aion_workflow SET note = 'from before'",
    ),
)


@pytest.fixture(params=KINDS)
def db(request, tmp_path):
    return database(request.param, tmp_path)


@pytest.fixture
def later(monkeypatch):
    """From here on programs know a second schema."""

    def begin():
        monkeypatch.setattr(places, "Migrator", partial(Migrator, migrations=(*MIGRATIONS, SECOND)))

    return begin


def said(store, sql, *values):
    return list(store._read(lambda session: session.rows(sql, *values)))


def meta(store):
    return dict(said(store, "SELECT name, value FROM aion_meta"))


def filled(db):
    """A store of schema 1 with a workflow."""
    with db.store() as store:
        table = store.lease(EngineInfo(engine_id=EngineId("e1")), store.shards, 60.0)
        store.append([start_commit("order-1", fence=table.mine[0].fence)])
        return meta(store)["store_id"]


# ---- at open


def test_a_new_store_has_the_newest_schema_and_nothing_waits(db):
    with db.store() as store:
        assert meta(store)["schema"] == "1"
    assert db.store().pending() == []


def test_an_older_store_is_migrated_at_open_and_keeps_what_it_has(db, later):
    store_id = filled(db)
    later()
    with db.store() as store:
        assert meta(store) == {"schema": "2", "store_id": store_id, "shards": "64"}
        assert said(store, "SELECT workflow_id, note FROM aion_workflow") == [("order-1", "from before")]


def test_a_store_is_not_migrated_twice(db, later):
    filled(db)
    later()
    for _ in range(2):
        with db.store() as store:
            assert said(store, "SELECT DISTINCT feed_floor FROM aion_shard") == [(1,)]


def test_a_newer_store_is_refused_with_both_numbers_and_what_to_do(db, later, monkeypatch):
    later()
    db.store().migrate()
    monkeypatch.undo()
    with pytest.raises(StoreRefused, match=r"has schema 2.*knows schemas up to 1.*Install that version"):
        db.store().open()


def test_a_newer_store_is_not_migrated_down(db, later, monkeypatch):
    later()
    db.store().migrate()
    monkeypatch.undo()
    with pytest.raises(StoreRefused, match="has schema 2"):
        db.store().migrate()


def test_a_store_that_somebody_migrates_by_hand_is_refused_at_open_and_the_command_is_named(db, later):
    filled(db)
    later()
    with pytest.raises(StoreRefused, match=r"(?s)has schema 1, this program needs schema 2.*aion store migrate"):
        db.store(migrate=Migrate.MANUAL).open()


def test_an_empty_database_that_somebody_migrates_by_hand_stays_empty(db):
    with pytest.raises(StoreRefused, match="has no tables yet"):
        db.store(migrate=Migrate.MANUAL).open()
    assert [migration.number for migration in db.store().pending()] == [1]


def test_a_store_that_was_migrated_by_hand_opens(db):
    db.store().migrate()
    with db.store(migrate=Migrate.MANUAL) as store:
        assert store.shards == 64


# ---- by hand


def test_what_waits_is_told_with_its_statements_and_is_not_done(db, later):
    filled(db)
    later()
    (waiting,) = db.store().pending()
    assert (waiting.number, waiting.title) == (2, "a note for every workflow")
    assert f"UPDATE {db.table('shard')} SET feed_floor = feed_floor + 1" in waiting.statements  # noqa: S608 # a name of ours
    assert len(db.store().pending()) == 1


def test_statements_name_the_tables_of_the_prefix(db):
    (first,) = db.store(prefix="shop_").pending()
    assert not [statement for statement in first.statements if "aion_" in statement.replace("application_id", "")]
    assert first.statements[0].startswith("CREATE TABLE shop_meta")


def test_migrating_tells_what_was_done_and_the_second_time_nothing(db, later):
    filled(db)
    later()
    assert [migration.number for migration in db.store().migrate()] == [2]
    assert db.store().migrate() == []


def test_of_two_that_migrate_at_once_one_does_it(db, later):
    filled(db)
    later()
    done = []
    both = threading.Barrier(2)

    def migrate():
        store = db.store()
        both.wait()
        done.append([migration.number for migration in store.migrate()])

    threads = [threading.Thread(target=migrate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [[], [2]]


# ---- interrupted


def test_of_several_that_open_an_empty_database_at_once_all_find_the_same_store(db):
    found = []
    everybody = threading.Barrier(4)

    def find():
        with_store = db.store()
        everybody.wait()
        with with_store as store:
            found.append(store.store_id)

    threads = [threading.Thread(target=find) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({*found}) == 1


def test_a_table_that_another_process_makes_meanwhile_is_there_for_who_found_none_before(place_in):
    """As when several processes open an empty database at once, and all but one wait for the lock of the schema."""
    database = postgresql()
    settings = SqlSettings(**{**place_in(database), "prefix": "twice_"})
    dialect = Postgresql(settings)
    here, there = dialect.engine().raw_connection(), dialect.engine().raw_connection()
    looks, makes = here.cursor(), there.cursor()
    looks.execute(dialect.begin)
    assert not dialect.has_table(looks, schema.meta)
    makes.execute("CREATE TABLE twice_meta ()")
    try:
        assert dialect.has_table(looks, schema.meta)
    finally:
        looks.execute("ROLLBACK")
        makes.execute("DROP TABLE twice_meta")
        for connection in (here, there):
            connection.invalidate()
            connection.close()


class Interrupted(BaseException):
    """The process ends here."""


class Interrupting(Migrator):
    """Ends at its k-th place: places are before and after every statement and every note."""

    def __init__(self, *args, ends_at, **kwargs):
        super().__init__(*args, **kwargs)
        self.left = ends_at

    def come_by(self):
        self.left -= 1
        if self.left < 0:
            raise Interrupted

    def _execute(self, session, statement, *, again):
        self.come_by()
        super()._execute(session, statement, again=again)
        self.come_by()

    def _note(self, session, values):
        self.come_by()
        super()._note(session, values)
        self.come_by()


@pytest.mark.parametrize("known", [False, True], ids=["a new store", "a store of schema 1"])
def test_a_migration_that_is_interrupted_at_any_step_goes_on_where_it_was(db, later, monkeypatch, known):
    if known:
        filled(db)
    ends_at = 0
    while True:
        interrupting = partial(Interrupting, migrations=(*MIGRATIONS, SECOND), ends_at=ends_at)
        monkeypatch.setattr(places, "Migrator", interrupting)
        try:
            db.store().migrate()
            break
        except Interrupted:
            ends_at += 1  # the next life comes further, whether this one has left something or not
    later()
    with db.store() as store:
        assert "schema_step" not in meta(store)
        assert said(store, "SELECT note FROM aion_workflow") == [("from before",)] * known
        # A new store has no shards yet when their rows are changed.
        assert said(store, "SELECT DISTINCT feed_floor FROM aion_shard") == [(int(known),)]


# ---- golden


class Server:
    """A cursor that knows its server's version."""

    def __init__(self, version):
        self.version = version

    def execute(self, statement):
        assert statement == "SELECT VERSION()"

    def fetchone(self):
        return (self.version,)


@pytest.mark.parametrize(
    ("name", "dialect", "cursor"),
    [
        ("sqlite", Sqlite, None),
        ("postgresql", Postgresql, None),
        ("mariadb", Mysql, Server("10.11.2-MariaDB")),
        ("mysql", Mysql, Server("8.4.0")),
    ],
)
def test_the_statements_of_schema_1_are_those_of_the_golden_file(name, dialect, cursor):
    """Before the first release the file follows `schema.py`; from then on nothing may change it."""
    statements = MIGRATIONS[0].steps(dialect(SqlSettings()), cursor)
    text = "".join(f"{statement};\n\n" for statement in statements)
    golden = GOLDEN / f"schema-1.{name}.sql"
    assert text == golden.read_text(), f"{golden.name} has other statements"


def test_migrations_are_numbered_without_gaps():
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_the_platform_is_not_needed_to_tell_what_waits(db):
    assert choosing.place_of(db.settings, SYSTEM).migrator.newest == MIGRATIONS[-1].number
