"""The Endpoint contract on PostgreSQL through the SQL source."""

import itertools
from datetime import UTC
from uuid import UUID

import pytest

from tests.contract.endpoint_contract import EndpointContract
from tests.contract.sql_backend import ServerBackend, a_second_apart

TABLE = """
    CREATE TABLE {name} (
        {id}, title {text} NOT NULL, note {text}, amount {amount}, erp_ref {text}, deleted_at timestamptz,
        updated_at {stamp} {key}
    )
"""
INDEX = "CREATE INDEX by_stamp ON customers (updated_at)"


def table(**changes):
    parts = {"name": "customers", "text": "text", "amount": "integer", "stamp": "timestamptz", "key": ""}
    return TABLE.format(**{**parts, "id": "id serial PRIMARY KEY", **changes})


@pytest.fixture
def make(postgres_url):
    made = []

    def build(*schema, **options):
        backend = ServerBackend(postgres_url, *schema, **options)
        made.append(backend)
        return backend

    yield build
    for backend in made:
        backend.shop.close()


class TestPlainTable(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        return make(table(), stamps=a_second_apart(UTC))


class TestIdentityAndNaiveStampsWithAnIndex(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        identity = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        return make(table(id=identity, stamp="timestamp(3)", amount="numeric"), INDEX)


class TestUuidsAndDomains(EndpointContract):
    """Ids that the table makes, in no order of time; columns of a type of the user's own."""

    @pytest.fixture
    def backend(self, make):
        uuid = "id uuid PRIMARY KEY DEFAULT gen_random_uuid()"
        domain = "CREATE DOMAIN words AS varchar(200) CHECK (value <> '')"
        return make(domain, table(id=uuid, text="words", amount="float4"), INDEX, stamps=a_second_apart(UTC))


class TestCompositeIdsInASchema(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        made = (("de", UUID(int=number)) for number in itertools.count(1))
        return make(
            "CREATE SCHEMA sales",
            table(
                name="sales.customers",
                id="country char(3) NOT NULL DEFAULT 'de', no uuid NOT NULL DEFAULT gen_random_uuid()",
                key=", PRIMARY KEY (country, no)",
            ),
            ids=made,
            stamps=a_second_apart(UTC),
            entity="sales.customers",
            source_id=("country", "no"),
        )
