"""Writing child tables of a SQL source, in the transaction that writes their record.

A table is given whole: rows with a name are those that stand there, and only their changed columns are written; rows
without one are inserted, rows that are left out are deleted. Before anything is written all tables of the record must
be as they were read: a changed row moves no stamp of its record by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, update

from syncd.adapters.sources.nested import Item, member_of, numbered, replaced, text_of
from syncd.adapters.sources.sql_dialect import Prepared, param
from syncd.adapters.sources.sql_errors import is_lost, write_error
from syncd.adapters.sources.sql_rows import ChildTables, Held, Ids, NestedList, RelatedTable
from syncd.adapters.sources.sql_session import Session, Transaction
from syncd.adapters.sources.sql_stamps import StampFormat, recognise
from syncd.adapters.sources.sql_types import Binder
from syncd.core.model import Raw, Row, Rows, TableRow, Unreadable, Write
from syncd.core.row_keys import in_steady_order, is_number, next_number
from syncd.core.values import Kind
from syncd.errors import RefusedError, StaleError

_NOTHING = Held(Rows())
_NEWEST = 50
"""How many of the highest stamps are looked at for one in a known form."""


class RowWriter:
    """Writes the child tables of one mapping."""

    def __init__(self, session: Session, children: ChildTables) -> None:
        self._session = session
        self._children = children
        self._related = {
            child.spec.slot: RelatedWriter(session, child)
            for child in children.all
            if isinstance(child, RelatedTable) and not child.own
        }

    @property
    def present(self) -> bool:
        """Whether the mapping has child tables."""
        return bool(self._children.all)

    def prepare(self, writes: Sequence[Write]) -> None:
        """Look up what the columns of the tables hold, before the transaction begins. Raises `RefusedError` where a
        table cannot be written.
        """
        for child in self._children.all:
            if not any(child.spec.slot in write.values for write in writes):
                continue
            if isinstance(child, NestedList):
                child.types  # noqa: B018 - read now, remembered
            elif not child.own:
                self._related[child.spec.slot].prepare()

    def plain(self, write: Write, held: Sequence[Held] = ()) -> Mapping[str, Raw]:
        """A write's values as columns of the record's own row; rows of other tables are left out.

        Raises `StaleError` for a row that is not there, `RefusedError` for rows that cannot stand there.
        """
        if not self.present or not any(child.spec.slot in write.values for child in self._children.all):
            return write.values
        given = dict(write.values)
        for child, stands in zip(self._children.all, held or [_NOTHING] * len(self._children.all), strict=True):
            rows = given.pop(child.spec.slot, None)
            if not isinstance(rows, Rows) or rows == stands.value:
                continue
            if isinstance(stands.value, Unreadable):
                raise RefusedError(
                    f"{self._place(write)}: {stands.value.reason}", hint="correct the rows in the source first"
                )
            if isinstance(child, NestedList):
                given[child.column] = self._list(child, stands, rows)
            elif child.own:
                given |= self._own(child, write, rows, stands.value)
        return given

    def _place(self, write: Write) -> str:
        return f"{self._session.place} {write.key or 'new'}"

    def _list(self, child: NestedList, held: Held, rows: Rows) -> str:
        def member(name: str, value: Raw) -> Any:
            return member_of(value, child.types.get(name))

        def new_key(name: str, standing: Sequence[Item]) -> Raw:
            return numbered(name, standing, child.types)

        return text_of(replaced(held.items, rows, child.fields, child.spec.key, member=member, new_key=new_key))

    def _own(self, child: RelatedTable, write: Write, rows: Rows, held: Rows) -> dict[str, Raw]:
        """Columns that change in a record that is its own one row: without a row they are empty."""
        if len(rows.rows) > 1:
            raise RefusedError(
                f"{self._place(write)} has {len(rows.rows)} rows in {child.spec.erpnext!r}, and room for one: "
                "the record itself is the row",
                hint=f"keep one row in {child.spec.erpnext!r}, or map it to a table of its own",
            )
        nothing = (None,) * len(child.fields)
        values, old = (one.rows[0].values if one.rows else nothing for one in (rows, held))
        ids = {*child.spec.parent, *child.spec.key}
        return {
            name: value
            for name, value, before in zip(child.fields, values, old, strict=True)
            if name not in ids and value != before
        }

    def unchanged(self, write: Write, held: Sequence[Held]) -> bool:
        """Whether all tables are as `expected` says."""
        if write.expected is None or not self.present:
            return True
        first = len(self._children.table.fields)
        return tuple(one.value for one in held) == tuple(write.expected[first : first + len(held)])

    def changes(self, write: Write, held: Sequence[Held]) -> bool:
        """Whether a write gives rows of related tables other than those that stand there."""
        return any(
            rows != stands.value
            for child, stands in zip(self._children.all, held, strict=False)
            if child.spec.slot in self._related and isinstance(rows := write.values.get(child.spec.slot), Rows)
        )

    def as_many(self, write: Write, row: Row) -> bool:
        """Whether a record has as many rows in each table as a creation gave it: its rows were made with it, or not."""
        first = len(self._children.table.fields)
        for at, child in enumerate(self._children.all, first):
            given, held = write.values.get(child.spec.slot, Rows()), row.values[at]
            if isinstance(given, Rows) and isinstance(held, Rows) and len(given.rows) != len(held.rows):
                return False
        return True

    def write(self, transaction: Transaction, write: Write, ids: Ids, held: Sequence[Held]) -> None:
        """Make the related tables hold what the write gives, the record's own row being written."""
        for child, stands in zip(self._children.all, held, strict=True):
            rows = write.values.get(child.spec.slot)
            writer = self._related.get(child.spec.slot)
            if writer is not None and isinstance(rows, Rows) and rows != stands.value:
                writer.replace(transaction, write, ids, rows, stands)

    def remove(self, transaction: Transaction, write: Write, held: Sequence[Held]) -> None:
        """Delete the rows of a record that is about to be deleted, but for those that only a view shows."""
        for child, stands in zip(self._children.all, held, strict=True):
            writer = self._related.get(child.spec.slot)
            if writer is not None and isinstance(child, RelatedTable) and not child.facts.view:
                writer.remove(transaction, write, stands)

    def gives_rows(self, writes: Sequence[Write]) -> bool:
        """Whether some of these new records have rows in related tables."""
        return any(
            isinstance(rows, Rows) and rows.rows for write in writes for rows in map(write.values.get, self._related)
        )

    def insert(self, transaction: Transaction, writes: Sequence[Write], ids: Sequence[Ids]) -> None:
        """The rows of new records, whose ids are known now."""
        nothing = [_NOTHING] * len(self._children.all)
        for write, parts in zip(writes, ids, strict=True):
            self.write(transaction, write, parts, nothing)


