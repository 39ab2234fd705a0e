"""Making rows: a batch is one transaction, all of it or nothing, read back before it is committed.

With a column for the ERPNext name creation is exactly-once: a row that names the partner already is the row, and is
never made again, whatever answer was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, repeat
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, literal_column

from syncd.adapters.sources.sql_dialect import Prepared, param
from syncd.adapters.sources.sql_feed import Feed
from syncd.adapters.sources.sql_keys import KeyProblem
from syncd.adapters.sources.sql_row_writes import RowWriter
from syncd.adapters.sources.sql_rows import ChildTables
from syncd.adapters.sources.sql_session import Session, Transaction
from syncd.adapters.sources.sql_values import Values
from syncd.adapters.sources.sql_write import read_by_ids
from syncd.core.model import Row, Write
from syncd.errors import BusyError, RecordError, RefusedError, UnknownOutcomeError
from syncd.ports.endpoint import Done, Failed, WriteResult

_Numbers = list[int]


_ALIKE = 50
"""Records with the same values that are told apart by the number of their rows."""
_ASKED_AT_ONCE = 500
"""Partners that one statement looks for."""


class Creator:
    """Makes rows of one table, and finds out what became of a batch."""

    def __init__(self, session: Session, children: ChildTables, feed: Feed, values: Values) -> None:
        self._session = session
        self._children = children
        self._rows = RowWriter(session, children)
        self._table = table = children.table
        self._feed = feed
        self._values = values
        self._row_number = session.dialect.row_number(table.facts.table, list(table.facts.columns))
        self._triggers = session.dialect.insert_triggers(table.facts.table)
        self._prepared: dict[object, Prepared] = {}

    def create(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Make all rows or none; one result a write, in order, each row as it stands in the table.

        Where rows name their partners, those that are there already are given back instead of made again, unless
        only some of the batch are: then the batch is refused, for the caller to split.
        """
        if not writes:
            return []
        try:
            self._table.must_be_writable()
            self._values.prepare({name for write in writes for name in write.values}, "INSERT")
            self._rows.prepare(writes)
            self._check_ids(writes)
            with self._session.transaction() as transaction:
                transaction.take_turn(self._table.facts.table)
                rows = self._there(transaction, writes) or self._make(transaction, writes)
        except RecordError as error:
            return [Failed(error)] * len(writes)
        return [Done(row) for row in rows]

    def created(self, writes: Sequence[Write]) -> list[Row | None] | None:
        """The rows that stand for `writes`, in order, or None when there are none.

        Rows are told by their partner's name; without a column for it by every value that was sent, and then only
        where exactly one row fits each: else `UnknownOutcomeError`. A creation that the server is still at work on is
        waited for, so that it cannot end behind this answer.
        """
        try:
            with self._session.transaction() as transaction:
                transaction.take_turn(self._table.facts.table)
        except BusyError as error:
            raise UnknownOutcomeError(
                f"{self._session.place}: an earlier creation of {len(writes)} row(s) is still under way",
                hint="syncd looks again in the next run",
                code=error.code,
            ) from error
        if self._table.spec.erpnext_name is None:
            return self._alike(writes)
        found = self._by_partner(self._feed.find([write.partner or "" for write in writes]))
        rows = [found.get(write.partner or "") for write in writes]
        return rows if any(rows) else None

    def _by_partner(self, rows: Sequence[Row]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for row in rows:
            first = found.setdefault(row.partner or "", row)
            if first is not row:
                raise UnknownOutcomeError(
                    f"{self._session.place}: the rows {first.key!r} and {row.key!r} both name {row.partner!r}",
                    hint=f"clear {self._table.spec.erpnext_name!r} in the row that is not the partner",
                )
        return found

    def _alike(self, writes: Sequence[Write]) -> list[Row | None] | None:
        found = [self._like(write) for write in writes]
        if not any(found):
            return None
        keys = [rows[0].key for rows in found if len(rows) == 1]
        if len(keys) == len(writes) == len(set(keys)):
            return [rows[0] for rows in found]
        raise UnknownOutcomeError(
            f"{self._session.place}: whether {len(writes)} row(s) were created cannot be told: "
            "none or several rows hold exactly the values that were sent",
            hint=f"give the table a column for the ERPNext name: `erpnext_name` in {self._table.spec.file}",
        )

    def _like(self, write: Write) -> list[Row]:
        """Up to two rows that hold every value of `write`."""
        table, plain = self._table, self._rows.plain(write)
        names = list(plain)
        self._values.prepare(names, "INSERT")
        conditions = [table.exactly(name, param(at)) for at, name in enumerate(names)]
        statement = table.select().where(and_(*conditions)).limit(_ALIKE if self._rows.present else 2)
        bound = [self._values.bind(name, value) for name, value in plain.items()]
        found = self._session.rows(self._session.dialect.prepare(statement), bound)
        rows = self._children.fill(table.rows(found)[0], found, self._session.rows)
        return [row for row in rows if self._rows.as_many(write, row)]

    def _check_ids(self, writes: Sequence[Write]) -> None:
        """Somebody gives each new row its id: the mapping, or the database."""
        given = set(writes[0].values).intersection(*(write.values for write in writes))
        for name in self._table.ids:
            column = self._table.facts.columns[name]
            if not (name in given or column.has_default or column.generated or self._triggers):
                raise RefusedError(
                    f"{self._session.place}: nobody gives a new row its id: the id column {name!r} has no default "
                    "and no field is mapped to it",
                    hint=f"map a field to {name!r}, give the column a default, or set `create` under [match] "
                    f"in {self._table.spec.file}",
                )

    def _there(self, transaction: Transaction, writes: Sequence[Write]) -> list[Row] | None:
        """The rows that name the writes' partners already, when they all do; None when none does."""
        name = self._table.spec.erpnext_name
        partners = [write.partner for write in writes if write.link and write.partner is not None]
        if name is None or not partners:
            return None
        rows: list[Row] = []
        wanted = set(partners)
        statement = self._table.select().where(self._table.among((name,), _ASKED_AT_ONCE))
        prepared = self._prepare("there", statement)
        for start in range(0, len(partners), _ASKED_AT_ONCE):
            part = partners[start : start + _ASKED_AT_ONCE]
            # Filled up with the last one, so that one statement serves every batch.
            asked = part + part[-1:] * (_ASKED_AT_ONCE - len(part))
            found = transaction.rows(prepared, asked)
            told = [row for row in self._table.rows(found)[0] if row.partner in wanted]
            rows += self._children.fill(told, found, transaction.rows)
        if not rows:
            return None
        there = self._by_partner(rows)
        if all(write.partner in there for write in writes):
            return [there[write.partner or ""] for write in writes]
        one = rows[0]
        raise RefusedError(
            f"{self._session.place}: the row {one.key!r} names {one.partner!r} already, others of the batch are new",
            hint="syncd sends the records one by one",
            code="PartlyThere",
        )

    def _make(self, transaction: Transaction, writes: Sequence[Write]) -> list[Row]:
        """Insert and read back; the rows in the order of `writes`."""
        stamp = [self._values.touch(transaction)] if self._values.touches("INSERT") else []
        inserted: list[Any] = []
        given, writes = writes, [write._replace(values=self._rows.plain(write)) for write in writes]
        names = tuple(dict.fromkeys(name for write in writes for name in write.values))
        filled = self._filled_by_itself(names)

        def shape(write: Write) -> tuple[object, ...]:
            return (write.link, *[name in write.values for name in filled])

        for _, alike in groupby(writes, key=shape):
            group = list(alike)
            columns = [name for name in names if name not in filled or name in group[0].values]
            inserted += self._insert(transaction, group, columns, stamp)
        if self._rows.gives_rows(given):
            # Rows first, then their records are read: triggers on the rows may change the records.
            ids = self._numbered(transaction, inserted) if self._row_number else inserted
            self._rows.insert(transaction, given, [tuple(raw[: len(self._table.ids)]) for raw in ids])
        return self._read_numbered(transaction, inserted) if self._row_number else self._read(transaction, inserted)

    def _filled_by_itself(self, names: Iterable[str]) -> frozenset[str]:
        """Columns that the database fills where a row leaves them out; any other is left out by saying NULL."""
        known = self._table.facts.columns
        return frozenset(
            name for name in names if name in self._table.ids or ((held := known.get(name)) and held.has_default)
        )

    def _insert(
        self, transaction: Transaction, writes: Sequence[Write], names: Sequence[str], stamp: Sequence[object]
    ) -> list[Any]:
        """Insert rows with the same columns; gives their row numbers, or their ids where rows have no numbers."""
        spec = self._table.spec
        columns: dict[str, Iterable[object]] = {
            name: self._values.bind_all(name, [write.values.get(name) for write in writes]) for name in names
        }
        if writes[0].link and spec.erpnext_name is not None:
            columns[spec.erpnext_name] = [write.partner for write in writes]
        if stamp and spec.modified is not None:
            columns.setdefault(spec.modified, repeat(stamp[0], len(writes)))
        table = self._table.table
        statement = insert(table).values({table.c[name]: param(at) for at, name in enumerate(columns)})
        returning = self._row_number is None and self._session.dialect.returning
        if returning:
            statement = statement.returning(*self._table.id_columns)
        prepared = self._prepare(("insert", tuple(columns)), statement)
        filled = list(columns.values())
        if prepared.order is not None:
            filled = [filled[number] for number in prepared.order]
        rows: Iterable[Any] = zip(*filled, strict=True) if filled else repeat((), len(writes))
        made = transaction.insert(prepared, list(rows if prepared.order is not None else map(prepared.bind, rows)))
        if None in made:
            raise RefusedError(
                f"{self._session.place} took no row: a trigger of the table ignored it",
                hint="look at the table's INSERT triggers",
            )
        told = [found for found in made if found is not None]
        if self._row_number is not None:
            return [found[0] for found in told]
        return [tuple(found) for found in told] if returning else self._ids_given(columns, told)

    def _ids_given(
        self, columns: Mapping[str, Iterable[object]], numbers: Sequence[tuple[Any, ...]]
    ) -> list[tuple[object, ...]]:
        """The ids of new rows where INSERT tells no more than the number that the database gave."""
        parts: list[Iterable[object]] = []
        for name in self._table.ids:
            if name in columns:
                parts.append(columns[name])
            elif self._table.facts.columns[name].numbered:
                parts.append([number for (number,) in numbers])
            else:
                raise RefusedError(
                    f"{self._session.place}: this database does not tell which value it gave to {name!r} in a new row",
                    hint=f"map a field to {name!r}, or set `create` under [match] in {self._table.spec.file}",
                )
        return list(zip(*parts, strict=True))

    def _read_numbered(self, transaction: Transaction, numbers: _Numbers) -> list[Row]:
        found = self._numbered(transaction, numbers)
        rows, problems = self._table.rows(found)
        if problems:
            raise RefusedError(f"{self._session.place}: the new row {problems[0].key}: {problems[0].reason}")
        return self._children.fill(rows, found, transaction.rows)

    def _numbered(self, transaction: Transaction, numbers: _Numbers) -> list[tuple[Any, ...]]:
        """Raw rows by the numbers the table gave them: in one range where they follow one another."""
        number: ColumnElement[Any] = literal_column(self._row_number or "")
        select = self._table.select(number)
        raw: dict[int, tuple[Any, ...]] = {}
        low, high = numbers[0], numbers[-1]
        if high - low + 1 == len(numbers):
            prepared = self._prepare("range", select.where(number >= param(0), number <= param(1)))
            raw = {found[0]: found[1:] for found in transaction.rows(prepared, [low, high])}
        else:
            for start in range(0, len(numbers), self._session.dialect.placeholders):
                part = numbers[start : start + self._session.dialect.placeholders]
                placeholders = [param(at) for at in range(len(part))]
                prepared = self._prepare(("numbers", len(part)), select.where(number.in_(placeholders)))
                raw.update({found[0]: found[1:] for found in transaction.rows(prepared, part)})
        if any(at not in raw for at in numbers):
            raise RefusedError(
                f"{self._session.place} did not keep a row: a trigger of the table removed it",
                hint="look at the table's INSERT triggers",
            )
        return [raw[at] for at in numbers]

    def _read(self, transaction: Transaction, ids: Sequence[tuple[Any, ...]]) -> list[Row]:
        found = {row.key: row for row in read_by_ids(transaction, self._session, self._children, ids)}
        try:
            return [found[self._table.codec.encode(parts)] for parts in ids]
        except KeyProblem as problem:
            raise RefusedError(f"{self._session.place}: the new row {problem.shown}: {problem.reason}") from None
        except KeyError as missing:
            raise RefusedError(
                f"{self._session.place} did not keep the row {missing}: a trigger of the table changed its id",
                hint="look at the table's INSERT triggers",
            ) from None

    def _prepare(self, name: object, statement: Any) -> Prepared:
        if name not in self._prepared:
            self._prepared[name] = self._session.dialect.prepare(statement)
        return self._prepared[name]


__all__ = ["Creator"]
