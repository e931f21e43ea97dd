import sqlite3

import pytest
from tests.databases import postgresql
from tests.store_sql.finding import FindingCases

from aion_core.spi import And, Comparison, Operator, Or, Order, Query, StartsWith
from aion_store_sql import SqlSettings, SqlVisibilityStore, database, finding
from aion_testkit.builders import summary
from aion_testkit.visibility.samples import AMOUNT, CUSTOMER


class TestSqlite(FindingCases):
    @pytest.fixture
    def section(self, tmp_path):
        return {"url": f"sqlite:///{tmp_path}/aion.db"}


class TestPostgresql(FindingCases):
    @pytest.fixture
    def section(self, place_in):
        return place_in(postgresql())


ACME = Comparison(CUSTOMER, Operator.EQ, "acme")
RICH = Comparison(AMOUNT, Operator.GT, 5)


@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(ACME),
        Query(RICH),
        Query(StartsWith(CUSTOMER, "ac")),
        Query(And((RICH, ACME))),
        Query(Or((RICH, ACME))),
        Query(ACME, Order(AMOUNT)),
        Query(order=Order(AMOUNT)),
        Query(order=Order(CUSTOMER, descending=False)),
    ],
    ids=str,
)
def test_sqlite_goes_through_an_index_or_to_one_run(tmp_path, monkeypatch, query, few):
    path = tmp_path / "aion.db"
    monkeypatch.setattr(finding, "_FEW", few)
    asked = []
    rows = database.Session.rows
    monkeypatch.setattr(database.Session, "rows", lambda *call: asked.append(call[1:]) or rows(*call))
    with SqlVisibilityStore(SqlSettings(url=f"sqlite:///{path}")) as store:
        store.record([summary(f"w-{n}", number=n, attributes={"amount": n, "customer": "acme"}) for n in range(1, 9)])
        asked.clear()
        store.list(query, after=store.list(query, limit=2).next, limit=2)
    with sqlite3.connect(path) as connection:
        plans = [row[3] for sql, *values in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    slow = [plan for plan in plans if plan.startswith("SCAN v") and "USING INDEX" not in plan]
    slow += [plan for plan in plans if plan.startswith("SEARCH a ") and "workflow_id=?" not in plan]
    if few and query.where == ACME:
        slow += [plan for plan in plans if plan.startswith("SEARCH o ") and "workflow_id=?" not in plan]
    slow += [plan for plan in plans if plan.startswith(("SCAN f", "SCAN o", "SCAN a"))]
    slow += [plan for plan in plans if plan == "USE TEMP B-TREE FOR ORDER BY" and few == 0]
    assert (len(asked) > 1, slow) == (True, [])