class RelatedWriter:
    """Writes the rows of one related table."""

    def __init__(self, session: Session, child: RelatedTable) -> None:
        self._session = session
        self._child = child
        self._facts = child.facts
        self._forms: dict[str, StampFormat | None] = {}
        self._binders: dict[str, Binder] = {}
        self._prepared: dict[object, Prepared] = {}
        self._triggers: tuple[bool, bool] | None = None
        """Whether triggers may fill new rows: columns that may be empty, columns that may not."""

    def prepare(self) -> None:
        """Look up the forms of stamps, and whether triggers fill new rows."""
        if self._facts.unwritable:
            raise RefusedError(
                f"{self._child.place}: nothing is written there: {self._facts.unwritable}",
                hint=f'give [tables.{self._child.spec.erpnext}] `direction = "to_erpnext"`, or name a table that can '
                "be written",
            )
        if self._triggers is None:
            dialect, table = self._session.dialect, self._facts.table
            self._triggers = (dialect.insert_triggers(table), dialect.early_triggers(table))
        if not self._session.dialect.loose:
            return
        for name in self._child.fields:
            if self._facts.columns[name].type.kind is Kind.DATETIME and self._forms.get(name) is None:
                column = self._child.column(name)
                newest = select(column).where(column.is_not(None)).order_by(column.desc()).limit(_NEWEST)
                found = self._session.rows(self._session.dialect.prepare(newest), [])
                self._forms[name] = next((form for (raw,) in found if (form := recognise(raw))), None)
                self._binders.pop(name, None)

    def replace(self, transaction: Transaction, write: Write, ids: Ids, rows: Rows, held: Held) -> None:
        """Make the table hold `rows` for this record, where `held` stands now."""
        if isinstance(held.value, Unreadable):
            raise RefusedError(f"{self._of(write)}: {held.value.reason}", hint="correct the rows in the source first")
        stands = {str(row.name): at for at, row in enumerate(held.value.rows)}
        for row in rows.rows:
            if row.name is not None and row.name not in stands:
                raise StaleError(f"{self._of(write)}: the row {row.name!r} is not there any more; nothing was written")
        wanted = list(rows.rows)
        if not self._child.spec.key and not in_steady_order([row.name for row in wanted]):
            # Rows told by position have no order but that of their places: each place takes what is to stand there.
            names = [row.name for row in held.value.rows]
            wanted = [row._replace(name=names[at] if at < len(names) else None) for at, row in enumerate(wanted)]
        kept = {row.name for row in wanted}
        for name, at in stands.items():
            if name not in kept:
                self._delete(transaction, write, held.places[at])
        for row in wanted:
            if row.name is not None:
                self._update(transaction, write, row, held.value.rows[stands[row.name]], held.places[stands[row.name]])
        self._insert_all(transaction, write, ids, [row for row in wanted if row.name is None], held.value, wanted)

    def remove(self, transaction: Transaction, write: Write, held: Held) -> None:
        """Delete all rows of a record."""
        for where in held.places:
            self._delete(transaction, write, where)

    def _of(self, write: Write) -> str:
        return f"{self._child.place} of {self._session.place} {write.key or 'new'}"

    def _delete(self, transaction: Transaction, write: Write, where: Ids) -> None:
        statement = partial(delete, self._child.table)
        prepared = self._prepare("delete", lambda: statement().where(self._located(0)))
        self._run(transaction, write, prepared, where)

    def _update(self, transaction: Transaction, write: Write, row: TableRow, held: TableRow, where: Ids) -> None:
        """Write the columns of a row that changed. A key that is not mapped comes without a value: it stays."""
        key, parent = self._child.spec.key, self._child.spec.parent
        changed = {
            name: self._bind(name, value)
            for name, value, old in zip(self._child.fields, row.values, held.values, strict=True)
            if value != old and name not in parent and not (value is None and name in key)
        }
        if not changed:
            return
        names = tuple(changed)

        def build() -> Any:
            sets = {self._child.table.c[name]: param(at) for at, name in enumerate(names)}
            return update(self._child.table).where(self._located(len(names))).values(sets)

        prepared = self._prepare(("update", names), build)
        self._run(transaction, write, prepared, [*changed.values(), *where])

    def _insert_all(
        self,
        transaction: Transaction,
        write: Write,
        ids: Ids,
        new: Sequence[TableRow],
        held: Rows,
        wanted: Sequence[TableRow],
    ) -> None:
        if not new:
            return
        parent = dict(zip(self._child.spec.parent, self._child.parent_values(ids), strict=True))
        keys = {
            name: [row.values[self._child.fields.index(name)] for row in chain(held.rows, wanted)]
            for name in self._child.spec.key
        }
        for row in new:
            given = self._given(row, parent)
            for name in self._child.spec.key:
                if name not in given and name not in parent and self._is_ours(name):
                    given[name] = self._next(transaction, write, name, keys[name])
                    keys[name].append(given[name])  # type: ignore[arg-type]
            self._check_key(write, {*parent, *given})
            self._insert(transaction, write, {**given, **parent})

    def _given(self, row: TableRow, parent: Mapping[str, object]) -> dict[str, object]:
        """Columns of a new row. Where it has no value the database's default holds, if there is one."""
        columns = self._facts.columns
        return {
            name: self._bind(name, value)
            for name, value in zip(self._child.fields, row.values, strict=True)
            if name not in parent
            and not (
                value is None and (columns[name].has_default or columns[name].generated or name in self._child.spec.key)
            )
        }

    def _is_ours(self, name: str) -> bool:
        """Whether the database leaves a column of the key to whoever makes the row."""
        column = self._facts.columns[name]
        late, early = self._triggers or (False, False)
        return not (column.numbered or column.has_default or column.generated or (late if column.nullable else early))

    def _next(self, transaction: Transaction, write: Write, name: str, held: Sequence[Raw]) -> int:
        """The largest number plus one: of the record's rows, or of all where the column tells every row apart."""
        kind = self._facts.columns[name].type.kind
        known = [value for value in held if value is not None]
        by_values = self._session.dialect.loose and bool(known) and all(map(is_number, known))
        if kind not in (Kind.INT, Kind.NUMBER) and not by_values:
            raise RefusedError(
                f"{self._of(write)}: nobody gives a new row its key: {name!r} holds text, which syncd does not make up",
                hint=f"map a field to {name!r} under [tables.{self._child.spec.erpnext}.fields], or give the column a "
                "default",
            )
        if self._facts.is_unique((name,)):
            column = self._child.column(name)
            prepared = self._prepare(("largest", name), lambda: select(func.max(column)).select_from(self._child.table))
            known += [value for (value,) in transaction.rows(prepared, []) if value is not None]
        return next_number(known)

    def _check_key(self, write: Write, given: set[str]) -> None:
        """Somebody gives a new row its primary key."""
        for name in self._facts.key:
            if name not in given and self._is_ours(name):
                raise RefusedError(
                    f"{self._of(write)}: nobody gives a new row its id: the column {name!r} has no default and no "
                    "field is mapped to it",
                    hint=f"map a field to {name!r} under [tables.{self._child.spec.erpnext}.fields], name it in `key`, "
                    "or give the column a default",
                )

    def _insert(self, transaction: Transaction, write: Write, row: Mapping[str, object]) -> None:
        names, table = tuple(row), self._child.table

        def build() -> Any:
            return insert(table).values({table.c[name]: param(at) for at, name in enumerate(names)})

        self._run(transaction, write, self._prepare(("insert", names), build), list(row.values()))

    def _located(self, first: int) -> ColumnElement[bool]:
        """The row whose place stands in placeholders from `first` on, exactly."""
        conditions = []
        for at, column in enumerate(self._child.locators, first):
            conditions.append(column == param(at))
            if self._child.locator:
                info = self._facts.columns[self._child.locator[at - first]]
                conditions.append(self._session.dialect.exactly(column, info, param(at)))
        return and_(*conditions)

    def _bind(self, name: str, value: Raw) -> object:
        binder = self._binders.get(name)
        if binder is None:
            column = self._facts.columns[name]
            if column.generated:
                raise RefusedError(
                    f"{self._child.place}: the column {name!r} is computed by the database and cannot be written",
                    hint='give the field `direction = "to_erpnext"`',
                )
            binder = self._binders[name] = self._session.dialect.binder(column, self._forms.get(name))
        return binder(value)

    def _run(self, transaction: Transaction, write: Write, prepared: Prepared, values: Sequence[object]) -> None:
        """Execute what concerns exactly one row. Raises what the driver's error means, naming this table."""
        try:
            count = transaction.run(prepared, values)
        except self._session.errors as error:
            if transaction.aborted(error) or is_lost(error):
                raise
            raise write_error(error, self._of(write)) from error
        if count != 1:
            raise RefusedError(
                f"{self._of(write)}: {count} rows were written where one was meant",
                hint="look at the table's triggers, and at `key`: it must name one row",
            )

    def _prepare(self, name: object, build: Any) -> Prepared:
        if name not in self._prepared:
            self._prepared[name] = self._session.dialect.prepare(build())
        return self._prepared[name]


__all__ = ["RelatedWriter", "RowWriter"]
