"""Dataclasses as the description of TOML tables: each field says how its key is read.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Schedule:
        every: float = entry(Duration(), default=60.0)

`read_table` walks the fields, notes every problem with its dotted key, and gives the dataclass filled in. A key that
is wrong gets its default, or its kind's blank value, so that everything else is looked at too.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar, cast

from syncd.config.problems import Place, Wrong
from syncd.config.toml import in_words

T = TypeVar("T")
E = TypeVar("E")

_KIND = "kind"


class KeyKind(ABC, Generic[T]):
    """How one key is read. `expected` names it in TOML's words; `blank` stands in for a value that is missing."""

    expected: str = "a value"

    @abstractmethod
    def _read(self, value: object, at: Place) -> T: ...

    def read(self, value: object, at: Place) -> T:
        """The value of the key, or raises `Wrong`; several problems in one value are noted at `at`."""
        return self._read(value, at)

    @property
    @abstractmethod
    def blank(self) -> T:
        """A harmless value of this kind."""

    def wrong_type(self, value: object, hint: str = "") -> Wrong:
        """What to raise for a value of another type; `hint` says what to write."""
        return Wrong(f"expected {self.expected}, found {in_words(value)}", hint)


def entry(kind: KeyKind[T], *, default: T | None = None, required: bool = False) -> T:
    """A dataclass field read as `kind`; without a default and not required, its blank value stands for "not there"."""
    value = kind.blank if default is None else default
    metadata = {_KIND: kind, "required": required, "optional": False}
    return dataclasses.field(default_factory=lambda: value, metadata=metadata)


def optional(kind: KeyKind[T]) -> T | None:
    """A dataclass field read as `kind` that is None when the file does not have it."""
    return cast(
        "T | None", dataclasses.field(default=None, metadata={_KIND: kind, "required": False, "optional": True})
    )


class Table:
    """Base of dataclasses that describe a table."""

    __slots__ = ()
    NEEDS: ClassVar[str] = ""
    """What the table must hold, in words; a missing table with it is a problem of its own."""

    def finish(self, at: Place) -> Any:
        """A last look at the whole table: notes problems between its keys; gives itself, or a copy with more."""
        del at
        return self


TableT = TypeVar("TableT", bound=Table)


def keys_of(table: type[Table]) -> dict[str, KeyKind[object]]:
    """The keys that a table knows."""
    fields = dataclasses.fields(cast("Any", table))
    return {field.name: field.metadata[_KIND] for field in fields if _KIND in field.metadata}


def homes_of(root: type[Table], path: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Key → the tables under `root` that know it, by their dotted pattern."""
    homes: dict[str, tuple[str, ...]] = {}
    for name, kind in keys_of(root).items():
        if path:
            homes[name] = (*homes.get(name, ()), ".".join(path))
        inner = (*path, name) if isinstance(kind, Section) else (*path, name, "*")
        if isinstance(kind, Section | Named):
            for below, places in homes_of(kind.table, inner).items():
                homes[below] = (*homes.get(below, ()), *places)
    return homes


def read_table(table: type[TableT], data: Mapping[str, object], at: Place) -> TableT:
    """`data` as `table` describes it; every problem is noted at its key."""
    kinds = keys_of(table)
    for name in data:
        if not at.child(name).not_yet() and name not in kinds:
            at.child(name).unknown(kinds)
    values: dict[str, object] = {}
    for field in dataclasses.fields(cast("Any", table)):
        if field.name in kinds:
            _read_key(field, data, at.child(field.name), values)
    return cast("TableT", table(**values).finish(at))


def _read_key(field: dataclasses.Field[Any], data: Mapping[str, object], at: Place, values: dict[str, object]) -> None:
    """Put the key's value into `values`; leave it out where the field's default stands."""
    kind: KeyKind[object] = field.metadata[_KIND]
    if at.key in data:
        if at.path in at.reading.failed:
            return
        try:
            values[at.key] = kind.read(data[at.key], at)
        except Wrong as wrong:
            at.problem(wrong.message, wrong.hint)
    elif field.metadata["required"]:
        at.problem("is missing", f"expected {kind.expected}")
    elif isinstance(kind, Section) and not field.metadata["optional"]:
        values[at.key] = kind.missing(at)


class Section(KeyKind[TableT]):
    """A table within a table."""

    expected = "a table"

    def __init__(self, table: type[TableT], hint: str = "") -> None:
        self.table = table
        self.hint = hint

    @property
    def blank(self) -> TableT:
        """The table with its defaults."""
        return self.table()

    def _read(self, value: object, at: Place) -> TableT:
        if not isinstance(value, dict):
            raise self.wrong_type(value, self.hint or f"write it as a table: [{at.path}]")
        return read_table(self.table, value, at)

    def missing(self, at: Place) -> TableT:
        """The table where the file does not have it."""
        if not self.table.NEEDS:
            return read_table(self.table, {}, at)
        at.problem(f"the table [{at.path}] is missing", f"it needs {self.table.NEEDS}")
        return self.blank


class Named(KeyKind[Mapping[str, TableT]]):
    """Tables under names that the user chose: `[sites.main]`."""

    expected = "tables"

    def __init__(self, table: type[TableT], example: str = "main") -> None:
        self.table = table
        self.example = example

    @property
    def blank(self) -> Mapping[str, TableT]:
        """No tables."""
        return {}

    def _read(self, value: object, at: Place) -> Mapping[str, TableT]:
        if not isinstance(value, dict):
            raise self.wrong_type(value, f"write it as a table under a name: [{at.path}.{self.example}]")
        known = keys_of(self.table)
        strays = [name for name, data in value.items() if name in known and not isinstance(data, dict)]
        if strays:
            stand = f"{', '.join(strays)} {'stand' if len(strays) > 1 else 'stands'} right under [{at.path}]"
            at.problem(stand, f"put a name into it: [{at.path}.{self.example}]")
        entries = ((name, self._entry(data, at, name)) for name, data in value.items() if name not in strays)
        return {name: table for name, table in entries if table is not None}

    def _entry(self, data: object, at: Place, name: str) -> TableT | None:
        place = at.child(name, chosen=True)
        if isinstance(data, dict):
            return read_table(self.table, data, place)
        place.problem(f"expected a table, found {in_words(data)}", f"write it as a table: [{place.path}]")
        return None
