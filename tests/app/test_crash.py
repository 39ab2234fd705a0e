"""Killed anywhere: before and after every write to the store, every call of a side, with every answer lost.

A scripted run does something of everything. It is killed at point n, for every n; then the process is started anew and
runs twice. Both sides must then hold what they hold after the run that nobody killed, nothing twice, nothing open, and
a further run must write nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.mapping import ErpnextDeleted, SourceDeleted
from syncd.errors import ExitCode, UnknownOutcomeError, UnreachableError
from tests.app.harness import Killed, KillSwitch, World, spec
from tests.app.test_echo import sanitise


def scripted(make_world: Callable[..., World], **changes) -> World:
    """Six agreed pairs, and on both sides something of everything that a run has to do."""
    names = MemoryOptions(naming=lambda _values, number: f"CUST-{number:05d}", store=sanitise)
    world = make_world(
        spec(source_deleted=SourceDeleted.DELETE, erpnext_deleted=ErpnextDeleted.DELETE, **changes), erpnext=names
    )
    couples = world.agreed(6)
    (_doc1, row1), (doc2, _row2), (doc3, row3), (doc4, row4), (_, row5), (doc6, _) = couples
    world.source.edit(row1, name="<b>Shop edited</b>")
    world.erpnext.edit(doc2, customer_name="Site edited")
    world.source.edit(row3, url="shop.example")
    world.erpnext.edit(doc3, customer_name="Both edited")
    world.source.edit(row4, name="Shop says")
    world.erpnext.edit(doc4, customer_name="Site says")
    world.source.delete(row5)
    world.erpnext.delete(doc6)
    for number in (1, 2):
        world.source.insert(name=f"<b>Shop new {number}</b>", vat=f"SN{number}")
        world.erpnext.insert(customer_name=f"Site new {number}", tax_id=f"TN{number}")
    world.source.insert(name="<b>Adopted</b>", vat="AD")
    world.erpnext.insert("CUST-AD", tax_id="AD", website="ad.example")
    return world


def told(world: World) -> dict[str, object]:
    """What both sides hold and who is paired with whom, in a form that does not depend on names given on the way."""
    documents = {key: world.customer(key) for key in world.erpnext.records}
    rows = {key: world.shopper(key) for key in world.source.records}
    pairs = sorted((repr(documents.get(name or "")), repr(rows.get(key or ""))) for key, name in world.pairs().items())
    return {
        "documents": sorted(map(repr, documents.values())),
        "rows": sorted(map(repr, rows.values())),
        "pairs": pairs,
        "partners": sorted(
            repr((documents[key], rows.get(record.partner or ""))) for key, record in world.erpnext.records.items()
        ),
        "held": [conflict.kind for conflict in world.conflicts()],
        "failed": [failure.error for failure in world.failures()],
        "open": len(world.open_operations()),
    }


def settled(world: World, expected: dict[str, object], what: str) -> None:
    """Two runs, and everything is as if nothing had happened; the third writes nothing."""
    for _ in range(2):
        counts = world.run(full=True, force=True).mappings["customer"]
        assert counts.error is None, (what, counts.error)
    found = told(world)
    assert found == expected, what
    result = world.quiet(full=True)
    assert result.exit_code is ExitCode.ATTENTION, what  # the one conflict


MAPPINGS = pytest.mark.parametrize(
    "changes", [{}, {"erpnext_name": "erp_ref"}], ids=["external id", "ERPNext name in the source"]
)


@MAPPINGS
@pytest.mark.parametrize("full", [True, False], ids=["full", "incremental"])
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(make_world, tmp_path, changes, full):
    template = scripted(make_world, **changes)
    reference = template.copy(tmp_path / "reference")
    switch = KillSwitch()
    reference.watch(switch)
    reference.run(full=full, force=True)
    reference.restart()
    for _ in range(2):
        reference.run(full=True, force=True)
    expected = told(reference)
    reference.close()
    assert expected["open"] == 0
    assert len(expected["pairs"]) == 9
    for point in range(1, len(switch.points) + 1):
        world = template.copy(tmp_path / f"point-{point}")
        killer = KillSwitch(at=point)
        world.watch(killer)
        with pytest.raises(Killed):
            world.run(full=full, force=True)
        world.restart()
        settled(world, expected, f"killed at point {point}: {killer.points[-1]}")
        world.close()
    print(f"\n{len(switch.points)} points of a {'full' if full else 'incremental'} run, each killed and finished")


@MAPPINGS
def test_a_run_that_loses_any_answer_is_finished_by_the_next(make_world, tmp_path, changes):
    template = scripted(make_world, **changes)
    reference = template.copy(tmp_path / "reference")
    reference.run(full=True, force=True)
    reference.run(full=True, force=True)
    expected = told(reference)
    reference.close()
    points = 0
    for side in ("erpnext", "source"):
        for when in ("before", "after"):
            number = 0
            while True:
                number += 1
                world = template.copy(tmp_path / f"{side}-{when}-{number}")
                met = lose(getattr(world, side), when, number)
                world.run(full=True, force=True)
                setattr(getattr(world, side), when, lambda _method, _writes: None)
                settled(world, expected, f"{side}: answer {number} lost {when} it was done")
                world.close()
                if not met:
                    break
                points += 1
    assert points >= 20, "the script no longer reaches its calls"
    print(f"\n{points} answers lost, each found out by the next run")


def lose(side, when: str, number: int) -> list[str]:
    """Lose the answer of call `number`: of a write nobody knows the outcome, a read is not answered."""
    calls: list[str] = []
    met: list[str] = []

    def hook(method, _writes):
        calls.append(method)
        if len(calls) == number:
            met.append(method)
            writes = method in {"create", "apply"}
            raise UnknownOutcomeError("no answer") if writes else UnreachableError("no answer")

    setattr(side, when, hook)
    return met


def test_a_first_contact_that_is_killed_anywhere_goes_on_from_there(make_world, tmp_path):
    template = make_world(source=MemoryOptions(page_size=2))
    for number in range(7):
        template.source.insert(name=f"N{number}", vat=f"V{number}")
    for number in range(3, 9):
        template.erpnext.insert(customer_name=f"Site N{number}" if number > 6 else f"N{number}", tax_id=f"V{number}")
    reference = template.copy(tmp_path / "reference")
    switch = KillSwitch()
    reference.watch(switch)
    reference.run()
    expected = told(reference)
    reference.close()
    assert (len(expected["pairs"]), expected["held"]) == (9, [])
    for point in range(1, len(switch.points) + 1):
        world = template.copy(tmp_path / f"point-{point}")
        killer = KillSwitch(at=point)
        world.watch(killer)
        with pytest.raises(Killed):
            world.run()
        world.restart()
        for _ in range(2):
            assert world.counts().failed == 0, killer.points[-1]
        assert told(world) == expected, f"killed at point {point}: {killer.points[-1]}"
        world.quiet()
        world.close()
    print(f"\n{len(switch.points)} points of a first contact, each killed and finished without a full pass")
