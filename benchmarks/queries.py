"""The visibility query language: parsing and evaluating."""

from __future__ import annotations

from datetime import UTC, datetime

from aion_core.model.attributes import AttributeSchema
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.status import Status
from aion_core.model.summaries import Summary
from aion_core.model.times import Instant
from aion_core.visibility import matches, parse
from benchmarks.measure import report, timed

QUERIES = 10_000
TEXT = (
    "status = 'failed' and type in ('checkout', 'refund') and started > -2h and customer = 'acme' order by started desc"
)


def parser() -> None:
    """Parse the query of the documentation; evaluate it over a summary that it matches."""
    schema = AttributeSchema({"customer": "str"})
    now = Instant(1_700_000_000_000_000)
    where = parse(TEXT, schema=schema, now=now).where
    run = Summary(
        id=WorkflowId("order-42"),
        run_id=RunId("r"),
        type="refund",
        status=Status.FAILED,
        started=datetime(2026, 1, 1, tzinfo=UTC),
        version=Version("env:1"),
        attributes={"customer": "acme"},
    )
    if where is None or not matches(where, run):
        raise SystemExit("the sample run does not match the sample query")

    def parse_all() -> None:
        for _ in range(QUERIES):
            parse(TEXT, schema=schema, now=now)

    def match_all() -> None:
        for _ in range(QUERIES):
            matches(where, run)

    parsing, matching = timed(parse_all, match_all)
    report("query parse", queries_per_s=QUERIES / parsing.wall, cpu_us_per_query=parsing.cpu / QUERIES * 1e6)
    report("query match", runs_per_s=QUERIES / matching.wall, cpu_us_per_run=matching.cpu / QUERIES * 1e6)
