"""Ids that cannot stand for their rows: NULL, doubled, or the same but for case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_

from syncd.adapters.sources.sql_dialect import param
from syncd.adapters.sources.sql_keys import KeyProblem
from syncd.adapters.sources.sql_session import Session
from syncd.adapters.sources.sql_table import BoundTable
from syncd.core.model import Row
from syncd.core.values import Kind
from syncd.ports.endpoint import RowProblem

_CHUNK = 500

_Ids = tuple[Any, ...]


class IdProblems:
    """Finds such rows of a table in a mapping's scope (`condition`, with `values` for its placeholders)."""

    def __init__(
        self, session: Session, table: BoundTable, condition: ColumnElement[bool], values: Sequence[object]
    ) -> None:
        self._session = session
        self._table = table
        self._condition = condition
        self._values = list(values)
        self._colliding: set[str] = set()

    def everywhere(self) -> list[RowProblem]:
        """Every row without an id and every group of colliding ids; remembers the latter for `sort_out`."""
        if self._table.simple:
            return []
        groups = self._grouped(self._all_colliding())
        self._colliding = {key for keys in groups for key in keys}
        return [*self.without_id(), *self._told(groups)]

    def sort_out(self, rows: list[Row], found: Sequence[_Ids], *, whole: bool) -> tuple[list[Row], list[RowProblem]]:
        """(rows that are clean, problems of those left out). `whole`: `everywhere` has looked and told already."""
        if self._table.simple or not rows:
            return rows, []
        if whole:
            if not self._colliding:
                return rows, []
            return [row for row in rows if row.key not in self._colliding], []
        groups = self._grouped(self._like(found))
        colliding = {key for keys in groups for key in keys}
        return [row for row in rows if row.key not in colliding], self._told(groups)

    def _folded(self) -> list[ColumnElement[Any]]:
        dialect, table = self._table.facts.dialect, self._table
        return [
            dialect.fold(column, table.facts.columns[name]) if self._is_text(name) else column
            for name, column in zip(table.ids, table.id_columns, strict=True)
        ]

    def _is_text(self, name: str) -> bool:
        return self._table.facts.dialect.loose or self._table.type(name).kind is Kind.TEXT

    def _all_colliding(self) -> list[_Ids]:
        folded, ids = self._folded(), self._table.id_columns
        known = [column.is_not(None) for column in self._table.nullable_ids]
        doubled = select(*folded).where(self._condition, *known).group_by(*folded).having(func.count() > 1)
        among = folded[0].in_(doubled) if len(folded) == 1 else tuple_(*folded).in_(doubled)
        statement = select(*ids).where(self._condition, *known, among).order_by(*ids)
        return self._session.rows(self._session.dialect.prepare(statement), self._values)

    def _like(self, found: Sequence[_Ids]) -> list[_Ids]:
        """The ids of all rows whose first id column is that of a row of `found`, case ignored."""
        table, first = self._table, len(self._values)
        text = self._is_text(table.ids[0])
        folded = self._folded()[0]
        wanted = list({_fold(raw[0]) if text else raw[0] for raw in found if raw[0] is not None})
        ids: list[_Ids] = []
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            among = folded.in_([param(first + at) for at in range(len(part))])
            statement = select(*table.id_columns).where(self._condition, among)
            ids += self._session.rows(self._session.dialect.prepare(statement), [*self._values, *part])
        return ids

    def _grouped(self, ids: Sequence[_Ids]) -> list[list[str]]:
        """The keys of ids that are the same when case is ignored, in groups of two and more."""
        groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for parts in ids:
            try:
                key = self._table.codec.encode(parts)
            except KeyProblem:
                continue  # told by itself, where its row is read
            groups[tuple(_fold(part) for part in parts)].append(key)
        return [keys for keys in groups.values() if len(keys) > 1]

    def _told(self, groups: Sequence[Sequence[str]]) -> list[RowProblem]:
        problems = []
        for keys in groups:
            distinct = list(dict.fromkeys(keys))
            if len(distinct) == 1:
                problems.append(RowProblem(distinct[0], f"{len(keys)} rows have this id; an id must name one row"))
                continue
            for key in distinct:
                others = ", ".join(repr(other) for other in distinct if other != key)
                reason = f"the id differs from {others} only by case, which ERPNext's database does not tell apart"
                problems.append(RowProblem(key, reason))
        return problems

    def without_id(self) -> list[RowProblem]:
        """Rows with NULL in an id column, one entry for each form the id takes."""
        table = self._table
        if not table.nullable_ids:
            return []
        missing = or_(*(column.is_(None) for column in table.nullable_ids))
        statement = select(*table.id_columns, func.count()).where(self._condition, missing).group_by(*table.id_columns)
        found = self._session.rows(self._session.dialect.prepare(statement), self._values)
        names = ", ".join(repr(column.name) for column in table.nullable_ids)
        return [
            RowProblem(
                table.codec.shown(raw[:-1]),
                f"{raw[-1]} row(s) have NULL in the id ({names}); a row needs an id to be told by",
            )
            for raw in found
        ]


def _fold(part: object) -> str:
    return str(part).casefold()
