"""Computed columns: rows of the source hold what the expressions make of them, wherever rows come from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.sources.memory import MemoryEndpoint, MemoryOptions, text_fields
from syncd.app.computing import ComputingEndpoint, with_computed
from syncd.app.passes import Bound
from syncd.core.compute import Expression
from syncd.core.mapping import FieldSpec, MappingSpec, TableSpec, columns, layout
from syncd.core.model import Action, Direction, Row, Rows, Side, TableRow, Unreadable, Write
from syncd.core.values import FieldType, Kind
from syncd.errors import ExitCode
from syncd.ports.endpoint import Done, Failed, Page
from tests.app.harness import FIELDS, NAME, World, spec


def computed(name: str, text: str, **more: Any) -> FieldSpec:
    """A computed field as `syncd.config` reads it."""
    inputs = Expression(text).inputs
    return FieldSpec(
        erpnext=name, source=f"={name}", compute=text, inputs=inputs, direction=Direction.TO_ERPNEXT, **more
    )


LOUD = computed("website", "source.name.upperAscii() + '/' + source.vat")
SHORT = computed("title", "source.nick == 'x' ? source.name : source.name.substring(0, 2)")
TWO = spec(fields=(LOUD, FIELDS[0], SHORT, FIELDS[1]))


@pytest.fixture
def inner() -> MemoryEndpoint:
    return MemoryEndpoint(Side.SOURCE, text_fields(*columns(TWO)), MemoryOptions(page_size=2))


@pytest.fixture
def source(inner: MemoryEndpoint) -> ComputingEndpoint:
    return ComputingEndpoint(TWO, inner)


def images(pages: Any) -> list[tuple[Any, ...]]:
    return [row.values for page in pages for row in page.rows]


ADA = ("Ada", "A1", None, "ADA/A1", "Ad")


def test_the_columns_stand_where_the_layout_says(source: ComputingEndpoint, inner: MemoryEndpoint) -> None:
    assert layout(TWO)[1] == ("name", "vat", "nick", "=website", "=title")
    assert tuple(inner.fields) == ("name", "vat", "nick")
    inner.insert(name="Ada", vat="A1")
    assert images(source.scan()) == [ADA]


def test_rows_hold_them_wherever_they_come_from(source: ComputingEndpoint, inner: MemoryEndpoint) -> None:
    keys = [inner.insert(name="Ada", vat="A1", partner=None if at else "CUST-1") for at in range(3)]
    assert images(source.changes(None, overlap=0.0)) == [ADA] * 3
    assert images(source.scan()) == [ADA] * 3
    assert [row.values for row in source.fetch(keys[:2])] == [ADA] * 2
    assert [row.values for row in source.find(["CUST-1"])] == [ADA]
    assert source.requests == inner.requests > 0


def test_pages_keep_their_cursor_and_their_problems(source: ComputingEndpoint, inner: MemoryEndpoint) -> None:
    inner.insert(name="Ada", vat="A1")
    (ours,), (theirs,) = list(source.changes(None, overlap=0.0)), list(inner.changes(None, overlap=0.0))
    assert (ours.cursor, ours.problems) == (theirs.cursor, theirs.problems)
    assert isinstance(ours, Page)
    assert ours.rows[0]._replace(values=()) == theirs.rows[0]._replace(values=())


def write(action: Action, **given: Any) -> Write:
    return Write(**{"action": action, "side": Side.SOURCE, "key": None, "partner": "CUST-1", "values": {}, **given})


def test_a_record_that_is_made_comes_back_with_them(source: ComputingEndpoint, inner: MemoryEndpoint) -> None:
    writes = [write(Action.CREATE, values={"name": "Ada", "vat": "A1"})]
    (done,) = source.create(writes, "op-1")
    assert isinstance(done, Done)
    assert done.row.values == ADA
    again = source.created(writes, "op-1")
    assert again is not None
    assert [None if row is None else row.values for row in again] == [ADA]
    assert source.created(writes, "op-2") is None
    inner.delete(done.row.key)
    assert source.created(writes, "op-1") == [None]


def test_a_write_is_conditional_on_the_columns_alone(source: ComputingEndpoint, inner: MemoryEndpoint) -> None:
    inner.insert(name="Ada", vat="A1")
    (row,) = source.fetch(["1"])
    change = write(Action.UPDATE, key="1", values={"name": "Eve"}, stamp=row.stamp, expected=row.values)
    ((at, done),) = list(source.apply([change]))
    assert at == 0
    assert isinstance(done, Done)
    assert done.row.values == ("Eve", "A1", None, "EVE/A1", "Ev")
    assert inner.writes[0].expected == ("Ada", "A1", None)
    ((_, refused),) = list(source.apply([change]))
    assert isinstance(refused, Failed)
    unconditional = change._replace(expected=None, stamp=done.row.stamp)
    ((_, again),) = list(source.apply([unconditional]))
    assert isinstance(again, Done)


class Tells:
    """An endpoint that tells nothing of what it deleted."""

    def apply(self, writes: Any) -> Any:
        yield 0, Done(Row("1", None, (), deleted=True))


def test_a_deleted_record_may_come_back_without_values() -> None:
    ((_, done),) = list(ComputingEndpoint(TWO, Tells()).apply([write(Action.DELETE, key="1")]))  # type: ignore[arg-type]
    assert done == Done(Row("1", None, (), deleted=True))


def test_a_row_on_which_it_fails_stands_there_with_its_reason(source: ComputingEndpoint, inner: MemoryEndpoint) -> None:
    inner.insert(name="Ada", vat=None)
    inner.insert(name="Eve", vat="E1")
    (broken, whole) = images(source.scan())
    assert broken[:3] == ("Ada", None, None)
    assert isinstance(broken[3], Unreadable)
    assert "vat is empty: say what then, like has(source.vat)" in broken[3].reason
    assert broken[4] == "Ad", "another field of the same row is not touched by it"
    assert whole[3] == "EVE/E1"


def test_the_schema_shows_them_as_what_nobody_writes(source: ComputingEndpoint, inner: MemoryEndpoint) -> None:
    schema = source.schema()
    assert list(schema.fields) == ["name", "vat", "nick", "=website", "=title"]
    info = schema.fields["=website"]
    assert (info.writable, info.read_only, info.required, info.type.kind) == (False, True, False, Kind.TEXT)
    assert info.label == LOUD.compute
    assert "=website" not in inner.schema().fields
    assert source.capabilities() == inner.capabilities()


def test_tables_keep_their_place_before_them() -> None:
    table = TableSpec(erpnext="items", source="lines", fields=(FieldSpec(erpnext="qty", source="quantity"),))
    mapping = replace(TWO, tables=(table,))
    rows = Rows((TableRow("1", (2,)),))
    inner = MemoryEndpoint(Side.SOURCE, text_fields("name", "vat", "nick", "lines[]"))
    key = inner.insert(name="Ada", vat="A1", **{"lines[]": rows})
    (row,) = ComputingEndpoint(mapping, inner).fetch([key])
    assert dict(zip(layout(mapping)[1], row.values, strict=True)) == {
        "name": "Ada",
        "vat": "A1",
        "nick": None,
        "lines[]": rows,
        "=website": "ADA/A1",
        "=title": "Ad",
    }


def test_columns_have_the_types_of_the_source_and_stamps_the_mappings_zone() -> None:
    fields = {
        "price": FieldType(kind=Kind.NUMBER, name="NUMERIC"),
        "seen": FieldType(kind=Kind.DATETIME, name="DATETIME"),
    }
    mapping = spec(
        timezone="Europe/Berlin",
        fields=(
            computed("total", "source.price * 1.5"),
            computed("at", "string(source.seen)"),
            computed("t", "source.seen"),
        ),
    )
    inner = MemoryEndpoint(Side.SOURCE, fields)
    key = inner.insert(price=10, seen=datetime.fromisoformat("2026-07-01 12:00"))
    (row,) = ComputingEndpoint(mapping, inner).fetch([key])
    assert row.values[2:] == (15.0, "2026-07-01T12:00:00+02:00", datetime(2026, 7, 1, 10, tzinfo=UTC))


def test_a_mapping_without_them_keeps_its_endpoint(inner: MemoryEndpoint) -> None:
    assert with_computed(spec(), inner) is inner
    assert isinstance(with_computed(TWO, inner), ComputingEndpoint)


class ComputedWorld(World):
    """A world whose source has computed columns, bound as `bootstrap` binds them."""

    def _fields(self, types: dict[str, FieldType], attribute: str) -> dict[str, FieldType]:
        if attribute == "erpnext":
            return super()._fields(types, attribute)
        return {name: types[name] for name in columns(self.spec)}

    def bound(self, name: str = NAME, run: str = "") -> Bound:
        bound = super().bound(name, run)
        return replace(bound, endpoints={**bound.endpoints, Side.SOURCE: with_computed(self.spec, self.source)})


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest):
    def made(mapping: MappingSpec) -> ComputedWorld:
        world = ComputedWorld(tmp_path, mapping)
        request.addfinalizer(world.close)
        return world

    return made


def test_a_run_fills_erpnext_and_follows_the_columns(make) -> None:
    world = make(spec(fields=(*FIELDS[:2], LOUD)))
    row = world.source.insert(name="Ada", vat="A1")
    world.counts()
    document = world.partner_of(row)
    assert world.erpnext.values(document)["website"] == "ADA/A1"
    assert world.quiet().exit_code is ExitCode.OK
    world.source.edit(row, vat="A2")
    counts = world.counts()
    assert counts.updated == {"erpnext": 1, "source": 0}
    assert world.erpnext.values(document)["website"] == "ADA/A2"
    assert world.quiet().exit_code is ExitCode.OK


def test_an_edit_in_erpnext_stays_until_the_columns_change(make) -> None:
    world = make(spec(fields=(*FIELDS[:2], LOUD)))
    row = world.source.insert(name="Ada", vat="A1")
    world.counts()
    document = world.partner_of(row)
    world.erpnext.edit(document, website="mine")
    world.quiet()
    assert world.erpnext.values(document)["website"] == "mine"
    assert world.source.values(row) == {"name": "Ada", "vat": "A1"}
    world.source.edit(row, name="Eve")
    world.counts()
    assert world.erpnext.values(document)["website"] == "EVE/A1"


def test_a_row_on_which_it_fails_stops_itself_only_and_is_done_when_it_can_be(make) -> None:
    world = make(spec(fields=(*FIELDS[:2], LOUD), match=()))
    broken = world.source.insert(name="Ada", vat=None)
    whole = world.source.insert(name="Eve", vat="E1")
    result = world.run()
    assert result.exit_code is ExitCode.ATTENTION
    assert set(world.pairs()) == {whole}
    (failure,) = world.failures()
    assert "vat is empty: say what then" in failure.error
    world.source.edit(broken, vat="A1")
    world.counts()
    assert world.erpnext.values(world.partner_of(broken))["website"] == "ADA/A1"
    assert world.failures() == []


def test_a_default_fills_what_the_expression_leaves_empty(make) -> None:
    line = computed("website", "has(source.vat) ? source.vat : null", default="none")
    world = make(spec(fields=(FIELDS[0], line), match=()))
    row = world.source.insert(name="Ada", vat=None)
    world.counts()
    assert world.erpnext.values(world.partner_of(row))["website"] == "none"
    assert world.quiet().exit_code is ExitCode.OK
