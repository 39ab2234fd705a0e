"""Names that clients put into fields, filters and orders, resolved to columns and joins of one query."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .database import quoted
from .errors import not_permitted_in_query
from .meta import DocTypeMeta, Field, Kind, make_field
from .session import Session

_QUALIFIED = re.compile(r"[`'\"]?tab([^`'\"]+?)[`'\"]?\.[`'\"]?(\w+)[`'\"]?", re.IGNORECASE)
_DOTTED = re.compile(r"(\w+)\.[`'\"]?(\w+)[`'\"]?")
_PLAIN = re.compile(r"[`'\"]?(\w+)[`'\"]?")
_FUNCTION = re.compile(r"(count|sum|avg|min|max)\s*\(\s*(distinct\s+)?(.+?)\s*\)", re.IGNORECASE)
_NUMBER = make_field({"fieldname": "number", "fieldtype": "Float"})
_COUNT = make_field({"fieldname": "count", "fieldtype": "Int"})


@dataclass(frozen=True, slots=True)
class Column:
    """SQL of a value, the field it is of, and the key it has in answers."""

    sql: str
    field: Field
    key: str


@dataclass(slots=True)
class Scope:
    """The DocType that is listed and the tables that its query joined so far."""

    session: Session
    meta: DocTypeMeta
    joins: dict[str, str] = field(default_factory=dict)

    def column(self, text: str) -> Column:
        """The column of a name such as `modified`, `tabX`.`y`, `items.qty`, `territory.is_group` or `count(name)`.

        Raises DataError for a field that there is not.
        """
        text = text.strip()
        found = _FUNCTION.fullmatch(text)
        if found:
            return self._function(found[1].lower(), bool(found[2]), found[3])
        found = _QUALIFIED.fullmatch(text)
        if found:
            return self.of_doctype(found[1], found[2])
        found = _PLAIN.fullmatch(text)
        if found:
            return self.plain(found[1])
        found = _DOTTED.fullmatch(text)
        if found:
            return self._dotted(found[1], found[2])
        raise not_permitted_in_query(text)

    def plain(self, fieldname: str) -> Column:
        """A column of the DocType itself."""
        item = self.meta.by_name.get(fieldname)
        if item is None or not item.has_column:
            raise not_permitted_in_query(fieldname)
        return Column(f"{quoted(self.meta.table)}.{quoted(fieldname)}", item, fieldname)

    def of_doctype(self, doctype: str, fieldname: str) -> Column:
        """A column of the DocType or of one of its child tables."""
        if doctype == self.meta.name:
            return self.plain(fieldname)
        for table in self.meta.table_fields:
            if table.options == doctype:
                return self._child(table, fieldname)
        raise not_permitted_in_query(fieldname)

    def filtered(self, fieldname: str) -> Column:
        """A column of the DocType, or, where it has none of that name, of the first child table that has."""
        if fieldname in self.meta.by_name:
            return self.plain(fieldname)
        for table in self.meta.table_fields:
            if fieldname in self.session.meta(table.options).by_name:
                return self._child(table, fieldname)
        return self.column(fieldname)

    def _child(self, table: Field, fieldname: str) -> Column:
        child = self.session.meta(table.options)
        item = child.by_name.get(fieldname)
        if item is None or not item.has_column:
            raise not_permitted_in_query(fieldname)
        name, main = quoted(child.table), quoted(self.meta.table)
        self.joins[child.table] = f"LEFT JOIN {name} ON {name}.parent = {main}.name AND {name}.parenttype = " + (
            "'" + self.meta.name.replace("'", "''") + f"' AND {name}.parentfield = '{table.fieldname}'"
        )
        return Column(f"{name}.{quoted(fieldname)}", item, fieldname)

    def _dotted(self, first: str, fieldname: str) -> Column:
        holder = self.meta.by_name.get(first)
        if holder is None:
            raise not_permitted_in_query(f"{first}.{fieldname}")
        if holder.kind is Kind.TABLE:
            return self._child(holder, fieldname)
        target = self.session.site.metadata.get(holder.options, self.session.connection)
        item = target.by_name.get(fieldname) if target and holder.fieldtype == "Link" else None
        if target is None or item is None or not item.has_column:
            raise not_permitted_in_query(f"{first}.{fieldname}")
        alias, main = quoted(f"{first} of {target.name}"), quoted(self.meta.table)
        self.joins[alias] = f"LEFT JOIN {quoted(target.table)} AS {alias} ON {alias}.name = {main}.{quoted(first)}"
        return Column(f"{alias}.{quoted(fieldname)}", item, fieldname)

    def _function(self, function: str, distinct: bool, argument: str) -> Column:  # noqa: FBT001 - one private caller
        shown = f"{function}({argument})"
        if argument == "*":
            return Column("count(*)", _COUNT, shown)
        inner = self.column(argument)
        sql = f"{function}({'DISTINCT ' if distinct else ''}{inner.sql})"
        result = {"count": _COUNT, "sum": _NUMBER, "avg": _NUMBER}.get(function, inner.field)
        return Column(sql, result, shown)
