"""What every Endpoint promises (syncd/ports/endpoint.py), as tests. A backend subclasses and supplies `backend`."""

from __future__ import annotations

from collections import Counter

import pytest

from syncd.core.model import Action, Row, Write
from syncd.errors import GoneError, RefusedError, StaleError
from syncd.ports.endpoint import Done, Failed
from tests.contract.backend import Backend

TEXTS = [
    ("plain text", "Anna"),
    ("apostrophe and quotes", 'O\'Brien "Bob" `x`'),
    ("several scripts", "Łódź 東京 Москва عربى"),
    ("emoji beyond the basic plane", "🦊 fox"),
    ("blanks at the ends and doubled", "  a  b "),
    ("percent, slash, backslash", "50% a/b\\c"),
    ("looks like SQL", "x'); DROP TABLE t;--"),
    ("line breaks", "a\nb"),
]


class EndpointContract:
    @pytest.fixture
    def backend(self) -> Backend:
        raise NotImplementedError

    def make(self, backend: Backend, title: str, *, partner: str, note=None, amount=None) -> Write:
        values = dict(zip(backend.fields, (title, note, amount), strict=True))
        return Write(
            action=Action.CREATE, side=backend.side, key=None, partner=partner, values=values, link=partner is not None
        )

    def change(self, backend: Backend, row: Row, action: Action = Action.UPDATE, **values) -> Write:
        names = dict(zip(("title", "note", "amount"), backend.fields, strict=True))
        return Write(
            action=action,
            side=backend.side,
            key=row.key,
            partner=row.partner,
            values={names[name]: value for name, value in values.items()},
            stamp=row.stamp,
            expected=row.values,
        )

    def all(self, backend: Backend) -> list[Row]:
        return [row for page in backend.endpoint.scan() for row in page.rows]

    def one(self, backend: Backend, key: str) -> Row:
        (row,) = backend.endpoint.fetch([key])
        return row

    def apply_one(self, backend: Backend, write: Write):
        ((index, result),) = list(backend.endpoint.apply([write]))
        assert index == 0
        return result

    # reading

    def test_capabilities_name_side_and_place(self, backend):
        capabilities = backend.endpoint.capabilities()
        assert capabilities.side is backend.side
        assert capabilities.seen_by
        assert capabilities.create_batch >= 1

    def test_schema_has_the_mapped_fields(self, backend):
        assert set(backend.fields) <= set(backend.endpoint.schema().fields)

    def test_an_empty_entity_gives_no_rows(self, backend):
        """No page at all, or pages with a cursor: where a site has no stamp yet, there is nothing to go on from."""
        pages = list(backend.endpoint.changes(None, overlap=0))
        assert all(page.rows == [] and isinstance(page.cursor, str) for page in pages)
        assert [row for page in backend.endpoint.scan() for row in page.rows] == []

    def test_scan_gives_every_record_once_over_pages(self, backend):
        keys = [backend.insert(f"t{number:02}") for number in range(25)]
        pages = list(backend.endpoint.scan())
        assert max(len(page.rows) for page in pages) <= 10
        assert Counter(row.key for page in pages for row in page.rows) == Counter(keys)

    def test_rows_carry_values_in_the_order_of_the_fields(self, backend):
        key = backend.insert("Anna", note="n", amount=7)
        row = self.one(backend, key)
        assert row.values == ("Anna", "n", 7)
        assert not row.deleted

    @pytest.mark.parametrize(("case", "text"), TEXTS, ids=[case for case, _ in TEXTS])
    def test_text_comes_exactly_as_it_is(self, backend, case, text):
        key = backend.insert(text, note=text)
        assert self.one(backend, key).values[:2] == (text, text)

    def test_changes_since_the_cursor_are_those_edited_after_it(self, backend):
        keys = [backend.insert(f"t{number:02}") for number in range(25)]
        cursor = list(backend.endpoint.changes(None, overlap=0))[-1].cursor
        backend.edit(keys[3], note="new")
        added = backend.insert("added")
        seen = [row for page in backend.endpoint.changes(cursor, overlap=0) for row in page.rows]
        found = {row.key: row.values for row in seen}
        assert found[keys[3]] == ("t03", "new", self.one(backend, keys[3]).values[2])
        assert added in found
        if backend.endpoint.capabilities().incremental:
            assert len(found) < 25

    def test_overlap_looks_back(self, backend):
        keys = [backend.insert(f"t{number}") for number in range(3)]
        cursor = list(backend.endpoint.changes(None, overlap=0))[-1].cursor
        seen = {row.key for page in backend.endpoint.changes(cursor, overlap=3600) for row in page.rows}
        assert seen == set(keys)

    def test_changes_from_the_cursor_of_a_scan_miss_nothing_edited_during_it(self, backend):
        keys = [backend.insert(f"t{number:02}") for number in range(25)]
        scan = backend.endpoint.scan()
        next(scan)
        for key in keys[:3]:
            backend.edit(key, note="during")
        cursor = list(scan)[-1].cursor
        seen = {row.key for page in backend.endpoint.changes(cursor, overlap=0) for row in page.rows}
        assert set(keys[:3]) <= seen

    def test_edits_between_pages_lose_no_record(self, backend):
        keys = [backend.insert(f"t{number:02}") for number in range(50)]
        seen: dict[str, Row] = {}
        for number, page in enumerate(backend.endpoint.changes(None, overlap=0)):
            seen.update({row.key: row for row in page.rows})
            if number < 4:
                for key in keys[number * 10 : number * 10 + 10]:
                    backend.edit(key, note=f"edit {number}")
        assert set(seen) == set(keys)
        for later in backend.endpoint.changes(page.cursor, overlap=0):
            seen.update({row.key: row for row in later.rows})
        assert {row.key: row for row in backend.endpoint.fetch(keys)} == seen

    def test_edits_during_a_scan_neither_lose_nor_double(self, backend):
        keys = [backend.insert(f"t{number:02}") for number in range(30)]
        seen: list[str] = []
        for page in backend.endpoint.scan():
            seen += [row.key for row in page.rows]
            for key in (keys[2], keys[29]):
                backend.edit(key, note=f"{len(seen)}")
        assert Counter(seen) == Counter(keys)

    def test_records_with_one_stamp_are_read_once_each(self, backend):
        keys = [backend.insert(f"t{number:02}") for number in range(35)]
        backend.tie(keys)
        seen = Counter(row.key for page in backend.endpoint.changes(None, overlap=0) for row in page.rows)
        assert seen == Counter(keys)

    def test_fetch_leaves_out_what_is_not_there(self, backend):
        keys = [backend.insert(f"t{number}") for number in range(3)]
        backend.delete(keys[1])
        assert {row.key for row in backend.endpoint.fetch([*keys, "no such key/%2"])} == {keys[0], keys[2]}
        assert backend.endpoint.fetch([]) == []

    def test_find_gives_the_records_that_name_a_partner(self, backend):
        key = backend.insert("a", partner="P-1")
        backend.insert("b", partner="P-2")
        backend.insert("c")
        assert [row.key for row in backend.endpoint.find(["P-1", "p-1", "P-9"])] == [key]
        assert backend.endpoint.find([]) == []

    def test_requests_are_counted(self, backend):
        backend.insert("a")
        before = backend.endpoint.requests
        self.all(backend)
        assert backend.endpoint.requests > before

    # creating

    def test_create_answers_in_order_with_the_rows_as_they_are(self, backend):
        writes = [self.make(backend, f"t{number}", partner=f"P-{number}", amount=number + 1) for number in range(5)]
        results = backend.endpoint.create(writes, "op-1")
        assert [type(result) for result in results] == [Done] * 5
        assert [result.row.values[0] for result in results] == [f"t{number}" for number in range(5)]
        assert [result.row.partner for result in results] == [f"P-{number}" for number in range(5)]
        stored = {row.key: row for row in self.all(backend)}
        assert {result.row.key: result.row for result in results} == stored

    def test_one_bad_record_refuses_the_whole_batch(self, backend):
        writes = [self.make(backend, "good", partner="P-1"), self.make(backend, None, partner="P-2")]
        results = backend.endpoint.create(writes, "op-1")
        assert [type(result) for result in results] == [Failed, Failed]
        assert isinstance(results[0].error, RefusedError)
        assert backend.titles() == []
        assert backend.endpoint.created(writes, "op-1") is None

    def test_the_same_operation_again_makes_nothing_twice(self, backend):
        if not backend.endpoint.keyed_creation():
            pytest.skip("creation has no key here")
        writes = [self.make(backend, f"t{number}", partner=f"P-{number}") for number in range(3)]
        first = backend.endpoint.create(writes, "op-1")
        again = backend.endpoint.create(writes, "op-1")
        assert [result.row.key for result in again] == [result.row.key for result in first]
        assert backend.titles() == ["t0", "t1", "t2"]

    def test_created_tells_what_became_of_an_operation(self, backend):
        writes = [self.make(backend, f"t{number}", partner=f"P-{number}") for number in range(3)]
        assert backend.endpoint.created(writes, "op-1") is None  # which also makes sure that it never will be
        results = backend.endpoint.create(writes, "op-2")
        found = backend.endpoint.created(writes, "op-2")
        assert [row.key for row in found] == [result.row.key for result in results]

    # changing

    def test_update_writes_the_values_and_answers_the_row(self, backend):
        row = self.one(backend, backend.insert("a", note="old", amount=1))
        result = self.apply_one(backend, self.change(backend, row, note="new", amount=2))
        assert isinstance(result, Done), result
        assert result.row.values == ("a", "new", 2)
        assert result.row == self.one(backend, row.key)

    def test_update_clears_a_value(self, backend):
        row = self.one(backend, backend.insert("a", note="old"))
        result = self.apply_one(backend, self.change(backend, row, note=None))
        assert isinstance(result, Done), result
        assert self.one(backend, row.key).values[1] in (None, "")

    def test_update_of_a_row_with_empty_values_finds_it_unchanged(self, backend):
        row = self.one(backend, backend.insert("a"))
        result = self.apply_one(backend, self.change(backend, row, title="b"))
        assert isinstance(result, Done), result
        assert result.row.values[0] == "b"

    def test_update_of_a_moved_record_does_nothing(self, backend):
        row = self.one(backend, backend.insert("a"))
        backend.edit(row.key, note="person")
        result = self.apply_one(backend, self.change(backend, row, note="syncd"))
        assert isinstance(result, Failed)
        assert isinstance(result.error, StaleError)
        assert self.one(backend, row.key).values[1] == "person"

    def test_update_sees_an_edit_that_moved_no_stamp(self, backend):
        if not backend.compares_values:
            pytest.skip("the side compares stamps alone")
        row = self.one(backend, backend.insert("a"))
        backend.edit(row.key, keep_stamp=True, amount=5)
        result = self.apply_one(backend, self.change(backend, row, note="syncd"))
        assert isinstance(result, Failed)
        assert isinstance(result.error, StaleError)

    def test_update_of_a_record_that_is_gone(self, backend):
        row = self.one(backend, backend.insert("a"))
        backend.delete(row.key)
        result = self.apply_one(backend, self.change(backend, row, note="syncd"))
        assert isinstance(result, Failed)
        assert isinstance(result.error, GoneError)

    def test_two_updates_one_after_the_other(self, backend):
        row = self.one(backend, backend.insert("a"))
        first = self.apply_one(backend, self.change(backend, row, note="1"))
        second = self.apply_one(backend, self.change(backend, first.row, note="2"))
        assert isinstance(second, Done), second
        assert second.row.values[1] == "2"

    def test_each_write_of_many_stands_by_itself(self, backend):
        rows = [self.one(backend, backend.insert(f"t{number}")) for number in range(6)]
        backend.edit(rows[1].key, note="person")
        backend.delete(rows[3].key)
        writes = [self.change(backend, row, note="syncd") for row in rows]
        writes[4] = self.change(backend, rows[4], title=None)
        results = dict(backend.endpoint.apply(writes))
        assert sorted(results) == list(range(6))
        kinds = {index: type(getattr(result, "error", result)) for index, result in results.items()}
        assert kinds == {0: Done, 1: StaleError, 2: Done, 3: GoneError, 4: RefusedError, 5: Done}
        assert [self.one(backend, rows[index].key).values[1] for index in (0, 1, 2, 5)] == [
            "syncd",
            "person",
            "syncd",
            "syncd",
        ]

    def test_link_writes_the_partner_and_nothing_else(self, backend):
        row = self.one(backend, backend.insert("a", note="n", amount=3))
        write = Write(
            action=Action.LINK,
            side=backend.side,
            key=row.key,
            partner="P-7",
            values={},
            stamp=row.stamp,
            expected=row.values,
            link=True,
        )
        result = self.apply_one(backend, write)
        assert isinstance(result, Done), result
        assert (result.row.partner, result.row.values) == ("P-7", row.values)
        assert [found.key for found in backend.endpoint.find(["P-7"])] == [row.key]

    def test_delete_removes_the_record(self, backend):
        row = self.one(backend, backend.insert("a"))
        backend.insert("b")
        assert isinstance(self.apply_one(backend, self.change(backend, row, Action.DELETE)), Done)
        assert backend.titles() == ["b"]

    def test_delete_of_a_moved_record_does_nothing(self, backend):
        row = self.one(backend, backend.insert("a"))
        backend.edit(row.key, note="person")
        result = self.apply_one(backend, self.change(backend, row, Action.DELETE))
        assert isinstance(result.error, StaleError)
        assert backend.titles() == ["a"]

    def test_delete_of_a_record_that_is_gone(self, backend):
        row = self.one(backend, backend.insert("a"))
        backend.delete(row.key)
        assert isinstance(self.apply_one(backend, self.change(backend, row, Action.DELETE)).error, GoneError)

    def test_mark_keeps_the_record_and_shows_it_deleted(self, backend):
        if not backend.soft_deletes:
            pytest.skip("nothing is marked here")
        row = self.one(backend, backend.insert("a"))
        result = self.apply_one(backend, self.change(backend, row, Action.MARK))
        assert isinstance(result, Done), result
        assert self.one(backend, row.key).deleted
        assert backend.titles() == ["a"]

    def test_nothing_to_write_is_nothing_done(self, backend):
        assert list(backend.endpoint.create([], "op-1")) == []
        assert list(backend.endpoint.apply([])) == []
