"""Values on their way into a table: bound by column, and the stamps that syncd sets itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from syncd.adapters.sources.sql_feed import Feed
from syncd.adapters.sources.sql_session import Session, Transaction
from syncd.adapters.sources.sql_stamps import StampFormat, default_format, recognise
from syncd.adapters.sources.sql_table import BoundTable
from syncd.adapters.sources.sql_types import Binder
from syncd.core.mapping import Touch
from syncd.core.model import Raw
from syncd.core.values import Kind
from syncd.errors import RefusedError

_STAMPED = (Kind.DATETIME, Kind.DATE, Kind.TEXT)
"""What a soft-delete column is made of when it takes the moment of the deletion rather than a yes."""


class Values:
    """Makes values ready for the columns of one table, in the forms that its columns use already."""

    def __init__(self, session: Session, table: BoundTable, feed: Feed, zone: ZoneInfo) -> None:
        self._session = session
        self._table = table
        self._feed = feed
        self._zone = zone
        self._binders: dict[str, Binder] = {}
        self._forms: dict[str, StampFormat | None] = {}
        self._sets: dict[str, bool] = {}

    def prepare(self, names: Iterable[str], event: str) -> None:
        """Look up what the columns of a batch hold now, before its transaction begins.

        Inside, another connection could be kept waiting by syncd's own lock.
        """
        spec, columns = self._table.spec, self._table.facts.columns
        stamped = {name for name in names if name in columns and columns[name].type.kind is Kind.DATETIME}
        for name in stamped | {own for own in (spec.modified, spec.deleted) if own is not None}:
            if self._forms.get(name) is None and not self._is_native(name):
                self._forms[name] = recognise(self._feed.newest_value(name))
                self._binders.pop(name, None)
        if event not in self._sets:
            self._sets[event] = self._touches(event)

    def bind(self, name: str, value: Raw) -> object:
        """A value for a column. Raises `RefusedError` for one that the column cannot take."""
        return self.binder(name)(value)

    def bind_all(self, name: str, values: Sequence[Raw]) -> Sequence[object]:
        """Values of many rows for one column: where none of them needs a change they are given back as they are."""
        bind = self.binder(name)
        plain = self._session.dialect.plain(self._table.type(name))
        if plain.issuperset(map(type, values)) and _storable(values):
            return values
        return [bind(value) for value in values]

    def binder(self, name: str) -> Binder:
        """The binder of a column; raises `RefusedError` for one that the database computes itself."""
        binder = self._binders.get(name)
        if binder is None:
            column = self._table.facts.columns.get(name)
            if column is None or column.generated:
                raise RefusedError(
                    f"{self._session.place}: the column {name!r} "
                    + ("is not there" if column is None else "is computed by the database and cannot be written"),
                    hint='give the field `direction = "to_erpnext"`',
                )
            binder = self._binders[name] = self._session.dialect.binder(column, self._forms.get(name))
        return binder

    def touches(self, event: str) -> bool:
        """Whether syncd sets the modified column on INSERT or UPDATE: unless told not to, or the database does so."""
        return self._sets[event]

    def _touches(self, event: str) -> bool:
        name, spec = self._table.spec.modified, self._table.spec
        if name is None or spec.touch is Touch.NEVER:
            return False
        column = self._table.facts.columns[name]
        if column.generated:
            return False
        if self._session.wall_clock is None and column.type.zone is not None and self._zone.key != "UTC":
            # What the database would stamp by itself is wall time of another zone.
            return True
        if event == "INSERT" and column.has_default:
            return False
        if self._session.dialect.stamps_itself(self._table.facts.table, name, event):
            return False
        if self._is_native(name):
            return True
        # A column whose values are no stamps (a row counter) is not syncd's to set.
        return self._forms.get(name) is not None or self._feed.is_empty(name)

    def _is_native(self, name: str) -> bool:
        """Whether a column keeps to dates or datetimes: nothing has to be looked up then."""
        return not self._session.dialect.loose and self._table.type(name).kind in (Kind.DATETIME, Kind.DATE)

    def touch(self, transaction: Transaction) -> object:
        """The database's clock, in the form of the column's newest stamp; by its type where it holds none."""
        return self._now(transaction, str(self._table.spec.modified))

    def mark(self, transaction: Transaction) -> object:
        """What makes a row deleted: a moment in the form that the column uses, or 1."""
        name = str(self._table.spec.deleted)
        if self._forms.get(name) is not None or self._table.type(name).kind in _STAMPED:
            return self._now(transaction, name)
        return 1 if self._session.dialect.loose else self._table.type(name).kind is Kind.BOOL or 1

    def _now(self, transaction: Transaction, name: str) -> object:
        held = self._table.facts.columns[name]
        form = self._forms.get(name) or default_format(held.type, loose=self._session.dialect.loose, digits=held.digits)
        return form.render(self._session.dialect.now(transaction.cursor), self._zone)


def _storable(values: Sequence[Raw]) -> bool:
    """Whether all texts are valid and all integers have 64 bits; else the binder tells the one that is not."""
    whole = [value for value in values if value.__class__ is int]
    if whole and not (min(whole) >= -(2**63) and max(whole) < 2**63):
        return False
    try:
        "".join([value for value in values if isinstance(value, str)]).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


__all__ = ["Values"]
