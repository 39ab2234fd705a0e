"""Filters of the list API as conditions of SQL, with ERPNext 15's treatment of null and empty."""

from __future__ import annotations

from typing import Any

import orjson

from .columns import Column, Scope
from .conversions import flt
from .database import quoted
from .errors import invalid
from .meta import NUMBERS, TEXTS, Kind
from .values import as_text, comparable, full_stamp, period

_COMPARISONS = frozenset({"=", "!=", ">", "<", ">=", "<="})
_TREE = frozenset(
    {
        "descendants of",
        "descendants of (inclusive)",
        "ancestors of",
        "not descendants of",
        "not ancestors of",
    }
)
_OPERATORS = (
    _COMPARISONS | _TREE | {"like", "not like", "in", "not in", "is", "between", "timespan", "previous", "next"}
)
_PARTS = 4
Condition = tuple[str, list[Any]]
Filter = tuple[str | None, str, str, Any]


def read_filters(value: Any) -> list[Filter]:
    """Filters in any of the forms that clients send, as (DocType or None, field, operator, value).

    Raises ValidationError for other forms and unknown operators.
    """
    if isinstance(value, str):
        value = orjson.loads(value) if value.strip() else None
    if not value:
        return []
    if isinstance(value, dict):
        return [_from_pair(key, item) for key, item in value.items()]
    if not isinstance(value, list):
        raise invalid("Filter must be a tuple or list (in a list)")
    return [_from_list(item) for item in value]


def _from_pair(key: str, value: Any) -> Filter:
    if isinstance(value, list):
        if len(value) != 2:
            raise invalid("Filter must have 4 values (doctype, fieldname, operator, value): " + str(value))
        return None, key, _operator(value[0]), value[1]
    return None, key, "=", value


def _from_list(item: Any) -> Filter:
    if isinstance(item, dict):
        return _from_pair(*next(iter(item.items())))
    if not isinstance(item, list):
        raise invalid("Filter must be a tuple or list (in a list)")
    parts = item[:_PARTS]
    if len(parts) == _PARTS - 1:
        parts = [None, *parts]
    if len(parts) != _PARTS:
        raise invalid("Filter must have 4 values (doctype, fieldname, operator, value): " + str(item))
    return parts[0], str(parts[1]), _operator(parts[2]), parts[3]


def _operator(value: Any) -> str:
    operator = str(value or "=").strip().lower()
    if operator not in _OPERATORS:
        raise invalid(f"Operator must be one of {', '.join(sorted(_OPERATORS))}")
    return operator


def conditions(scope: Scope, filters: list[Filter]) -> list[Condition]:
    """One condition for each filter. Raises DataError for fields that there are not."""
    made = []
    for doctype, fieldname, operator, value in filters:
        column = scope.of_doctype(doctype, fieldname) if doctype else scope.filtered(fieldname)
        made.append(_condition(scope, column, operator, value))
    return made


def _condition(scope: Scope, column: Column, operator: str, value: Any) -> Condition:
    if operator in _TREE:
        return _in_tree(scope, column, operator, value)
    if operator in ("in", "not in"):
        return _in_list(column, operator, value)
    if operator == "is":
        return _is(column, str(value).lower())
    if operator in ("timespan", "previous", "next"):
        first, last = period(operator, str(value), scope.session.now().date())
        return _between(column, [first, last])
    if operator == "between":
        return _between(column, value)
    if operator in ("like", "not like"):
        return _like(column, operator, value)
    return _compare(column, operator, value)


def _empty_as(column: Column, empty: str) -> str:
    collation = " COLLATE erp" if column.field.kind in TEXTS else ""
    return f"ifnull({column.sql}, {empty}){collation}"


def _compare(column: Column, operator: str, value: Any) -> Condition:
    kind = column.field.kind
    if kind in NUMBERS:
        return f"{column.sql} {operator} ?", [flt(value)]
    text = comparable(column.field, value)
    if text is None or text == "":
        return f"{_empty_as(column, repr(''))} {operator} ''", []
    if operator == "=" or column.field.fieldname in ("creation", "modified", "name"):
        return f"{column.sql} {operator} ?", [text]
    empty = {Kind.DATE: "'0001-01-01'", Kind.DATETIME: "'0001-01-01 00:00:00.000000'"}.get(kind, "''")
    return f"{_empty_as(column, empty)} {operator} ?", [text]


def _like(column: Column, operator: str, value: Any) -> Condition:
    pattern = "" if value is None else as_text(value)
    if operator == "like" and pattern:
        return f"{column.sql} LIKE ?", [pattern]
    return f"{_empty_as(column, repr(''))} {operator.upper()} ?", [pattern]


def _is(column: Column, value: str) -> Condition:
    if value not in ("set", "not set"):
        raise invalid("Value of an `is` filter must be `set` or `not set`")
    if column.field.kind in NUMBERS:
        return f"{column.sql} {'!=' if value == 'set' else '='} 0", []
    if value == "set":
        return f"{column.sql} != ''", []
    return f"ifnull({column.sql}, '') = ''", []


def _in_list(column: Column, operator: str, value: Any) -> Condition:
    members = value.split(",") if isinstance(value, str) else list(value or [])
    if column.field.kind in NUMBERS:
        numbers = [flt(member) for member in members]
        return f"{column.sql} {operator} ({', '.join('?' * len(numbers))})", numbers
    values: list[Any] = [
        comparable(column.field, as_text("" if member is None else member).strip()) for member in members
    ]
    marks = ", ".join("?" * len(values)) or "''"
    null_matters = operator == "not in" or not values or "" in values
    return f"{_empty_as(column, repr('')) if null_matters else column.sql} {operator} ({marks})", values


def _between(column: Column, value: Any) -> Condition:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list) or len(value) != 2:
        raise invalid("A `between` filter needs a list of two values")
    low, high = value
    if column.field.kind is Kind.DATETIME:
        return f"{column.sql} BETWEEN ? AND ?", [full_stamp(str(low)), full_stamp(str(high), end_of_day=True)]
    return f"{column.sql} BETWEEN ? AND ?", [comparable(column.field, low), comparable(column.field, high)]


def _in_tree(scope: Scope, column: Column, operator: str, value: Any) -> Condition:
    own = column.field.fieldname == "name"
    doctype = scope.meta.name if own else column.field.options
    target = scope.session.site.metadata.get(doctype, scope.session.connection)
    if target is None or "lft" not in target.by_name:
        raise invalid(f"{doctype} is not a tree")
    table = quoted(target.table)
    row = scope.session.one(f"SELECT lft, rgt FROM {table} WHERE name = ?", value) or (0, 0)
    if "ancestors" in operator:
        nodes = f"SELECT name FROM {table} WHERE lft < ? AND rgt > ?"
    elif "inclusive" in operator:
        nodes = f"SELECT name FROM {table} WHERE lft >= ? AND rgt <= ?"
    else:
        nodes = f"SELECT name FROM {table} WHERE lft > ? AND rgt < ?"
    negated = "NOT " if operator.startswith("not") else ""
    sql = _empty_as(column, "''") if negated else column.sql
    return f"{sql} {negated}IN ({nodes})", [row[0], row[1]]
