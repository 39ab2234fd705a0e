"""The list API: fields, filters, order, paging, grouping; child rows under the rule of version 15."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from .columns import Column, Scope
from .conversions import cint
from .database import quoted
from .errors import SiteError, database_error, invalid, missing
from .filters import Condition, Filter, conditions, read_filters
from .meta import DocTypeMeta, Kind
from .permissions import allowed, check_list
from .session import Session, bare_permission_error
from .values import list_time, read_stamp

_ORDER = re.compile(r"[a-z0-9\-_ ,`'\".()]*", re.IGNORECASE)
_ALIAS = re.compile(r"(.+?)\s+as\s+[`'\"]?(\w+)[`'\"]?", re.IGNORECASE | re.DOTALL)
_DIRECTION = re.compile(r"(.+?)(?:\s+(asc|desc))?", re.IGNORECASE)
_DEFAULT_PAGE = 20
_CONVERSIONS = {Kind.DATETIME: read_stamp, Kind.TIME: list_time}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a client asks a list for; everything as it was sent, decoded from JSON where it was JSON."""

    doctype: str
    fields: Any = None
    filters: Any = None
    or_filters: Any = None
    order_by: str = ""
    group_by: str = ""
    start: int = 0
    length: int = _DEFAULT_PAGE
    parent: str = ""
    as_dict: bool = True


def query_of(doctype: str, form: dict[str, Any], *, short_limit: bool = False) -> Query:
    """The query that form values (texts, or JSON values of a body) describe."""
    length = form.get("limit_page_length")
    if short_limit and length is None:
        length = form.get("limit")
    return Query(
        doctype=doctype,
        fields=decoded(form.get("fields")),
        filters=form.get("filters"),
        or_filters=form.get("or_filters"),
        order_by=str(form.get("order_by") or ""),
        group_by=str(form.get("group_by") or ""),
        start=cint(form.get("limit_start")),
        length=_DEFAULT_PAGE if length in (None, "") else cint(length),
        parent=str(form.get("parent") or ""),
        as_dict=form.get("as_dict") not in (False, 0, "0", "false", "False"),
    )


def decoded(value: Any) -> Any:
    """JSON text as its value; anything else as it is. Raises JSONDecodeError as the site's 500."""
    if not isinstance(value, str) or value[:1] not in '[{"*' or not value:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        text = str(error)
        raise SiteError(500, "JSONDecodeError", text, module="json.decoder.") from None


def find(session: Session, query: Query) -> list[Any]:
    """The rows that the user may see. Raises 404 for an unknown DocType, 403, 417 as the site does."""
    meta = session.site.metadata.get(query.doctype, session.connection)
    if meta is None:
        raise missing("DocType", query.doctype)
    if meta.istable:
        _check_parent(session, meta, query.parent)
    else:
        check_list(session, meta)
    scope = Scope(session, meta)
    columns = _selected(scope, query.fields)
    sql, values = _statement(scope, query, columns)
    rows = session.connection.execute(sql, values).fetchall()
    return _shown(columns, rows, as_dict=query.as_dict)


def count(session: Session, doctype: str, filters: Any) -> int:
    """How many documents match. No permission is asked for, as in version 15."""
    meta = session.site.metadata.get(doctype, session.connection)
    if meta is None:
        raise missing("DocType", doctype)
    scope = Scope(session, meta)
    where, values = _where(scope, read_filters(filters), [])
    table = quoted(meta.table)
    row = session.one(f"SELECT count(*) FROM {table} {' '.join(scope.joins.values())}{where}", *values)
    return int(row[0]) if row else 0


def _check_parent(session: Session, meta: DocTypeMeta, parent: str) -> None:
    """Child rows need the DocType they belong to, and the right to read that."""
    holder = session.site.metadata.get(parent, session.connection) if parent else None
    if holder is None or meta.name not in {item.options for item in holder.table_fields}:
        raise bare_permission_error()
    if not allowed(session, holder, "read"):
        raise bare_permission_error()


