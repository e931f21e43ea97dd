"""For the whole workspace: documents are executed, tests can leave evidence, and can run in several processes."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

from docs.console import run_console
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

pytest_plugins = ["tests.evidence", "tests.workers"]

pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE),
        CodeBlockParser("console", run_console),
        SkipParser(),
    ],
    patterns=["README.md", "aion_store_sql/README.md", "docs/tutorial.md", "docs/guides/*.md"],
).pytest()
