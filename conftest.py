"""For the whole workspace: the examples of the README and the guides are executed, and tests can leave evidence."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

from docs.console import run_console
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

pytest_plugins = ["tests.evidence"]

pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE),
        CodeBlockParser("console", run_console),
        SkipParser(),
    ],
    patterns=["README.md", "aion_store_sql/README.md", "docs/tutorial.md", "docs/guides/*.md"],
).pytest()
