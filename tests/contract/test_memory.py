"""The Endpoint contract on the endpoint in memory, as either side."""

import pytest

from syncd.adapters.sources.memory import MemoryEndpoint, MemoryOptions, MemoryTable, text_fields
from syncd.core.model import Side
from syncd.core.values import FieldType, Kind
from tests.contract.endpoint_contract import EndpointContract
from tests.contract.table_contract import TableContract

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


NUMBER = FieldType(kind=Kind.NUMBER, name="number")


class MemoryTables:
    title = "title"
    compares_values = True
    at = (1, 2)
    fieldnames = ("items", "notes")

    def __init__(self, side, key=()):
        self.side = side
        self.slots = ("items", "notes") if side is Side.ERPNEXT else ("lines[]", "remarks[]")
        numbers = dict.fromkeys(key, NUMBER)
        fields = ({**text_fields("item"), "qty": NUMBER, **numbers}, text_fields("text"))
        self.widths = (len(fields[0]), len(fields[1]))
        self.key = key
        self.lasting_names = side is Side.ERPNEXT or bool(key)
        self.ordered = True
        tables = (
            MemoryTable(name=self.slots[0], fieldname="items", fields=fields[0], key=key),
            MemoryTable(name=self.slots[1], fieldname="notes", fields=fields[1]),
        )
        check = MemoryOptions(page_size=10, check=lambda values: "" if values.get("title") else "title is mandatory")
        self.endpoint = MemoryEndpoint(side, text_fields("title"), check, tables)

    def insert(self, title, lines=(), notes=(), partner=None):
        items = [self.line(number, *line) for number, line in enumerate(lines, 1)]
        texts = [{"text": note} for note in notes]
        tables = {self.slots[0].removesuffix("[]"): items, self.slots[1].removesuffix("[]"): texts}
        return self.endpoint.insert(title=title, partner=partner, **tables)

    def line(self, number, item, qty):
        return {"item": item, "qty": qty, **dict.fromkeys(self.key, number)}

    def edit_lines(self, key, lines, *, keep_stamp=False):
        held = self.endpoint.items(key, self.slots[0])
        new = [self.line(number, *line) for number, line in enumerate(lines, 1)]
        merged = [{**(held[at] if at < len(held) else {}), **line} for at, line in enumerate(new)]
        stamp = self.endpoint.records[key].stamp if keep_stamp else None
        self.endpoint.edit(key, stamp=stamp, **{self.slots[0]: merged})

    def delete(self, key):
        self.endpoint.delete(key)

    def count_rows(self):
        return sum(len(items) for record in self.endpoint.records.values() for items in record.tables.values())


class TestTablesInMemoryAsErpnext(TableContract):
    @pytest.fixture
    def backend(self):
        return MemoryTables(Side.ERPNEXT)


class TestTablesInMemoryByKey(TableContract):
    @pytest.fixture
    def backend(self):
        return MemoryTables(Side.SOURCE, key=("line_no",))


class TestTablesInMemoryByPosition(TableContract):
    @pytest.fixture
    def backend(self):
        return MemoryTables(Side.SOURCE)
