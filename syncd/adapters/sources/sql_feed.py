"""Reading a table: by pages in the order of its stamps or its ids, and by key.

No page is asked for by offset, and no transaction stays open between two pages: each goes on behind the last row of the
one before it, so rows that are edited meanwhile move forward and are met again instead of pushing others out of sight.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, or_, select, true

from syncd.adapters.sources.sql_dialect import Prepared, param
from syncd.adapters.sources.sql_problems import IdProblems
from syncd.adapters.sources.sql_rows import ChildTables
from syncd.adapters.sources.sql_session import Session
from syncd.adapters.sources.sql_stamps import Span, look_back, recognise
from syncd.adapters.sources.sql_table import MOST_COMPOSITE, BoundTable
from syncd.core.model import Raw, Row
from syncd.core.values import decode_raw, encode_raw, parse_stamp
from syncd.ports.endpoint import Page

_NEWEST = 50
"""How many of the highest stamps are looked at for one in a known form."""

_Found = list[tuple[Any, ...]]


def encode_cursor(stamp: Raw, read: datetime | None = None) -> str:
    """Where a feed stands, as text: the last stamp in a known form; None asks for everything.

    `read` (aware) is given where the stamp lies in the future: what was stamped until then was read, and no more.
    """
    held = {"modified": None if stamp is None else encode_raw(stamp)}
    return json.dumps(held if read is None else {**held, "read": read.isoformat()}, ensure_ascii=False)


def decode_cursor(cursor: str | None) -> tuple[Raw, datetime | None]:
    """The stamp in a cursor, and the moment up to which it was read; no stamp in a cursor that asks for everything, and
    in text that is no cursor."""
    if not cursor:
        return None, None
    try:
        held = json.loads(cursor)
        text, read = held.get("modified"), held.get("read")
        stamp = decode_raw(text) if isinstance(text, str) else None
        return stamp, None if read is None else datetime.fromisoformat(read)
    except (ValueError, AttributeError, TypeError):
        # Of another program or version: reading everything is always right.
        return None, None


class Scope:
    """The mapping's filters as a condition; its placeholders are the first of every statement that has it."""

    def __init__(self, table: BoundTable) -> None:
        self.values: list[object] = []
        conditions: list[ColumnElement[bool]] = [true()]
        for name, wanted in table.spec.source_filters.items():
            bind = table.facts.dialect.binder(table.facts.columns[name], None)
            members = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
            column = table.column(name)
            choices: list[ColumnElement[bool]] = [column.is_(None)] if None in members else []
            given = [bind(member) for member in members if member is not None]
            places = range(len(self.values), len(self.values) + len(given))
            if given:
                # The first condition may use an index; the second holds against collations that ignore case.
                exactly = or_(*(table.exactly(name, param(at)) for at in places))
                choices.append(and_(column.in_([param(at) for at in places]), exactly))
            self.values += given
            conditions.append(or_(*choices) if choices else ~true())
        self.condition = and_(*conditions)
        self.next = len(self.values)
        """The number of the first placeholder that is free."""


