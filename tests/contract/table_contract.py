"""What every Endpoint promises of child tables, as tests. A backend subclasses and supplies `backend`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from syncd.core.model import Action, Raw, Row, Rows, Side, TableRow, Write
from syncd.errors import RefusedError, StaleError
from syncd.ports.endpoint import Done, Endpoint, Failed

Line = tuple[str, int]


class TableBackend(Protocol):
    """One empty entity with two child tables, its endpoint, and edits as another program makes them.

    Its image holds a title first, which may not be empty. The rows of the first table begin with a text (`item`) and a
    number (`qty`), those of the second with a text. The feed's pages hold 10 rows.
    """

    endpoint: Endpoint
    side: Side
    title: str
    """The title's name in the layout."""
    slots: tuple[str, str]
    """The tables' names in the layout."""
    at: tuple[int, int]
    """The tables' places in the image."""
    widths: tuple[int, int]
    """How many values a row of each table has."""
    fieldnames: tuple[str, str]
    """The tables' names in ERPNext."""
    ordered: bool
    """Rows stand in the order in which they are written; else in the order of their keys."""
    lasting_names: bool
    """A row keeps its name when others come and go; else its name is its position."""
    compares_values: bool
    """A write is refused when a row moved under the record's same stamp."""

    def insert(
        self, title: str, lines: Sequence[Line] = (), notes: Sequence[str] = (), partner: str | None = None
    ) -> str:
        """Make a record with rows; gives its key."""
        ...

    def edit_lines(self, key: str, lines: Sequence[Line], *, keep_stamp: bool = False) -> None:
        """Replace the lines of a record: those at the same place are edited, others come or go at the end."""
        ...

    def delete(self, key: str) -> None:
        """Remove a record with its rows."""
        ...

    def count_rows(self) -> int:
        """How many rows both tables hold in all, whatever record they belong to."""
        ...


LINES: list[Line] = [("bolt", 10), ("nut", 20), ("washer", 30)]


