"""Whether a state store is whole: what its database says, what its tables are, and what its rows say of each other.

Nothing is changed, and it may be in use: everything is read as of one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Table, inspect
from sqlalchemy.exc import DatabaseError

from syncd.adapters.store import statements
from syncd.adapters.store.codec import PAIR_STATES, SIDES, names_of
from syncd.adapters.store.database import Database
from syncd.adapters.store.opening import database_at, stored_revision
from syncd.adapters.store.record_reads import open_operations
from syncd.adapters.store.sqlite import SqliteDatabase
from syncd.adapters.store.tables import SCHEMA_REVISION, StoreTable
from syncd.core.journal import decode_entries
from syncd.core.model import Side
from syncd.core.values import decode_baseline, decode_image
from syncd.errors import StateError
from syncd.ports.endpoint import ProgressReport

_PAGE = 5000
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, ArithmeticError)
"""What decoding bytes that nobody has written raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFinding:
    """One thing that is wrong with a store; with `note`, one that is worth knowing and settles by itself.

    `mapping` is empty where it concerns the whole store.
    """

    message: str
    mapping: str = ""
    note: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found in the store called `store`; `pairs` and `staged` are how many were read."""

    store: str
    revision: str = ""
    pairs: int = 0
    staged: int = 0
    findings: tuple[StoreFinding, ...] = ()
    newer: bool = False
    """A newer version of the program wrote it."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.note for finding in self.findings)


def verify_store(url: str, *, directory: Path, progress: ProgressReport | None = None) -> Verified:
    """Look at the whole store at `url`. Raises `StateError` where there is none, or where it cannot be reached."""
    database = database_at(url, directory)
    if isinstance(database, SqliteDatabase):
        database = SqliteDatabase(database.file, only_look=True)
    try:
        require(database)
        return _verify(database, progress or _nobody)
    finally:
        database.close()


def require(database: Database) -> None:
    """Raise `StateError` where there is no store yet, or any more."""
    if not database.exists():
        raise StateError(
            f"{database.name}: there is no state store",
            hint="the first `syncd reconcile` makes it. Where there was one, put a backup of it back, or run "
            "`syncd state rebuild`: it finds the pairs again by the ids that both sides hold",
        )


