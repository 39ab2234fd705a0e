"""What PostgreSQL says when it cannot go on, as cause and next step. By SQLSTATE; by its words before there is one."""

from __future__ import annotations

from syncd.adapters.store.hints import OTHER_TABLES

_REFUSED_HINT = (
    "check user, password and database of [state] url in syncd.toml, and that the server's pg_hba.conf lets them in; "
    "nothing was changed"
)
_GONE = (
    "the connection to the server was lost; what was being recorded is undone, what was recorded before it stands",
    "once the server answers, run again: it goes on from the last recorded step",
)
_UNREACHABLE = (
    "the server cannot be reached",
    "check that it runs and that host and port of [state] url in syncd.toml are right; nothing was changed",
)
_REFUSED = ("the server refuses syncd", _REFUSED_HINT)
_LOCKED = (
    "another process keeps it locked",
    "look for a syncd that was suspended, or a session that is idle in a transaction, and end it; then run again",
)
_DAMAGED = (
    "the database is damaged",
    "look at the server's log; put a backup of the database back, or let `syncd state rebuild` find the pairs again",
)
NO_SCHEMA = (
    "there is no schema to keep tables in",
    "make the schema that the URL's search_path names, or take it out of [state] url in syncd.toml",
)
_CAUSES: dict[str, tuple[str, str]] = {
    "3D000": ("there is no such database", "make it (`createdb`), or correct [state] url in syncd.toml"),
    "3F000": NO_SCHEMA,
    "42501": (
        "the user may not do that",
        "give the user of [state] url the right to use its schema and to make tables in it",
    ),
    "25006": (
        "the database may only be read",
        "[state] url names a standby, or the database is set read-only: name the primary server",
    ),
    "25P03": ("the server ended a transaction that stood still for too long; nothing of it was recorded", _GONE[1]),
    "40001": ("another process wrote the same rows; nothing of this step was recorded", "run again"),
    "40P01": ("another process wrote the same rows; nothing of this step was recorded", "run again"),
    "42703": OTHER_TABLES,
    "42P01": OTHER_TABLES,
    "53100": (
        "the server's disk is full; what was being recorded is undone, what was recorded before it stands",
        "free space on the server, then run again: it goes on from the last recorded step",
    ),
    "53200": ("the server has no memory left", "look at the server's log, then run again"),
    "53300": (
        "the server has no connection left",
        "end sessions that nobody needs, or raise max_connections; then run again",
    ),
    "55P03": _LOCKED,
    "57014": (
        "the server cancelled a statement",
        "raise statement_timeout for the user of [state] url, or take it away; then run again",
    ),
    "57P03": ("the server is starting or stopping", "wait for it, then run again"),
}
_CLASSES: dict[str, tuple[str, str]] = {"08": _GONE, "28": _REFUSED, "57": _GONE, "58": _DAMAGED, "XX": _DAMAGED}
_BEFORE_LOGIN: dict[str, tuple[str, str]] = {
    "password authentication failed": ("the server refuses the password", _REFUSED_HINT),
    "no password supplied": ("the server asks for a password, and [state] url has none", _REFUSED_HINT),
    "no pg_hba.conf entry": _REFUSED,
    "authentication failed": _REFUSED,
    "remaining connection slots": _CAUSES["53300"],
    "too many clients": _CAUSES["53300"],
    "is starting up": _CAUSES["57P03"],
    "is shutting down": _CAUSES["57P03"],
    "database system is in recovery": _CAUSES["57P03"],
}
"""Parts of what the server, or libpq, says while a connection is made: there is no SQLSTATE then."""


def cause_of(error: BaseException, *, lost: bool) -> tuple[str, str] | None:
    """(cause, next step) of psycopg's `error`; None where it says nothing about the store as a whole.

    `lost`: the connection had been made, and is not there any more.
    """
    state = getattr(error, "sqlstate", None)
    if state:
        return _CAUSES.get(state) or _CLASSES.get(state[:2])
    words = str(error)
    for part, cause in _BEFORE_LOGIN.items():
        if part in words:
            return cause
    if "does not exist" in words and "FATAL" in words:
        return _CAUSES["3D000"] if "database" in words else _REFUSED
    if "invalid connection option" in words or "invalid URI" in words:
        return "the URL has something that PostgreSQL does not know", "correct [state] url in syncd.toml"
    if type(error).__name__ not in {"OperationalError", "ConnectionTimeout", "InterfaceError"}:
        return None
    before = "connection failed" in words or "timeout" in words
    return _UNREACHABLE if before and not lost else _GONE