class TableContract:
    @pytest.fixture
    def backend(self) -> TableBackend:
        raise NotImplementedError

    def one(self, backend: TableBackend, key: str) -> Row:
        (row,) = backend.endpoint.fetch([key])
        return row

    def rows(self, backend: TableBackend, row: Row, table: int = 0) -> Rows:
        held = row.values[backend.at[table]]
        assert isinstance(held, Rows), held
        return held

    def lines(self, backend: TableBackend, row: Row) -> list[Line]:
        return [(str(line.values[0]), int(line.values[1])) for line in self.rows(backend, row).rows]

    def notes(self, backend: TableBackend, row: Row) -> list[str]:
        return [str(line.values[0]) for line in self.rows(backend, row, 1).rows]

    def new(self, backend: TableBackend, *values: Raw, table: int = 0) -> TableRow:
        return TableRow(None, (*values, *[None] * (backend.widths[table] - len(values))))

    def edited(self, line: TableRow, *values: Raw) -> TableRow:
        return TableRow(line.name, (*values, *line.values[len(values) :]))

    def update(self, backend: TableBackend, row: Row, lines: Sequence[TableRow] | None = None, **values: Raw) -> Write:
        given: dict[str, Raw] = {backend.title: values["title"]} if "title" in values else {}
        if lines is not None:
            given[backend.slots[0]] = Rows(tuple(lines))
        return Write(
            action=Action.UPDATE,
            side=backend.side,
            key=row.key,
            partner=row.partner,
            values=given,
            stamp=row.stamp,
            expected=row.values,
        )

    def apply_one(self, backend: TableBackend, write: Write):
        ((index, result),) = list(backend.endpoint.apply([write]))
        assert index == 0
        return result

    def written(self, backend: TableBackend, write: Write) -> Row:
        """The write is done, and what it answered is what is read afterwards: nothing of it comes back as a change."""
        result = self.apply_one(backend, write)
        assert isinstance(result, Done), result
        assert self.one(backend, result.row.key) == result.row
        return result.row

    def stale(self, backend: TableBackend, write: Write) -> None:
        result = self.apply_one(backend, write)
        assert isinstance(result, Failed), result
        assert isinstance(result.error, StaleError), result.error

    def make(self, backend: TableBackend, title: str | None, lines=(), notes=(), partner="P-1") -> Write:
        values: dict[str, Raw] = {
            backend.title: title,
            backend.slots[0]: Rows(tuple(self.new(backend, *line) for line in lines)),
            backend.slots[1]: Rows(tuple(self.new(backend, note, table=1) for note in notes)),
        }
        return Write(action=Action.CREATE, side=backend.side, key=None, partner=partner, values=values, link=True)

    # reading

    def test_schema_lists_the_tables_by_their_names_in_erpnext(self, backend):
        backend.insert("a", LINES, ["n"])
        tables = backend.endpoint.schema().tables
        assert set(tables) >= set(backend.fieldnames)
        assert all(tables[name].fields for name in backend.fieldnames)

    def test_a_record_carries_its_rows_in_their_order(self, backend):
        key = backend.insert("a", LINES, ["x", "y"], partner="P-1")
        for row in (
            self.one(backend, key),
            *backend.endpoint.find(["P-1"]),
            *(row for page in backend.endpoint.scan() for row in page.rows),
            *(row for page in backend.endpoint.changes(None, overlap=0) for row in page.rows),
        ):
            assert self.lines(backend, row) == LINES
            assert self.notes(backend, row) == ["x", "y"]

    def test_a_record_without_rows_has_empty_tables(self, backend):
        row = self.one(backend, backend.insert("a"))
        assert self.rows(backend, row) == Rows()
        assert self.rows(backend, row, 1) == Rows()

    def test_rows_of_a_record_have_names_of_their_own(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        names = [line.name for line in self.rows(backend, row).rows]
        assert len(set(names)) == len(names) == 3
        assert all(names)

    def test_twelve_rows_stand_in_the_order_of_numbers(self, backend):
        lines = [(f"i{number}", number) for number in range(1, 13)]
        row = self.one(backend, backend.insert("a", lines))
        assert self.lines(backend, row) == lines

    def test_pages_give_each_record_its_own_rows(self, backend):
        keys = {backend.insert(f"t{n:02}", [(f"i{n}-{k}", k) for k in range(n % 4)], [f"n{n}"]): n for n in range(25)}
        seen = {row.key: row for page in backend.endpoint.scan() for row in page.rows}
        assert set(seen) == set(keys)
        for key, number in keys.items():
            assert self.lines(backend, seen[key]) == [(f"i{number}-{k}", k) for k in range(number % 4)]
            assert self.notes(backend, seen[key]) == [f"n{number}"]
        assert {row.key: row for row in backend.endpoint.fetch(list(keys))} == seen

    def test_a_row_that_is_edited_under_a_new_stamp_is_a_change_of_its_record(self, backend):
        keys = [backend.insert(f"t{number}", LINES) for number in range(3)]
        cursor = list(backend.endpoint.changes(None, overlap=0))[-1].cursor
        backend.edit_lines(keys[1], [("bolt", 11), *LINES[1:]])
        seen = {row.key: row for page in backend.endpoint.changes(cursor, overlap=0) for row in page.rows}
        assert self.lines(backend, seen[keys[1]])[0] == ("bolt", 11)

    # changing

    def test_one_row_is_changed_and_the_others_stay(self, backend):
        row = self.one(backend, backend.insert("a", LINES, ["x"]))
        first, second, third = self.rows(backend, row).rows
        done = self.written(backend, self.update(backend, row, [first, self.edited(second, "nut", 25), third]))
        assert self.lines(backend, done) == [("bolt", 10), ("nut", 25), ("washer", 30)]
        assert [line.name for line in self.rows(backend, done).rows] == [first.name, second.name, third.name]
        assert self.notes(backend, done) == ["x"]

    def test_rows_are_added_behind_those_that_stand(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        held = self.rows(backend, row).rows
        more = [self.new(backend, "pin", 1), self.new(backend, "cap", 2)]
        done = self.written(backend, self.update(backend, row, [*held, *more]))
        assert self.lines(backend, done) == [*LINES, ("pin", 1), ("cap", 2)]
        names = [line.name for line in self.rows(backend, done).rows]
        assert names[:3] == [line.name for line in held]
        assert len(set(names)) == 5

    def test_rows_are_added_to_a_record_that_had_none(self, backend):
        row = self.one(backend, backend.insert("a"))
        done = self.written(backend, self.update(backend, row, [self.new(backend, *line) for line in LINES]))
        assert self.lines(backend, done) == LINES

    def test_a_row_that_is_left_out_is_removed(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        first, _, third = self.rows(backend, row).rows
        done = self.written(backend, self.update(backend, row, [first, third]))
        assert self.lines(backend, done) == [LINES[0], LINES[2]]
        if backend.lasting_names:
            assert [line.name for line in self.rows(backend, done).rows] == [first.name, third.name]

    def test_all_rows_are_removed(self, backend):
        row = self.one(backend, backend.insert("a", LINES, ["x"]))
        done = self.written(backend, self.update(backend, row, []))
        assert self.rows(backend, done) == Rows()
        assert self.notes(backend, done) == ["x"]
        assert backend.count_rows() == 1

    def test_all_rows_are_replaced_by_new_ones(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        done = self.written(backend, self.update(backend, row, [self.new(backend, "pin", 1)]))
        assert self.lines(backend, done) == [("pin", 1)]
        assert backend.count_rows() == 1

    def test_rows_are_moved(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        first, second, third = self.rows(backend, row).rows
        done = self.written(backend, self.update(backend, row, [third, first, second]))
        moved = [LINES[2], LINES[0], LINES[1]]
        assert self.lines(backend, done) == (moved if backend.ordered else LINES)

    def test_a_row_is_put_between_two_others(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        first, second, third = self.rows(backend, row).rows
        done = self.written(backend, self.update(backend, row, [first, self.new(backend, "pin", 1), second, third]))
        between = [LINES[0], ("pin", 1), *LINES[1:]]
        assert self.lines(backend, done) == (between if backend.ordered else [*LINES, ("pin", 1)])

    def test_rows_are_added_changed_moved_and_removed_at_once_with_fields(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        first, _, third = self.rows(backend, row).rows
        lines = [self.edited(third, "washer", 31), self.new(backend, "pin", 1), first]
        done = self.written(backend, self.update(backend, row, lines, title="b"))
        assert done.values[0] == "b"
        assert sorted(self.lines(backend, done)) == [("bolt", 10), ("pin", 1), ("washer", 31)]
        if backend.ordered:
            assert self.lines(backend, done) == [("washer", 31), ("pin", 1), ("bolt", 10)]

    def test_a_write_of_rows_alone_moves_the_stamp(self, backend):
        if not backend.endpoint.capabilities().incremental:
            pytest.skip("there are no stamps here")
        row = self.one(backend, backend.insert("a", LINES))
        done = self.written(backend, self.update(backend, row, self.rows(backend, row).rows[:2]))
        assert done.stamp != row.stamp

    def test_a_write_of_fields_alone_leaves_the_rows(self, backend):
        row = self.one(backend, backend.insert("a", LINES, ["x"]))
        done = self.written(backend, self.update(backend, row, title="b"))
        assert (done.values[0], self.lines(backend, done), self.notes(backend, done)) == ("b", LINES, ["x"])

    def test_the_same_rows_again_change_nothing(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        done = self.written(backend, self.update(backend, row, self.rows(backend, row).rows))
        assert self.rows(backend, done) == self.rows(backend, row)

    def test_two_writes_one_after_the_other(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        done = self.written(backend, self.update(backend, row, self.rows(backend, row).rows[1:]))
        again = [*self.rows(backend, done).rows, self.new(backend, "pin", 1)]
        done = self.written(backend, self.update(backend, done, again))
        assert self.lines(backend, done) == [*LINES[1:], ("pin", 1)]

    def test_rows_of_another_record_are_left_alone(self, backend):
        other = backend.insert("other", LINES, ["x"])
        row = self.one(backend, backend.insert("a", LINES))
        before = self.one(backend, other)
        self.written(backend, self.update(backend, row, []))
        assert self.one(backend, other) == before

    def test_a_link_leaves_the_rows(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        write = self.update(backend, row)._replace(action=Action.LINK, partner="P-7", link=True)
        done = self.written(backend, write)
        assert (done.partner, self.lines(backend, done)) == ("P-7", LINES)

    def test_a_record_goes_with_its_rows(self, backend):
        row = self.one(backend, backend.insert("a", LINES, ["x"]))
        backend.insert("b", LINES[:1])
        assert isinstance(self.apply_one(backend, self.update(backend, row)._replace(action=Action.DELETE)), Done)
        assert backend.endpoint.fetch([row.key]) == []
        assert backend.count_rows() == 1

    # when somebody else was there first

    @pytest.mark.parametrize(
        ("case", "lines"),
        [
            ("a row was edited", [("bolt", 10), ("nut", 99), ("washer", 30)]),
            ("a row was added", [*LINES, ("pin", 1)]),
            ("a row was removed", LINES[:2]),
            ("all rows were removed", []),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    @pytest.mark.parametrize("keep_stamp", [False, True], ids=["new stamp", "same stamp"])
    def test_a_record_whose_rows_moved_is_left_alone(self, backend, case, lines, keep_stamp):
        if keep_stamp and not backend.compares_values:
            pytest.skip("the side compares stamps alone")
        row = self.one(backend, backend.insert("a", LINES))
        backend.edit_lines(row.key, lines, keep_stamp=keep_stamp)
        first = self.rows(backend, row).rows[0]
        self.stale(backend, self.update(backend, row, [self.edited(first, "bolt", 11)], title="b"))
        now = self.one(backend, row.key)
        assert (now.values[0], self.lines(backend, now)) == ("a", lines)

    def test_fields_are_not_written_either_when_rows_moved(self, backend):
        if not backend.compares_values:
            pytest.skip("the side compares stamps alone")
        row = self.one(backend, backend.insert("a", LINES))
        backend.edit_lines(row.key, LINES[:2], keep_stamp=True)
        self.stale(backend, self.update(backend, row, title="b"))
        assert self.one(backend, row.key).values[0] == "a"

    def test_a_record_whose_rows_moved_is_not_deleted(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        backend.edit_lines(row.key, LINES[:2], keep_stamp=backend.compares_values)
        self.stale(backend, self.update(backend, row)._replace(action=Action.DELETE))
        assert self.lines(backend, self.one(backend, row.key)) == LINES[:2]

    def test_a_row_name_that_is_not_there_is_never_written(self, backend):
        row = self.one(backend, backend.insert("a", LINES))
        first = self.rows(backend, row).rows[0]
        foreign = TableRow("no such row", self.new(backend, "pin", 1).values)
        self.stale(backend, self.update(backend, row, [self.edited(first, "bolt", 11), foreign], title="b"))
        now = self.one(backend, row.key)
        assert (now.values[0], self.lines(backend, now)) == ("a", LINES)

    def test_each_write_of_many_stands_by_itself(self, backend):
        rows = [self.one(backend, backend.insert(f"t{number}", LINES)) for number in range(4)]
        backend.edit_lines(rows[1].key, LINES[:1])
        writes = [self.update(backend, row, self.rows(backend, row).rows[:2]) for row in rows]
        results = dict(backend.endpoint.apply(writes))
        assert [isinstance(results[index], Done) for index in range(4)] == [True, False, True, True]
        assert [len(self.lines(backend, self.one(backend, row.key))) for row in rows] == [2, 1, 2, 2]

    # creating

    def test_records_are_created_with_their_rows(self, backend):
        writes = [
            self.make(backend, "a", LINES, ["x", "y"], "P-1"),
            self.make(backend, "b", (), (), "P-2"),
            self.make(backend, "c", LINES[:1], ["z"], "P-3"),
        ]
        results = backend.endpoint.create(writes, "op-1")
        assert [type(result) for result in results] == [Done] * 3, results
        made = [result.row for result in results]
        assert [self.lines(backend, row) for row in made] == [LINES, [], LINES[:1]]
        assert [self.notes(backend, row) for row in made] == [["x", "y"], [], ["z"]]
        assert backend.endpoint.fetch([row.key for row in made]) == made

    def test_a_refused_batch_leaves_no_rows(self, backend):
        writes = [self.make(backend, "a", LINES, ["x"], "P-1"), self.make(backend, None, LINES, (), "P-2")]
        results = backend.endpoint.create(writes, "op-1")
        assert isinstance(results[0].error, RefusedError)
        assert backend.count_rows() == 0
        assert backend.endpoint.created(writes, "op-1") is None

    def test_the_same_operation_again_makes_no_row_twice(self, backend):
        if not backend.endpoint.keyed_creation():
            pytest.skip("creation is not keyed here")
        writes = [self.make(backend, "a", LINES, ["x"])]
        first = backend.endpoint.create(writes, "op-1")
        again = backend.endpoint.create(writes, "op-1")
        assert isinstance(first[0], Done)
        assert backend.count_rows() == 4
        assert backend.endpoint.created(writes, "op-1") == [first[0].row]
        if isinstance(again[0], Done):
            assert again[0].row == first[0].row