class Feed:
    """Pages of one table in a mapping's scope, and rows by key."""

    def __init__(
        self, session: Session, children: ChildTables, page_size: int, zone: ZoneInfo, now: Callable[[], datetime]
    ) -> None:
        self._session = session
        self._children = children
        self._table = table = children.table
        self._limit = page_size
        self._zone = zone
        self._now = now
        self._scope = Scope(table)
        self._problems = IdProblems(session, table, self._scope.condition, self._scope.values)
        self._prepared: dict[object, Prepared] = {}

    def changes(self, cursor: str | None, overlap: float) -> Iterator[Page]:
        """Rows whose stamp lies at or behind `overlap` seconds before `cursor`, and those without a stamp."""
        table = self._table
        if table.spec.modified is None:
            yield from self._everything(encode_cursor(None))
            return
        last, read = decode_cursor(cursor)
        began = self._now()
        spans = None if last is None else look_back(last, overlap, self._zone, read or began)
        if spans is None and table.spec.modified not in table.facts.indexed:
            # Ordering by a column without an index would sort the table again for every page.
            yield from self.scan()
            return
        yield self._opening(encode_cursor(last, read), whole=spans is None)
        yield from self._without_stamp(encode_cursor(last, read), whole=spans is None)
        for span in spans or [Span(None)]:
            for found in self._by_stamp(span):
                last = next((raw for raw in self._stamps_backwards(found) if recognise(raw)), last)
                yield self._page(found, self._reached(last, began), whole=spans is None)

    def scan(self) -> Iterator[Page]:
        """Every row in the order of its id. The last page's cursor is where `changes` goes on from."""
        began = self._now()
        yield from self._everything(self._reached(self.newest_stamp(), began))

    def _reached(self, last: Raw, began: datetime) -> str:
        """The cursor at `last`, of a pass that began then: a stamp of the future tells nothing of what is written until
        that day."""
        stamp = parse_stamp(last, self._zone.key)
        return encode_cursor(last, began if stamp is not None and stamp.at > began else None)

    def fetch(self, keys: Sequence[str]) -> list[Row]:
        """The rows with these keys, whatever the filters say."""
        ids = [candidate for key in dict.fromkeys(keys) for candidate in self._table.codec.decode(key)]
        wanted = set(keys)
        rows: dict[str, Row] = {}
        for row in self._among(self._table.ids, ids):
            if row.key in wanted:
                rows.setdefault(row.key, row)
        return [rows[key] for key in dict.fromkeys(keys) if key in rows]

    def find(self, partners: Sequence[str]) -> list[Row]:
        """The rows that name these partners, whatever the filters say."""
        name = self._table.spec.erpnext_name
        if name is None:
            return []
        wanted = set(partners)
        found = self._among((name,), [(partner,) for partner in dict.fromkeys(partners)])
        return [row for row in found if row.partner in wanted]

    def newest_stamp(self) -> Raw:
        """The highest stamp in a known form; None where the table holds none."""
        name = self._table.spec.modified
        if name is None:
            return None
        return self.newest_value(name)

    def newest_value(self, name: str) -> Raw:
        """The highest value in a column that is a stamp in a known form."""
        column = self._table.column(name)
        known = select(column).where(column.is_not(None))
        statement = known.order_by(column.desc()).limit(_NEWEST)
        found = self._session.rows(self._prepare(("newest", name), lambda: statement), [])
        return next((raw for (raw,) in found if recognise(raw)), None)

    def is_empty(self, name: str) -> bool:
        """Whether no row holds anything in a column."""
        column = self._table.column(name)
        statement = select(column).where(column.is_not(None)).limit(1)
        return not self._session.rows(self._prepare(("any", name), lambda: statement), [])

    def _everything(self, final: str) -> Iterator[Page]:
        """All rows by id. Only the last page's cursor moves on: a pass that was cut short starts again."""
        start = encode_cursor(None)
        held = self._opening(start, whole=True)
        for found in self._by_id(None):
            yield held
            held = self._page(found, start, whole=True)
        yield Page(rows=held.rows, cursor=final, problems=held.problems)

    def _without_stamp(self, cursor: str, *, whole: bool) -> Iterator[Page]:
        name = self._table.spec.modified
        if name is not None and self._table.facts.columns[name].nullable:
            for found in self._by_id(self._table.column(name).is_(None)):
                yield self._page(found, cursor, whole=whole)

    def _opening(self, cursor: str, *, whole: bool) -> Page:
        """The page before the first row: ids that cannot stand for their rows, as far as they are looked for at once.

        In a whole pass those that collide are looked for in the table once, else for each page.
        """
        problems = self._problems.everywhere() if whole else self._problems.without_id()
        return Page(rows=[], cursor=cursor, problems=tuple(problems))

    def _page(self, found: _Found, cursor: str, *, whole: bool) -> Page:
        rows, problems = self._table.rows(found)
        clean, colliding = self._problems.sort_out(rows, found, whole=whole)
        clean = self._children.fill(clean, found, self._session.rows)
        return Page(rows=clean, cursor=cursor, problems=(*problems, *colliding))

    def _stamps_backwards(self, found: _Found) -> Iterator[Raw]:
        at = len(self._table.ids)
        return (raw[at] for raw in reversed(found))

    def _by_id(self, condition: ColumnElement[bool] | None) -> Iterator[_Found]:
        ids, first = self._table.order, self._scope.next
        name = None if condition is None else "without a stamp"
        base = self._in_scope().order_by(*ids)
        base = base if condition is None else base.where(condition)
        behind = self._behind(first)
        found = self._rows(("by id", name), lambda: base, [])
        while found:
            yield found
            if len(found) < self._limit:
                return
            found = self._rows(("by id, behind", name), lambda: base.where(behind), found[-1][: len(ids)])

    def _by_stamp(self, span: Span) -> Iterator[_Found]:
        """Rows of a span, by stamp and id. Rows with one stamp are read by id, each once, however many there are."""
        table, first = self._table, self._scope.next
        ids, width = table.order, len(table.ids)
        stamp = table.column(str(table.spec.modified))
        base = self._in_scope().where(stamp.is_not(None)).order_by(stamp, *ids)
        high: list[object] = [] if span.high is None else [span.high]
        if high:
            base = base.where(stamp < param(first))
        at = first + len(high)
        kind = bool(high)
        start = base if span.low is None else base.where(stamp >= param(at))
        low = [] if span.low is None else [span.low]
        found = self._rows(("from", kind, bool(low)), lambda: start, [*high, *low])
        tied = base.where(stamp == param(at), self._behind(at + 1))
        while found:
            yield found
            if len(found) < self._limit:
                return
            last = found[-1]
            ties = self._rows(("tied", kind), lambda: tied, [*high, last[width], *last[:width]])
            while ties:
                yield ties
                last = ties[-1]
                full = len(ties) == self._limit
                ties = self._rows(("tied", kind), lambda: tied, [*high, last[width], *last[:width]]) if full else []
            found = self._rows(("above", kind), lambda: base.where(stamp > param(at)), [*high, last[width]])

    def _behind(self, first: int) -> ColumnElement[bool]:
        """Rows after the id in placeholders from `first` on."""
        places = [param(first + at) for at in range(len(self._table.ids))]
        return self._session.dialect.behind(self._table.order, places)

    def _in_scope(self) -> Select[Any]:
        table = self._table
        known = [column.is_not(None) for column in table.nullable_ids]
        return table.select().where(self._scope.condition, *known).limit(self._limit)

    def _rows(self, name: object, build: Callable[[], Select[Any]], values: Sequence[object]) -> _Found:
        return self._session.rows(self._prepare(name, build), [*self._scope.values, *values])

    def _prepare(self, name: object, build: Callable[[], Select[Any]]) -> Prepared:
        prepared = self._prepared.get(name)
        if prepared is None:
            prepared = self._prepared[name] = self._session.dialect.prepare(build())
        return prepared

    def _among(self, names: Sequence[str], wanted: Sequence[tuple[object, ...]]) -> Iterator[Row]:
        size = self._session.dialect.placeholders if len(names) == 1 else MOST_COMPOSITE
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            count = len(part)
            prepared = self._prepare(
                ("among", names, count),
                lambda count=count: self._table.select().where(self._table.among(names, count)),  # type: ignore[misc]
            )
            found = self._session.rows(prepared, [value for values in part for value in values])
            yield from self._children.fill(self._table.rows(found)[0], found, self._session.rows)
