"""Documents in memory that are submitted, cancelled and amended, as a site does it (design.md, "Transitions")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from syncd.adapters.sources.memory_records import PERSON, MemoryRecords, MemoryTable, Record
from syncd.adapters.sources.nested import Item
from syncd.core.mapping import AMENDED_FROM
from syncd.core.model import Raw, Row, Side, Write
from syncd.errors import GoneError, HeldError, RefusedError, StaleError

DRAFT, SUBMITTED, CANCELLED = 0, 1, 2


class MemoryDocuments(MemoryRecords):
    """Records that can be submitted, where the options say so; others are drafts for ever."""

    def submit(self, key: str) -> None:
        """A person submits a draft."""
        self._move(key, SUBMITTED, PERSON)

    def cancel(self, key: str) -> None:
        """A person cancels a submitted document, whatever refers to it."""
        self._move(key, CANCELLED, PERSON)

    def amend(self, key: str, *, docstatus: int = SUBMITTED, **values: Any) -> str:
        """A person amends a cancelled document; gives the new one's key."""
        plain, tables = self._split(values)
        return self._amended(key, plain, tables, docstatus, PERSON)

    def amendments(self, names: Sequence[str]) -> dict[str, Row]:
        """The newest document of the chain of amendments behind each of `names`, where there is one."""
        newest = {name: self._newest(name) for name in dict.fromkeys(names)}
        return {name: self._row(found) for name, found in newest.items() if found != name}

    def _newest(self, name: str) -> str:
        after = {record.values.get(AMENDED_FROM): key for key, record in self.records.items()}
        seen = {name}
        while (following := after.get(name)) is not None and following not in seen:
            seen.add(following)
            name = following
        return name

    def _live(self, keys: Iterable[str]) -> list[str]:
        """Of documents with one external id those that stand: no cancelled ones where a live one carries it, else the
        ends of their chains.
        """
        found = list(keys)
        partners = {self.records[key].partner for key in found if self.records[key].docstatus < CANCELLED}
        return [
            key
            for key in found
            if self.records[key].docstatus < CANCELLED
            or (self.records[key].partner not in partners and self._newest(key) == key)
        ]

    def _move(self, key: str, docstatus: int, editor: str) -> None:
        stamp = self._stamp() if self.options.stamped else None
        self.records[key] = replace(self.records[key], docstatus=docstatus, stamp=stamp, editor=editor)

    def _amended(
        self,
        key: str,
        values: Mapping[str, Raw],
        tables: Mapping[str, Sequence[Item]],
        docstatus: int,
        editor: str,
    ) -> str:
        """The cancelled document as it stands with these values and tables in it, under its chain's next name."""
        record = self.records[key]
        made = self._insert({**record.values, **values, AMENDED_FROM: key}, _next_name(key, record), record.partner)
        copied = {
            name: [self._named({member: held for member, held in item.items() if member != "name"}) for item in items]
            for name, items in {**record.tables, **tables}.items()
        }
        self.records[made] = replace(self.records[made], tables=copied, docstatus=docstatus, editor=editor)
        return made

    def _submit_write(self, write: Write) -> Row:
        """SUBMIT: a draft with the merged fields in it becomes a submitted document, or stays as it was."""
        key = write.key or ""
        record = self._checked(write)
        if record.docstatus != DRAFT:
            raise StaleError(f"{key} is no draft any more")
        values, tables = self._written(record, write.values)
        self._refuse(values)
        reason = self.options.refuse_submit(values)
        if reason:
            raise self.options.refusal(f"{key} cannot be submitted: {reason}; the draft stays", code="Refused")
        self.records[key] = replace(record, values=values, tables=tables)
        self._move(key, SUBMITTED, self.options.own_editor)
        return self._row(key)

    def _cancel_write(self, write: Write) -> Row:
        """CANCEL: unless others refer to the document and nobody has decided that it is cancelled all the same."""
        key = write.key or ""
        record = self._checked(write)
        if record.docstatus != SUBMITTED:
            raise StaleError(f"{key} is not submitted any more")
        self._hold(key, write)
        self._move(key, CANCELLED, self.options.own_editor)
        return self._row(key)

    def _amend_write(self, write: Write) -> Row:
        """AMEND: cancels what is submitted, makes the amendment, or takes the one that is there already."""
        key = write.key or ""
        record = self.records.get(key)
        if record is None:
            raise GoneError(f"{key} is not there any more")
        if record.docstatus == DRAFT:
            raise StaleError(f"{key} is a draft")
        if record.docstatus == SUBMITTED:
            self._checked(write)
            self._hold(key, write)
            self._move(key, CANCELLED, self.options.own_editor)
            self._between("cancelled", write)
        newest = self._newest(key)
        if newest != key and self.records[newest].docstatus < CANCELLED:
            return self._row(newest)
        values, tables = self._written(self.records[newest], write.values)
        self._refuse(values)
        reason = self.options.refuse_submit(values) if write.docstatus == SUBMITTED else ""
        made = self._amended(newest, values, tables, DRAFT if reason else write.docstatus, self.options.own_editor)
        if reason:
            raise HeldError(f"{key} is cancelled, its amendment {made} waits as a draft: {reason}", code="Refused")
        return self._row(made)

    def _hold(self, key: str, write: Write) -> None:
        reason = self.options.hold_cancel(key)
        if reason and not write.forced:
            raise HeldError(f"{key} cannot be cancelled: {reason}", code="Linked")

    def _check_submitted(self, key: str, record: Record, write: Write) -> None:
        """Only what is allowed on submit may change in a submitted document, and nothing in a cancelled one."""
        if record.docstatus == DRAFT or self.side is Side.SOURCE:
            return
        if record.docstatus == CANCELLED:
            raise RefusedError(f"{key} is cancelled and cannot be edited", code="ValidationError")
        values, tables = self._written(record, write.values)
        changed = [name for name in write.values if values.get(name) != record.values.get(name)]
        for table in self.tables:
            if table.name in write.values:
                changed += _changed_columns(table, record.tables.get(table.name, ()), tables.get(table.name, ()))
        allowed = self.options.allow_on_submit
        refused = [name for name in changed if name not in allowed and name.partition(".")[0] not in allowed]
        if refused:
            raise RefusedError(
                f"{key} is submitted: {', '.join(refused)} cannot be changed", code="UpdateAfterSubmitError"
            )

    def _refuse(self, values: Mapping[str, Raw]) -> None:
        reason = self.options.check(values)
        if reason:
            raise RefusedError(reason, code="Refused")

    def _checked(self, write: Write) -> Record:
        """The record, which must be as the write says. Raises `GoneError`, `StaleError`."""
        key = write.key or ""
        record = self.records.get(key)
        if record is None:
            raise GoneError(f"{key} is not there any more")
        moved = self.options.stamped and record.stamp != write.stamp
        if moved or (write.expected is not None and self._image(record) != tuple(write.expected)):
            raise StaleError(f"{key} was changed since it was read")
        return record

    def _between(self, step: str, write: Write) -> None:
        """Between two steps of one write; hooks come in here."""
        raise NotImplementedError


def _next_name(key: str, record: Record) -> str:
    """NAME-1 behind NAME, NAME-2 behind NAME-1."""
    base, _, number = key.rpartition("-")
    amended = record.values.get(AMENDED_FROM) is not None and number.isdigit()
    return f"{base}-{int(number) + 1}" if amended else f"{key}-1"


def _changed_columns(table: MemoryTable, before: Sequence[Item], after: Sequence[Item]) -> list[str]:
    """`TABLE.COLUMN` of what changed in rows that stay; `TABLE` where rows came, went or moved."""
    if [item.get("name") for item in before] != [item.get("name") for item in after]:
        return [table.name]
    return [
        f"{table.name}.{name}"
        for old, new in zip(before, after, strict=True)
        for name in table.fields
        if old.get(name) != new.get(name)
    ]


__all__ = ["CANCELLED", "DRAFT", "SUBMITTED", "MemoryDocuments"]
