"""Without an external id and without a match rule nothing would tell which document was made: none is created."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.errors import ExitCode
from tests.app.harness import World, spec


def test_creation_in_erpnext_is_refused_under_a_name_and_the_source_is_still_served(tmp_path: Path) -> None:
    world = World(tmp_path, spec(external_id=None, match=(), erpnext_name="erp_ref"))
    world.source.insert(name="Ada", vat="A1")
    world.erpnext.insert(customer_name="Eve", tax_id="E1")
    result = world.run()
    assert result.exit_code is ExitCode.ATTENTION
    counts = result.mappings["customer"]
    assert (counts.created, counts.failed) == ({"erpnext": 0, "source": 1}, 1)
    (failure,) = world.failures()
    assert "neither external_id nor a match rule" in failure.error
    assert 'external_id = "syncd_shop_id"' in failure.hint


@pytest.mark.parametrize("safe", [{"external_id": "syncd_shop_id"}, {"match": (("tax_id",),)}], ids=str)
def test_either_of_them_makes_it_safe(tmp_path: Path, safe: dict[str, object]) -> None:
    world = World(tmp_path, spec(**({"external_id": None, "match": ()} | safe)))
    world.source.insert(name="Ada", vat="A1")
    assert world.run().mappings["customer"].created == {"erpnext": 1, "source": 0}
