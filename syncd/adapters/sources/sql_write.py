"""Writing a table: rows changed one by one under a condition, all of a batch in one transaction.

The condition of a write is the id, the version, and every mapped column as it was read, NULL equal to NULL and text
byte by byte: a stamp of one second hides an edit of the same second, the columns do not (design.md, "Execute").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, update

from syncd.adapters.sources.sql_dialect import Prepared, param
from syncd.adapters.sources.sql_row_writes import RowWriter
from syncd.adapters.sources.sql_rows import ChildTables, Held, Ids
from syncd.adapters.sources.sql_session import Session, Transaction
from syncd.adapters.sources.sql_table import MOST_COMPOSITE
from syncd.adapters.sources.sql_values import Values
from syncd.core.model import Action, Row, Write
from syncd.errors import GoneError, RecordError, RefusedError, StaleError
from syncd.ports.endpoint import Done, Failed, WriteResult


@dataclass(frozen=True, slots=True)
class _Change:
    """One write as columns: what is set, and the id of the row. Empty `columns` on a DELETE. `held` are the rows of the
    record's child tables as they stand.
    """

    write: Write
    ids: tuple[object, ...]
    columns: tuple[str, ...]
    values: tuple[object, ...]
    held: tuple[Held, ...]


class _Restart(Exception):  # noqa: N818 - no error: the batch is done again, one by one
    """The database rolled the whole transaction back because of one row."""


class Changer:
    """UPDATE, LINK, MARK and DELETE of rows of one table."""

    def __init__(self, session: Session, children: ChildTables, values: Values) -> None:
        self._session = session
        self._children = children
        self._rows = RowWriter(session, children)
        self._table = table = children.table
        self._values = values
        self._prepared: dict[object, Prepared] = {}
        self._doubled_ids = not table.facts.is_unique(table.ids)

    def apply(self, writes: Sequence[Write]) -> list[tuple[int, WriteResult]]:
        """Carry out `writes`, each by itself, in one transaction; one (index, result) for each, in order.

        A write does nothing when its row moved (`StaleError`) or is gone (`GoneError`), and is `Failed` with the
        database's words when a rule of the table refuses it; the others go on. Raises `UnreachableError` where the
        database as a whole cannot be written.
        """
        if not writes:
            return []
        try:
            self._table.must_be_writable()
            self._values.prepare({name for write in writes for name in write.values}, "UPDATE")
            self._rows.prepare(writes)
            return list(enumerate(self._batch(writes)))
        except _Restart:
            return [(index, self._alone(write)) for index, write in enumerate(writes)]
        except RecordError as error:
            if len(writes) > 1 and isinstance(error, RefusedError):
                # A rule that is checked at COMMIT refused one of them; which one, each tells by itself.
                return [(index, self._alone(write)) for index, write in enumerate(writes)]
            return [(index, Failed(error)) for index in range(len(writes))]

    def _alone(self, write: Write) -> WriteResult:
        try:
            return self._batch([write])[0]
        except _Restart as restart:
            cause = restart.__cause__
            assert isinstance(cause, Exception)  # noqa: S101 - `_one` raises it from the driver's error
            return Failed(self._session.record_failure(cause))
        except RecordError as error:
            return Failed(error)

    def _batch(self, writes: Sequence[Write]) -> list[WriteResult]:
        results: list[WriteResult | None] = [None] * len(writes)
        written: dict[int, _Change] = {}
        with self._session.transaction() as transaction:
            ids: dict[int, Ids] = {}
            for index, write in enumerate(writes):
                try:
                    ids[index] = self._ids(transaction, write)
                except RecordError as error:
                    results[index] = Failed(error)
            held = self._children.held({writes[at].key or "": parts for at, parts in ids.items()}, transaction.rows)
            for index, parts in ids.items():
                try:
                    change = self._change(transaction, writes[index], parts, held.get(writes[index].key or "", ()))
                    self._one(transaction, change)
                    written[index] = change
                except RecordError as error:
                    results[index] = Failed(error)
            rows = self._read_back(transaction, list(written.values()))
        for index, change in written.items():
            results[index] = self._done(change, rows)
        return [result for result in results if result is not None]

    def _done(self, change: _Change, rows: dict[str, Row]) -> WriteResult:
        write = change.write
        key = write.key or ""
        if write.action is Action.DELETE:
            return Done(Row(key, write.stamp, write.expected or (), deleted=True))
        row = rows.get(key)
        if row is None:
            # The write stands; a trigger of the table moved the row away in the same transaction.
            return Failed(
                GoneError(f"{self._place(write)} was written, and a trigger then removed it or changed its id")
            )
        return Done(row)

    def _place(self, write: Write) -> str:
        return f"{self._session.place} {write.key}"

    def _change(self, transaction: Transaction, write: Write, ids: Ids, held: tuple[Held, ...]) -> _Change:
        if write.action is Action.DELETE:
            return _Change(write, ids, (), (), held)
        wanted: dict[str, object] = {}
        if write.action is not Action.LINK:
            wanted = self._wanted(write, held)
        spec = self._table.spec
        if (write.link or write.action is Action.LINK) and spec.erpnext_name is not None:
            wanted[spec.erpnext_name] = write.partner
        if write.action is Action.MARK:
            if spec.deleted is None:
                raise RefusedError(
                    f"{self._place(write)} cannot be marked as deleted: the mapping names no column for that",
                    hint=f"set `deleted` under [source] in {spec.file}, or another `erpnext_deleted`",
                )
            wanted[spec.deleted] = self._values.mark(transaction)
        writes = wanted or self._rows.changes(write, held)
        if spec.modified is not None and spec.modified not in wanted and writes and self._values.touches("UPDATE"):
            wanted[spec.modified] = self._values.touch(transaction)
        return _Change(write, ids, tuple(wanted), tuple(wanted.values()), held)

    def _wanted(self, write: Write, held: tuple[Held, ...]) -> dict[str, object]:
        own = dict(zip(self._table.fields, write.expected or (), strict=False))
        wanted = {}
        for name, value in self._rows.plain(write, held).items():
            if name in self._table.ids:
                if name in own and own[name] != value:
                    raise RefusedError(
                        f"{self._place(write)}: the id column {name!r} would change from {own[name]!r} to {value!r}",
                        hint='syncd does not change ids; give the field `direction = "to_erpnext"`',
                    )
                continue
            wanted[name] = self._values.bind(name, value)
        return wanted

    def _ids(self, transaction: Transaction, write: Write) -> tuple[object, ...]:
        """The id of the row behind the write's key; a key with several readings (`5` and `'5'`) is looked up."""
        candidates = self._table.codec.decode(write.key or "")
        if not candidates:
            raise GoneError(f"{self._session.place} has no row {write.key!r}; no id is written like that")
        if len(candidates) == 1 and self._table.codec.unambiguous:
            return candidates[0]
        return self._found_ids(transaction, write.key or "", candidates)

    def _found_ids(
        self, transaction: Transaction, key: str, candidates: Sequence[tuple[object, ...]]
    ) -> tuple[object, ...]:
        table = self._table
        statement = select(*table.id_columns).where(table.among(table.ids, len(candidates)))
        prepared = self._prepare(("ids", len(candidates)), statement)
        flat = [part for candidate in candidates for part in candidate]
        for parts in transaction.rows(prepared, flat):
            if table.codec.encode(parts) == key:
                return tuple(parts)
        raise GoneError(f"{self._session.place} has no row {key!r} any more")

    def _one(self, transaction: Transaction, change: _Change) -> None:
        """Carry out one change; raises the `RecordError` that stopped it, without a trace of it left."""
        write = change.write
        if not self._rows.unchanged(write, change.held):
            raise self._moved(transaction, change)
        try:
            with transaction.savepoint(needed=self._doubled_ids or self._rows.present):
                if write.action is Action.DELETE:
                    self._rows.remove(transaction, write, change.held)
                if change.columns or write.action is Action.DELETE:
                    self._run(transaction, change)
                else:
                    self._must_match(transaction, change)
                if write.action not in (Action.DELETE, Action.LINK):
                    self._rows.write(transaction, write, change.ids, change.held)
        except self._session.errors as error:
            if transaction.aborted(error):
                raise _Restart from error
            raise self._session.record_failure(error) from error

    def _run(self, transaction: Transaction, change: _Change) -> None:
        write = change.write
        values: list[object] = [*change.values, *change.ids, *self._condition_values(write)]
        count = transaction.run(self._statement(change), values)
        if count > 1:
            file = self._table.spec.file
            raise RefusedError(
                f"{count} rows of {self._session.place} have the id {write.key!r}",
                hint=f"an id must name one row; correct the table, or `id` under [source] in {file}",
            )
        if count == 0:
            raise self._moved(transaction, change)

    def _must_match(self, transaction: Transaction, change: _Change) -> None:
        write = change.write
        conditions = self._conditions(0, write)
        statement = select(*self._table.id_columns).where(*conditions)
        prepared = self._prepare(("match", write.expected is not None), statement)
        if not transaction.rows(prepared, [*change.ids, *self._condition_values(write)]):
            raise self._moved(transaction, change)

    def _moved(self, transaction: Transaction, change: _Change) -> RecordError:
        table = self._table
        statement = select(*table.id_columns).where(table.same_id(0))
        place = self._place(change.write)
        if transaction.rows(self._prepare("there", statement), change.ids):
            return StaleError(f"{place} was changed since it was read; nothing was written")
        return GoneError(f"{place} is not there any more")

    def _conditions(self, first: int, write: Write) -> list[ColumnElement[bool]]:
        """Id, version and image; their placeholders from `first` on, in the order of `_condition_values`."""
        table = self._table
        conditions = [table.same_id(first)]
        at = first + len(table.ids)
        names = [table.spec.modified] if table.spec.modified is not None else []
        names += table.fields if write.expected is not None else ()
        for offset, name in enumerate(names):
            conditions.append(table.exactly(name, param(at + offset)))
        return conditions

    def _condition_values(self, write: Write) -> list[object]:
        stamp = [write.stamp] if self._table.spec.modified is not None else []
        # Child tables, which stand behind the columns, are compared row by row.
        return [*stamp, *(write.expected or ())[: len(self._table.fields)]]

    def _statement(self, change: _Change) -> Prepared:
        write, table = change.write, self._table.table
        name = (write.action is Action.DELETE, change.columns, write.expected is not None)
        if name in self._prepared:
            return self._prepared[name]
        condition = and_(*self._conditions(len(change.columns), write))
        if write.action is Action.DELETE:
            return self._prepare(name, delete(table).where(condition))
        sets = {table.c[column]: param(at) for at, column in enumerate(change.columns)}
        return self._prepare(name, update(table).where(condition).values(sets))

    def _prepare(self, name: object, statement: Any) -> Prepared:
        if name not in self._prepared:
            self._prepared[name] = self._session.dialect.prepare(statement)
        return self._prepared[name]

    def _read_back(self, transaction: Transaction, changes: Sequence[_Change]) -> dict[str, Row]:
        """The changed rows as they are now, by key: triggers and defaults have had their say."""
        ids = [change.ids for change in changes if change.write.action is not Action.DELETE]
        return {row.key: row for row in read_by_ids(transaction, self._session, self._children, ids)}


def read_by_ids(
    transaction: Transaction, session: Session, children: ChildTables, ids: Sequence[tuple[object, ...]]
) -> list[Row]:
    """Rows by id with their child tables, in any order, inside a transaction."""
    table = children.table
    size = session.dialect.placeholders if len(table.ids) == 1 else MOST_COMPOSITE
    rows: list[Row] = []
    for start in range(0, len(ids), size):
        part = ids[start : start + size]
        prepared = table.by_ids(len(part))
        found = transaction.rows(prepared, [value for parts in part for value in parts])
        made, problems = table.rows(found)
        if problems:
            raise RefusedError(f"{session.place} {problems[0].key}: {problems[0].reason}")
        rows += children.fill(made, found, transaction.rows)
    return rows


__all__ = ["Changer", "read_by_ids"]
