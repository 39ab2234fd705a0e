"""`[erpnext] group`: documents that are one record together, and the rows of its one table."""

from __future__ import annotations

from syncd.config.mapping_file import MappingFile
from syncd.config.problems import Place
from syncd.config.toml import as_toml
from syncd.core.model import Direction


def check_group(content: MappingFile, at: Place) -> None:
    """Notes what a mapping with a group cannot have; `at` is the file's place."""
    erpnext, place = content.erpnext, at.child("erpnext")
    if not erpnext.group:
        return
    if len(set(erpnext.group)) < len(erpnext.group):
        place.child("group").problem("a field stands there twice", "name each once")
    if content.mapping.direction is not Direction.TO_SOURCE:
        place.child("group").problem(
            "a group of documents is only read: nothing can be written into it",
            'write direction = "to_source" under [mapping]',
        )
    if erpnext.external_id is not None:
        place.child("external_id").problem(
            "a group of documents has no field that could hold an id", "take external_id out"
        )
    if content.lifecycle is not None:
        at.child("lifecycle").problem("a group of documents is neither submitted nor cancelled", "take the table out")
    if len(content.tables) != 1:
        names = ", ".join(as_toml(name) for name in content.tables) or "none"
        at.child("tables").problem(
            f"a group has one table, the documents that it is made of; found {names}",
            'write one: [tables.entries], with rows = { entity = "ledger_entries", parent = "voucher_id" }',
        )
