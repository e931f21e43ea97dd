"""The queries that the guide to databases shows for servers find what they say, on a server."""

import re
from pathlib import Path

import pytest
from tests.databases import SERVERS
from tests.store_sql.databases import database

import aion_core as aion
from aion_store_sql import SqlEventStore

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "databases.md"
SHOWN = dict(
    re.findall(r"^```sql\n-- (PostgreSQL|MariaDB)\b.*?\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
)


@aion.workflow
async def checkout(order: str) -> str:
    return order


@pytest.mark.parametrize("name", SHOWN)
def test_the_query_of_the_guide_tells_the_events_of_a_workflow(name, tmp_path):
    place = database(name.lower(), tmp_path)
    section = {"use": "sql", "url": place.settings.url, "prefix": place.settings.prefix}
    with aion.Engine.open({"event_store": section}, workflows=[checkout]) as engine:
        engine.run(checkout, "43", id="order-43")
    with SqlEventStore(place.settings) as store:
        rows = store._read(lambda session: session.rows(SHOWN[name]))
    assert [(int(seq), type_) for seq, _, type_ in rows] == [(1, "workflow.started/1"), (2, "workflow.completed/1")]


def test_the_guide_has_a_query_for_every_kind_of_server():
    assert {name.lower() for name in SHOWN} == set(SERVERS)
