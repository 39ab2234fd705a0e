"""A document is renamed, and nothing in it names its record: its `creation` tells that it is the same one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.harness import World, spec


@pytest.mark.parametrize("full", [False, True], ids=["an incremental pass", "a full pass"])
def test_a_renamed_document_keeps_its_pair(tmp_path: Path, full: bool) -> None:
    world = World(tmp_path, spec(external_id=None, erpnext_name="erp_ref"))
    name = world.erpnext.insert(customer_name="Ada", tax_id="A1")
    other = world.erpnext.insert(customer_name="Eve", tax_id="E1")
    world.run()
    rows = dict(world.pairs())
    world.erpnext.rename(name, "Ada & Sons")
    world.erpnext.edit("Ada & Sons", website="ada.example")
    world.run(full=full)
    assert len(world.source.records) == 2
    kept = {row: document for row, document in world.pairs().items() if document != other}
    assert list(kept.values()) == ["Ada & Sons"]
    assert set(world.pairs()) == set(rows)
    (row,) = kept
    assert world.source.values(row)["url"] == "ada.example"
    world.quiet()
