"""The Endpoint contract on MariaDB through the SQL source."""

import itertools

import pytest

from tests.contract.endpoint_contract import EndpointContract
from tests.contract.sql_backend import ServerBackend

TABLE = """
    CREATE TABLE customers (
        {id}, title {text} NOT NULL, note {text}, amount {amount}, erp_ref varchar(140), deleted_at datetime,
        updated_at {stamp} {key}
    ) {options}
"""
INDEX = "CREATE INDEX by_stamp ON customers (updated_at)"


def table(**changes):
    parts = {"text": "varchar(200)", "amount": "int", "stamp": "datetime", "key": "", "options": ""}
    return TABLE.format(**{**parts, "id": "id int PRIMARY KEY AUTO_INCREMENT", **changes})


@pytest.fixture
def make(mariadb_url):
    made = []

    def build(*schema, **options):
        backend = ServerBackend(mariadb_url, *schema, **options)
        made.append(backend)
        return backend

    yield build
    for backend in made:
        backend.shop.close()


class TestPlainTable(EndpointContract):
    """Text compares without case and blanks at the end, as MariaDB does unless told otherwise."""

    @pytest.fixture
    def backend(self, make):
        return make(table())


class TestMomentsWithAnIndex(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        big = "id bigint unsigned PRIMARY KEY AUTO_INCREMENT"
        return make(table(id=big, stamp="timestamp(6) NULL", amount="decimal(12,2)", text="text"), INDEX)


class TestStampedByTheTable(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        stamp = "datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)"
        return make(table(stamp=stamp, amount="float"), INDEX)


class TestCompositeTextIds(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        made = (("de", f"N-{number}") for number in itertools.count(1))
        return make(
            table(
                id="country char(3) NOT NULL DEFAULT 'de', no varchar(40) NOT NULL DEFAULT uuid()",
                key=", PRIMARY KEY (country, no)",
            ),
            ids=made,
            source_id=("country", "no"),
        )


class TestUuidsAndTextsInAnotherEncoding(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        utf16 = "varchar(200) CHARACTER SET utf16 COLLATE utf16_unicode_ci"
        return make(table(id="id uuid PRIMARY KEY DEFAULT uuid()", text=utf16, options="DEFAULT CHARSET latin1"), INDEX)


class TestWithoutReturning(EndpointContract):
    """MySQL's way: it tells the number that it gave, and nothing else."""

    @pytest.fixture
    def backend(self, make):
        made = make(table(), INDEX)
        made.shop.source._dialect.returning = False
        return made