def _nobody(what: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def _verify(database: Database, progress: ProgressReport) -> Verified:
    found = Verified(store=database.name)
    try:
        database.inspect()
        revision = stored_revision(database)
    except StateError as error:
        return replace(found, findings=(StoreFinding(message=_plain(error.message, database)),))
    found = replace(found, revision=revision)
    try:
        with database.reading() as connection:
            progress("looking at the database", 0, None)
            broken = [StoreFinding(message=text) for text in database.check(connection)]
            if broken:
                return replace(found, findings=tuple(broken))
            if revision != SCHEMA_REVISION:
                return _of_other_revision(connection, found)
            shape = list(_shape(connection))
            if shape:
                return replace(found, findings=tuple(shape))
            return _look_at_rows(connection, found, progress)
    except (StateError, DatabaseError) as error:
        message = error.message if isinstance(error, StateError) else str(error.orig)
        return replace(found, findings=(StoreFinding(message=_plain(message, database)),))


def _plain(message: str, database: Database) -> str:
    """A message without the store's name, which stands above all findings."""
    return message.removeprefix(f"{database.name}: ")


def _of_other_revision(connection: Connection, found: Verified) -> Verified:
    from syncd.adapters.store.migrate import revisions

    if found.revision in revisions():
        text = f"its schema is the older {found.revision}: `syncd state upgrade`, or the next run, brings it to"
        finding = StoreFinding(message=f"{text} {SCHEMA_REVISION}; its rows were not looked at", note=True)
        pairs = int(statements.select(connection, "SELECT count(*) FROM pairs")[0][0])
        return replace(found, pairs=pairs, findings=(finding,))
    text = f"its schema is {found.revision}, which this version does not know ({SCHEMA_REVISION} is its newest)"
    return replace(found, findings=(StoreFinding(message=f"{text}: a newer syncd wrote it"),), newer=True)


def _shape(connection: Connection) -> Iterator[StoreFinding]:
    """Tables, columns and constraints that are not there: that a key has one pair is the database's to say."""
    looking = inspect(connection)
    there = set(looking.get_table_names())
    for table in StoreTable.metadata.sorted_tables:
        if table.name not in there:
            yield StoreFinding(message=f"the table {table.name} is not there")
            continue
        columns = {str(column["name"]) for column in looking.get_columns(table.name)}
        for column in table.columns:
            if column.name not in columns:
                yield StoreFinding(message=f"the table {table.name} has no column {column.name}")
        unique = {frozenset(held["column_names"]) for held in looking.get_unique_constraints(table.name)}
        for wanted in _unique_keys(table):
            if wanted not in unique:
                yield StoreFinding(message=f"the table {table.name} does not keep {', '.join(sorted(wanted))} unique")


def _unique_keys(table: Table) -> Iterator[frozenset[str]]:
    for constraint in table.constraints:
        if constraint.__visit_name__ == "unique_constraint":
            yield frozenset(column.name for column in constraint.columns)  # type: ignore[attr-defined]


_CHECKS = {
    "staged row(s) of a pair that does not exist": (
        "SELECT m.name, count(*) FROM staged s JOIN mappings m ON m.id = s.mapping_id "
        "LEFT JOIN pairs p ON p.id = s.pair AND p.mapping_id = s.mapping_id "
        "WHERE s.pair IS NOT NULL AND p.id IS NULL GROUP BY m.name ORDER BY m.name"
    ),
    "pair(s) that count as agreed, but without a baseline of both sides": (
        "SELECT m.name, count(*) FROM pairs p JOIN mappings m ON m.id = p.mapping_id WHERE p.state = 0 "
        "AND (p.erpnext_image IS NULL OR p.source_image IS NULL) GROUP BY m.name ORDER BY m.name"
    ),
    "pair(s) that count as agreed, but without the key of one side": (
        "SELECT m.name, count(*) FROM pairs p JOIN mappings m ON m.id = p.mapping_id WHERE p.state = 0 "
        "AND (p.erpnext_name IS NULL OR p.external_id IS NULL) GROUP BY m.name ORDER BY m.name"
    ),
    "pair(s) whose baseline has fields that are not recorded": (
        "SELECT m.name, count(*) FROM pairs p JOIN mappings m ON m.id = p.mapping_id "
        "LEFT JOIN layouts l ON l.mapping_id = p.mapping_id AND l.number = p.layout "
        "WHERE l.number IS NULL AND (p.erpnext_image IS NOT NULL OR p.source_image IS NOT NULL) "
        "GROUP BY m.name ORDER BY m.name"
    ),
    "conflict(s) of a pair that does not exist": (
        "SELECT m.name, count(*) FROM conflicts c JOIN mappings m ON m.id = c.mapping_id "
        "LEFT JOIN pairs p ON p.id = c.pair AND p.mapping_id = c.mapping_id "
        "WHERE c.pair IS NOT NULL AND p.id IS NULL GROUP BY m.name ORDER BY m.name"
    ),
}
"""What rows may not say, and how to find those that do."""


def _look_at_rows(connection: Connection, found: Verified, progress: ProgressReport) -> Verified:
    contradictions = [
        StoreFinding(mapping=name, message=f"{number} {words}")
        for words, text in _CHECKS.items()
        for name, number in statements.select(connection, text)
    ]
    found = replace(found, findings=tuple(contradictions))
    for number, name, layout in statements.select(connection, "SELECT id, name, layout FROM mappings ORDER BY name"):
        mapping = _Mapping(connection, int(number), str(name), int(layout), progress)
        found = replace(
            found,
            pairs=found.pairs + mapping.look_at_pairs(),
            staged=found.staged + mapping.look_at_staged(),
        )
        mapping.look_at_records()
        found = replace(found, findings=found.findings + mapping.findings())
    return found


class _Mapping:
    """The rows of one mapping, and what is wrong with them: how many are, and one of them by name."""

    def __init__(self, connection: Connection, number: int, name: str, layout: int, progress: ProgressReport) -> None:
        self._connection = connection
        self._number = number
        self._name = name
        self._layout = layout
        self._progress = progress
        self._wrong: dict[str, tuple[int, str]] = {}
        self._notes: list[str] = []
        text = "SELECT number, erpnext_fields, source_fields FROM layouts WHERE mapping_id = ?"
        self._widths = {
            row[0]: {Side.ERPNEXT: len(names_of(row[1])), Side.SOURCE: len(names_of(row[2]))}
            for row in statements.select(connection, text, (number,))
        }

    def findings(self) -> tuple[StoreFinding, ...]:
        """What was found."""
        wrong = [
            StoreFinding(mapping=self._name, message=f"{number} {words} (one of them: {example})")
            for words, (number, example) in self._wrong.items()
        ]
        return (*wrong, *(StoreFinding(mapping=self._name, message=text, note=True) for text in self._notes))

    def _note(self, words: str, example: object) -> None:
        number, first = self._wrong.get(words, (0, str(example)))
        self._wrong[words] = (number + 1, first)

    def _pages(self, what: str, table: str, columns: str) -> Iterator[Sequence[Any]]:
        """The mapping's rows of a table by ascending id, which is the first column."""
        total = int(
            statements.select(self._connection, f"SELECT count(*) FROM {table} WHERE mapping_id = ?", (self._number,))[
                0
            ][0]
        )
        text = f"SELECT id, {columns} FROM {table} WHERE mapping_id = ? AND id > ? ORDER BY id LIMIT {_PAGE}"
        after, done = 0, 0
        while page := statements.select(self._connection, text, (self._number, after)):
            yield from page
            after, done = page[-1][0], done + len(page)
            self._progress(f"{self._name}: {what}", done, total)

    def look_at_pairs(self) -> int:
        """Every baseline can be read, and has the fields of its layout. Returns how many pairs there are."""
        count = 0
        columns = "state, layout, erpnext_name, external_id, erpnext_image, source_image"
        for _, state, layout, name, external_id, erpnext, source in self._pages("pairs", "pairs", columns):
            count += 1
            example = f"ERPNext {name or '—'}, source {external_id or '—'}"
            if state not in PAIR_STATES:
                self._note("pair(s) in a state that this version does not know", example)
            for side, image in ((Side.ERPNEXT, erpnext), (Side.SOURCE, source)):
                fault = (
                    None if image is None else _fault(decode_baseline, image, self._widths.get(layout, {}).get(side))
                )
                if fault:
                    self._note(f"pair(s) whose baseline {fault}", example)
        return count

    def look_at_staged(self) -> int:
        """Every staged row can be read, and has the fields that are mapped. Returns how many there are."""
        count = 0
        sides = {number: side for side, number in SIDES.items()}
        for _, number, key, image in self._pages("staged rows", "staged", "side, key, image"):
            count += 1
            side = sides.get(number)
            if side is None:
                self._note("staged row(s) of no side", key)
                continue
            fault = _fault(decode_image, image, self._widths.get(self._layout, {}).get(side))
            if fault:
                self._note(f"staged row(s) that {fault}", f"{side.value} {key}")
        return count

    def look_at_records(self) -> None:
        """Open operations can be resolved; conflicts and failures can be shown."""
        try:
            operations = open_operations(self._connection, self._number)
        except _UNREADABLE as error:
            self._note("open operation(s) that cannot be read", error)
            operations = []
        for operation in operations:
            try:
                entries = decode_entries(operation.records, operation.results)
            except _UNREADABLE:
                self._note("open operation(s) that cannot be read", operation.key)
            else:
                if len(entries) != operation.count:
                    self._note("open operation(s) with another number of records than they say", operation.key)
        if operations:
            self._notes.append(
                f"{len(operations)} operation(s) were sent and have no outcome yet: the next run looks at what was done"
            )
        for table, column in (("conflicts", "fields"), ("conflicts", "resolution"), ("failures", "payload")):
            for number, data in self._pages(table, table, column):
                if data is not None and not _is_json(data):
                    self._note(f"{table[:-1]}(s) whose {column} cannot be read", number)


def _fault(decode: Callable[[bytes], Sequence[object]], image: bytes, width: int | None) -> str:
    """What is wrong with an image; empty where nothing is. `width` None: nobody knows how many fields it has."""
    try:
        values = decode(bytes(image))
    except _UNREADABLE:
        return "cannot be read"
    if width is not None and len(values) != width:
        return "has another number of fields than its layout"
    return ""


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True
