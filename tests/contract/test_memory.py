"""The Endpoint contract on the endpoint in memory, as either side."""

import pytest

from syncd.adapters.sources.memory import MemoryEndpoint, MemoryOptions, text_fields
from syncd.core.model import Side
from tests.contract.endpoint_contract import EndpointContract

FIELDS = ("title", "note", "amount")


class MemoryBackend:
    soft_deletes = True
    compares_values = True
    fields = FIELDS

    def __init__(self, side, *, stamped=True):
        self.side = side
        options = MemoryOptions(
            page_size=10, stamped=stamped, check=lambda values: "" if values.get("title") else "title is mandatory"
        )
        self.endpoint = MemoryEndpoint(side, text_fields(*FIELDS), options)

    def insert(self, title, note=None, amount=None, partner=None):
        return self.endpoint.insert(title=title, note=note, amount=amount, partner=partner)

    def edit(self, key, *, keep_stamp=False, **values):
        self.endpoint.edit(key, stamp=self.endpoint.records[key].stamp if keep_stamp else None, **values)

    def delete(self, key):
        self.endpoint.delete(key)

    def tie(self, keys):
        for key in keys:
            self.endpoint.change(key, stamp=self.endpoint.records[keys[0]].stamp)

    def titles(self):
        return sorted(str(record.values["title"]) for record in self.endpoint.records.values())


class TestMemoryAsErpnext(EndpointContract):
    @pytest.fixture
    def backend(self):
        return MemoryBackend(Side.ERPNEXT)


class TestMemoryAsSource(EndpointContract):
    @pytest.fixture
    def backend(self):
        return MemoryBackend(Side.SOURCE)


class TestMemoryWithoutStamps(EndpointContract):
    @pytest.fixture
    def backend(self):
        return MemoryBackend(Side.SOURCE, stamped=False)