def _selected(scope: Scope, fields: Any) -> list[Column]:
    if isinstance(fields, str):
        fields = [part for part in fields.split(",") if part.strip()]
    if not fields:
        fields = ["name"]
    columns: list[Column] = []
    for entry in fields:
        text = str(entry).strip()
        if text.strip("`") in ("*", f"tab{scope.meta.name}.*", f"tab{scope.meta.name}`.*"):
            columns += [scope.plain(name) for name in scope.meta.column_names]
            continue
        alias = _ALIAS.fullmatch(text)
        column = scope.column(alias[1] if alias else text)
        columns.append(Column(column.sql, column.field, alias[2]) if alias else column)
    readable = {item.permlevel for item in scope.meta.permissions if item.role in scope.session.user.roles}
    return [column for column in columns if column.field.permlevel in (readable | {0})]


def _where(scope: Scope, filters: list[Filter], or_filters: list[Filter]) -> Condition:
    made = conditions(scope, filters)
    either = conditions(scope, or_filters)
    if either:
        made.append((f"({' OR '.join(sql for sql, _ in either)})", [value for _, some in either for value in some]))
    seek = _seek(scope, filters, or_filters)
    if seek:
        made.append(seek)
    if not made:
        return "", []
    return " WHERE " + " AND ".join(sql for sql, _ in made), [value for _, some in made for value in some]


def _seek(scope: Scope, filters: list[Filter], or_filters: list[Filter]) -> Condition | None:
    """Say keyset paging again in the form that the index on (modified, name) can jump to."""
    if len(or_filters) != 2:
        return None
    after = {(name, operator): value for _, name, operator, value in or_filters}
    stamp, name = after.get(("modified", ">")), after.get(("name", ">"))
    if stamp is None or name is None or not any(item[1:] == ("modified", ">=", stamp) for item in filters):
        return None
    table = quoted(scope.meta.table)
    values = [conditions(scope, [(None, "modified", ">", stamp)])[0][1][0], str(name)]
    return f"({table}.modified, {table}.name) > (?, ?)", values


def _statement(scope: Scope, query: Query, columns: list[Column]) -> Condition:
    where, values = _where(scope, read_filters(query.filters), read_filters(query.or_filters))
    group = ", ".join(scope.column(part).sql for part in query.group_by.split(",") if part.strip())
    order = _ordered(scope, query.order_by, columns)
    selected = ", ".join(column.sql for column in columns) or "NULL"
    joins = " ".join(scope.joins.values())
    sql = f"SELECT {selected} FROM {quoted(scope.meta.table)} {joins}{where}"
    sql += f" GROUP BY {group}" if group else ""
    sql += f" ORDER BY {order}" if order else ""
    if query.length > 0:
        sql += " LIMIT ? OFFSET ?"
        values = [*values, query.length, query.start]
    return sql, values


def _ordered(scope: Scope, order_by: str, columns: list[Column]) -> str:
    if not _ORDER.fullmatch(order_by) or re.search(r"\bselect\b.*\bfrom\b", order_by, re.IGNORECASE):
        raise invalid("Illegal SQL Query")
    by_key = {column.key: column.sql for column in columns}
    parts = []
    for part in order_by.split(","):
        found = _DIRECTION.fullmatch(part.strip())
        if not found:
            continue
        name = found[1].strip("`'\" ")
        sql = by_key.get(name) or _order_column(scope, found[1], name)
        parts.append(f"{sql} {found[2] or 'asc'}")
    return ", ".join(parts)


def _order_column(scope: Scope, text: str, name: str) -> str:
    try:
        return scope.column(text).sql
    except SiteError:
        raise database_error("OperationalError", 1054, f"Unknown column '{name}' in 'ORDER BY'") from None


def _shown(columns: list[Column], rows: list[tuple[Any, ...]], *, as_dict: bool) -> list[Any]:
    conversions = [
        (position, _CONVERSIONS[column.field.kind])
        for position, column in enumerate(columns)
        if column.field.kind in _CONVERSIONS
    ]
    keys = [column.key for column in columns]
    if not as_dict:
        return [_converted(list(row), conversions) for row in rows]
    if not conversions:
        return [dict(zip(keys, row, strict=True)) for row in rows]
    return [dict(zip(keys, _converted(list(row), conversions), strict=True)) for row in rows]


def _converted(row: list[Any], conversions: list[tuple[int, Any]]) -> list[Any]:
    for position, convert in conversions:
        row[position] = convert(row[position])
    return row
