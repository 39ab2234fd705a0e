"""Names of new documents: series, field, prompt, hash; and what a name may not be."""

from __future__ import annotations

import re
import secrets

from .errors import invalid
from .meta import DocTypeMeta
from .session import Document, Session

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_SERIES = re.compile(r"^[\w\- /.#{}]+$")
_LIMIT = 140


def hash_name() -> str:
    """Ten random characters."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def next_in_series(session: Session, series: str, document: Document) -> str:
    """The next name of a series such as `CUST-.YYYY.-`; the counter belongs to the transaction."""
    if "." not in series or not _SERIES.match(series):
        raise invalid(f"Invalid naming series {series}: dot (.) missing", "InvalidNamingSeriesError")
    prefix, digits = _expand(session, series, document)
    row = session.one(
        "INSERT INTO _series (name, current) VALUES (?, 1) "
        "ON CONFLICT (name) DO UPDATE SET current = current + 1 RETURNING current",
        prefix,
    )
    return f"{prefix}{row[0] if row else 1:0{digits}d}"


def _expand(session: Session, series: str, document: Document) -> tuple[str, int]:
    """The text before the counter, and the counter's digits."""
    now = session.now()
    dates = {"YYYY": now.strftime("%Y"), "YY": now.strftime("%y"), "MM": now.strftime("%m"), "DD": now.strftime("%d")}
    prefix, digits = "", 5
    for part in series.split("."):
        if part.startswith("#"):
            digits = len(part)
        elif part.startswith("{") and part.endswith("}"):
            prefix += str(document.get(part[1:-1]) or "")
        else:
            prefix += dates.get(part, part)
    return prefix, digits


def give_back(session: Session, series: str, document: Document) -> None:
    """Turn the counter back when the newest name of its series is deleted."""
    if "." not in series:
        return
    prefix, _ = _expand(session, series, document)
    name = str(document["name"])
    if name.startswith(prefix) and name[len(prefix) :].isdigit():
        session.connection.execute(
            "UPDATE _series SET current = current - 1 WHERE name = ? AND current = ?",
            (prefix, int(name[len(prefix) :].lstrip("0") or "0")),
        )


def _amended_name(session: Session, meta: DocTypeMeta, original: str) -> str:
    before = session.value(meta.name, original, "amended_from")
    root, count = (original, 1)
    if before:
        root, _, last = original.rpartition("-")
        count = int(last) + 1 if last.isdigit() else 1
    return f"{root}-{count}"


def set_name(session: Session, meta: DocTypeMeta, document: Document, by_controller: str | None) -> None:
    """Give a new document its name. `by_controller`: what the DocType's own rule made, if it has one."""
    wanted = document.pop("name", None) or document.get("__newname")
    if meta.issingle:
        document["name"] = meta.name
        return
    if document.get("amended_from") and "amended_from" in meta.by_name:
        name: object = _amended_name(session, meta, str(document["amended_from"]))
    else:
        name = by_controller or _name_by_rule(session, meta, document, wanted)
    document["name"] = valid_name(meta, str(name))


def _name_by_rule(session: Session, meta: DocTypeMeta, document: Document, wanted: object) -> object:
    """The name that `autoname` makes."""
    rule = meta.autoname.lower()
    name: object
    if rule == "prompt":
        name = wanted
        if not name:
            raise invalid("Please set the document name")
    elif rule.startswith("field:"):
        name = document.get(meta.autoname[6:])
        if name in (None, ""):
            label = meta.by_name[meta.autoname[6:]].label
            raise invalid(f"{label} is required")
    elif rule.startswith("naming_series:"):
        series = document.get("naming_series")
        if not series:
            raise invalid("Series is mandatory", "InvalidNamingSeriesError")
        name = next_in_series(session, str(series), document)
    elif "#" in rule:
        name = next_in_series(session, meta.autoname, document)
    else:
        name = hash_name()
    return name


def valid_name(meta: DocTypeMeta, name: str) -> str:
    """The name without blanks at its ends. Raises the site's 409 for what cannot be a name."""
    name = name.strip()
    if not name:
        raise invalid("No Name Specified for " + meta.name)
    if name.startswith(f"New {meta.name}"):
        raise invalid(
            "There were some errors setting the name, please contact the administrator", "NameError", status=409
        )
    if "<" in name or ">" in name:
        raise invalid("Name cannot contain special characters like '<', '>'", "NameError", status=409)
    return name


def name_too_long(name: str) -> bool:
    """Whether the database would refuse the name."""
    return len(name) > _LIMIT
