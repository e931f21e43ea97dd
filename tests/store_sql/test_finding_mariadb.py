"""A module of its own, which is skipped whole where no MariaDB runs."""

import pytest
from tests.databases import mariadb
from tests.store_sql.finding import FindingCases

database = mariadb()


class TestMariadb(FindingCases):
    @pytest.fixture
    def section(self, place_in):
        return place_in(database)
