"""What the errors of SQLite, PostgreSQL and MariaDB are called, and what each concerns.

Sources: sqlite.org/rescode.html; PostgreSQL's appendix "Error Codes"; MariaDB's "Error Codes" and PyMySQL's numbers for
what goes wrong on the way (2xxx).
"""

from __future__ import annotations

import re
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError


class Cause(Enum):
    """What an error concerns."""

    BUSY = auto()
    """Another connection is in the way: nothing was done, and it may be tried again."""
    SLOW = auto()
    """The statement took longer than it may; nothing was done."""
    LOST = auto()
    """The connection ended."""
    ACCESS = auto()
    """Credentials refused, or a right is missing."""
    SCHEMA = auto()
    """The table or a column is not there."""
    UNUSABLE = auto()
    """The database as a whole cannot be used."""
    ROW = auto()
    """One row, or one statement: everything else."""


_CAUSES: dict[Cause, frozenset[str]] = {
    Cause.BUSY: frozenset(
        {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL", "40001", "40P01", "55P03", "1205", "1213", "1020", "3572"}
    ),
    Cause.SLOW: frozenset({"57014", "1969", "3024", "1317"}),
    Cause.LOST: frozenset(
        {"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"}
        | {"0", "1053", "1927", "1152", "1158", "1159", "1160", "1161", "2006", "2013", "2014", "2055", "4031"}
    ),
    Cause.ACCESS: frozenset(
        {
            "SQLITE_AUTH",
            "SQLITE_PERM",
            "42501",
            "28000",
            "28P01",
            "1044",
            "1045",
            "1142",
            "1143",
            "1227",
            "1370",
            "1698",
        }
    ),
    Cause.SCHEMA: frozenset({"42P01", "42703", "3F000", "1146", "1054", "1109"}),
}
_CAUSE_BY_CODE = {code: cause for cause, codes in _CAUSES.items() for code in codes}

UNUSABLE: dict[str, tuple[str, str]] = {
    "SQLITE_FULL": ("its disk is full", "make room on the disk that holds it; syncd tries again"),
    "SQLITE_READONLY": ("it is read-only", "give the user that runs syncd the right to write the file and its folder"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "check that the file is there and may be read and written"),
    "SQLITE_IOERR": ("reading or writing its file failed", "check the disk that holds it"),
    "SQLITE_CORRUPT": ("its file is damaged", "restore it from a backup (`PRAGMA integrity_check` tells more)"),
    "SQLITE_NOTADB": ("its file is no SQLite database", "check `url` of the source in syncd.toml"),
    "SQLITE_NOMEM": ("there is not enough memory", "free some memory and run again"),
    "25006": ("it is read-only", "name the primary server in `url`, or a user that may write"),
    "3D000": ("there is no such database", "check `url` of the source in syncd.toml"),
    "53100": ("its disk is full", "make room on the database's disk; syncd tries again"),
    "53200": ("it has not enough memory", "give the database's server more memory"),
    "53300": ("it takes no more connections", "close some, or raise max_connections"),
    "1021": ("its disk is full", "make room on the database's disk; syncd tries again"),
    "1040": ("it takes no more connections", "close some, or raise max_connections"),
    "1041": ("it has not enough memory", "give the database's server more memory"),
    "1049": ("there is no such database", "check `url` of the source in syncd.toml"),
    "1114": ("its disk or tablespace is full", "make room on the database's disk; syncd tries again"),
    "1194": ("the table is damaged", "repair it (CHECK TABLE tells more)"),
    "1203": ("it takes no more connections from this user", "close some, or raise max_user_connections"),
    "1290": ("it is read-only", "name the primary server in `url`"),
    "1792": ("it is read-only", "name the primary server in `url`"),
    "1836": ("it is read-only", "name the primary server in `url`"),
    "2002": ("it does not answer", "check that the database is up, and `url` of the source in syncd.toml"),
    "2003": ("it does not answer", "check that the database is up, and `url` of the source in syncd.toml"),
    "2005": ("its host is not known", "check `url` of the source in syncd.toml"),
}
_UNUSABLE_CLASSES = frozenset({"53", "58", "F0", "XX"})
"""Classes of SQLSTATE: resources, the system, the configuration file, PostgreSQL's own insides."""

_NO_ACCESS = re.compile(r"password authentication failed|no pg_hba\.conf entry|role \".*\" does not exist|no password")
_NO_DATABASE = re.compile(r"database \".*\" does not exist")
"""PostgreSQL's words where it refuses a connection: psycopg gives those errors no SQLSTATE."""
_SCHEMA_WORDS = re.compile(r"no such (table|column)|has no column|table .* has no column")


def native(error: BaseException) -> BaseException:
    """The driver's own error inside SQLAlchemy's."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def error_name(error: BaseException) -> str:
    """The database's name of an error: `SQLITE_CONSTRAINT_UNIQUE`, PostgreSQL's SQLSTATE, MariaDB's number."""
    inner = native(error)
    if _NO_DATABASE.search(str(inner)):
        return "3D000"
    name = getattr(inner, "sqlite_errorname", None)
    first = inner.args[0] if inner.args else ""
    if name is None and isinstance(first, int):
        name = first
    return str(name or getattr(inner, "sqlstate", None) or type(inner).__name__)


def base_name(error: BaseException) -> str:
    """`error_name`, for SQLite without the part behind the base code."""
    name = error_name(error)
    return "_".join(name.split("_")[:2]) if name.startswith("SQLITE_") else name


def cause_of(error: BaseException) -> Cause:
    """What an error concerns."""
    name = base_name(error)
    if name in _CAUSE_BY_CODE:
        return _CAUSE_BY_CODE[name]
    if _SCHEMA_WORDS.match(words_of(error)):
        return Cause.SCHEMA
    if name in UNUSABLE or (re.fullmatch(r"[0-9A-Z]{5}", name) and name[:2] in _UNUSABLE_CLASSES):
        return Cause.UNUSABLE
    if name.startswith("08") or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return Cause.LOST
    if name not in ("OperationalError", "InterfaceError"):
        return Cause.ROW
    return Cause.ACCESS if _NO_ACCESS.search(str(native(error))) else Cause.LOST


def words_of(error: BaseException) -> str:
    """The database's own words, in one line."""
    inner = native(error)
    told = getattr(getattr(inner, "diag", None), "message_primary", None)
    if told:
        return str(told)
    parts = " ".join(str(part) for part in inner.args if not isinstance(part, int)).strip()
    return parts.splitlines()[0] if parts else type(inner).__name__


__all__ = ["UNUSABLE", "Cause", "base_name", "cause_of", "error_name", "native", "words_of"]
