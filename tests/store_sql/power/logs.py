"""A log of SQLite's that is full more often."""

from contextlib import contextmanager
from unittest import mock

from aion_store_sql.files import shared


@contextmanager
def log_of(pages):
    """Stores that are opened within have a log of so many pages; None is the ordinary one."""
    if pages is None:
        yield
        return
    writer = tuple(each.replace(f"= {shared._LOG_PAGES}", f"= {pages}") for each in shared._WRITER)
    assert writer != shared._WRITER
    with mock.patch.multiple(shared, _WRITER=writer, _LOG=pages * 4096):
        yield
