"""Nothing by accident, nothing missed: guards halt before damage; no feed's weakness hides a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.guards import Limit
from syncd.core.mapping import SourceDeleted
from syncd.core.model import Wins
from syncd.errors import ExitCode
from tests.app.harness import NAME, spec


def deleting(make_world, number, **given):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE), **given)
    return world, world.agreed(number)


def halted(world, guard, **options):
    """One run that must halt without a write."""
    before = world.writes
    result = world.run(**options)
    assert result.exit_code is ExitCode.HALTED
    halt = result.mappings[NAME].halt
    assert halt is not None
    assert halt["guard"] == guard
    assert world.writes == before
    assert world.store.mapping_state(NAME).halt.startswith(guard)
    return halt


@pytest.mark.parametrize("side", ["erpnext", "source"])
def test_a_side_that_is_suddenly_empty_halts_even_a_small_set(make_world, side):
    world, _ = deleting(make_world, 2)
    records = dict(getattr(world, side).records)
    getattr(world, side).records.clear()
    assert "no record at all" in halted(world, "emptied_side", full=True)["message"]
    getattr(world, side).records.update(records)
    assert world.quiet(full=True).exit_code is ExitCode.OK
    assert world.store.mapping_state(NAME).halt == "", "the halt is forgotten once a run went through"


def test_a_side_that_is_meant_to_be_empty_is_passed_once(make_world):
    world, _couples = deleting(make_world, 3)
    world.source.records.clear()
    halted(world, "emptied_side", full=True)
    assert world.counts(full=True, force=True).deleted == {"erpnext": 3, "source": 0}
    assert not world.erpnext.records


@pytest.mark.parametrize(
    ("pairs", "deleted", "limit", "halts"),
    [
        pytest.param(20, 5, Limit(share=0.1), False, id="small sets: five are let through"),
        pytest.param(20, 6, Limit(share=0.1), True, id="small sets: six are not"),
        pytest.param(80, 8, Limit(share=0.1), False, id="exactly the share"),
        pytest.param(80, 9, Limit(share=0.1), True, id="one more than the share"),
        pytest.param(20, 2, Limit(count=2), False, id="exactly the count"),
        pytest.param(20, 3, Limit(count=2), True, id="one more than the count"),
    ],
)
def test_too_many_deletions_halt(make_world, pairs, deleted, limit, halts):
    world, couples = deleting(make_world, pairs)
    world.options = replace(world.options, max_deletes=limit)
    for _, row in couples[:deleted]:
        world.source.delete(row)
    world.source.edit(couples[-1][1], name="Edited")
    if not halts:
        assert world.counts(full=True).deleted["erpnext"] == deleted
        return
    assert f"{deleted} of {pairs} pairs" in halted(world, "max_deletes", full=True)["message"]
    halted(world, "max_deletes")
    assert world.counts(force=True).deleted["erpnext"] == deleted
    assert world.customer(couples[-1][0])[0] == "Edited"
    assert world.quiet(full=True).exit_code is ExitCode.OK


@pytest.mark.parametrize("full", [True, False], ids=["full", "incremental"])
def test_deletions_that_halted_are_forgotten_when_the_records_are_back(make_world, full):
    world, couples = deleting(make_world, 20)
    kept = {row: world.source.records[row] for _, row in couples[:10]}
    for row in kept:
        world.source.delete(row)
    halted(world, "max_deletes", full=True)
    world.source.records.update(kept)
    assert world.quiet(full=full, force=True).exit_code is ExitCode.OK
    assert len(world.erpnext.records) == 20


def test_a_side_that_empties_itself_while_it_is_written_to_does_not_take_the_other_along(make_world):
    # The source wins: a row that is gone takes its document along, edited or not.
    world = make_world(spec(source_deleted=SourceDeleted.DELETE, wins=Wins.SOURCE))
    couples = world.agreed(20)
    for document, _ in couples[:12]:
        world.erpnext.edit(document, customer_name="Edited")

    def emptied(method, _writes):
        if method == "apply":
            for _, row in couples[:12]:
                world.source.records.pop(row, None)

    world.source.before = emptied
    halted(world, "max_deletes")
    assert len(world.erpnext.records) == 20, "no document was deleted"


@pytest.mark.parametrize(
    ("scheduled", "force", "halts"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_too_many_updates_halt_scheduled_passes_only(make_world, scheduled, force, halts):
    world = make_world()
    couples = world.agreed(60)
    for _, row in couples[:51]:
        world.source.edit(row, name="Mass edit")
    if halts:
        halted(world, "max_updates", scheduled=True)
    else:
        assert world.counts(scheduled=scheduled, force=force).updated["erpnext"] == 51


@pytest.mark.parametrize("side", ["erpnext", "source"])
def test_a_restored_backup_halts_until_a_person_says_how_to_go_on(make_world, side):
    world = make_world()
    couples = world.agreed(5)
    restored = getattr(world, side)
    old = dict(restored.records)
    _document, row = couples[0]
    for _ in range(2):
        world.source.edit(row, name="After the backup", stamp="2026-02-01 00:00:00.000000")
        world.erpnext.edit(couples[1][0], website="after.example", stamp="2026-02-01 00:00:00.000000")
        world.counts()
    restored.records = {key: replace(record, stamp="2025-12-01 00:00:00.000000") for key, record in old.items()}
    assert "went back in time" in halted(world, "restored_backup")["message"]
    halted(world, "restored_backup", full=True)
    world.run(full=True, force=True)
    assert world.run().exit_code in {ExitCode.OK, ExitCode.ATTENTION}, "it goes on from what is there now"


def test_a_restored_backup_is_not_suspected_for_ever_because_of_a_held_record(world):
    couples = world.agreed(3)
    document, row = couples[0]
    world.erpnext.edit(document, customer_name="A", stamp="2026-02-01 00:00:00.000000")
    world.source.edit(row, name="B")
    world.counts()
    world.erpnext.edit(document, customer_name="A2", stamp="2026-01-01 00:00:00.000000")
    halted(world, "restored_backup")
    world.run(full=True, force=True)
    assert world.run().exit_code is ExitCode.ATTENTION


def test_fifty_edits_while_pages_are_read_lose_none(make_world):
    world = make_world(erpnext=MemoryOptions(page_size=10, naming=lambda _v, n: f"C{n:04d}"))
    couples = world.agreed(100)
    for document, _ in couples:
        world.erpnext.edit(document, website="first.example")
    edited: list[str] = []

    def between_pages(method, _writes):
        if method == "changes" and len(edited) < 50:
            for document, _ in couples[len(edited) : len(edited) + 5]:
                edited.append(document)
                world.erpnext.edit(document, customer_name="Edited while read")

    world.erpnext.before = between_pages
    world.counts()
    world.counts()
    assert len(edited) == 50
    for document, row in couples:
        assert world.customer(document) == world.shopper(row)
    assert sum(world.shopper(row)[0] == "Edited while read" for _, row in couples) == 50
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_records_with_one_stamp_are_read_once_each(make_world):
    world = make_world(source=MemoryOptions(page_size=7))
    for number in range(100):
        key = world.source.insert(name=f"N{number}", vat=f"V{number}")
        world.source.change(key, stamp="2026-01-15 00:00:00.000000")
    counts = world.counts()
    assert (counts.seen["source"], counts.created["erpnext"]) == (100, 100)
    assert world.quiet().mappings[NAME].seen["source"] == 100, "all of them are within the overlap, none is new"


def test_a_late_commit_within_the_overlap_is_seen(world):
    world.options = replace(world.options, overlap=600.0)
    couples = world.agreed(2)
    world.source.edit(couples[0][1], name="Newer", stamp="2026-01-15 12:00:00.000000")
    world.counts()
    world.source.edit(couples[1][1], name="Committed late", stamp="2026-01-15 11:55:00.000000")
    world.counts()
    assert world.customer(couples[1][0])[0] == "Committed late"


def test_a_change_that_moved_no_stamp_is_found_by_a_full_pass(world):
    [(document, row), (_, other)] = world.agreed(2)
    world.source.edit(other, url="the cursor moves on")
    world.counts()
    record = world.source.records[row]
    world.source.change(row, values={**record.values, "name": "By hand in SQL"})
    assert world.quiet().exit_code is ExitCode.OK
    world.counts(full=True)
    assert world.customer(document)[0] == "By hand in SQL"


def test_a_source_without_stamps_is_read_whole_every_time(make_world):
    world = make_world(source=MemoryOptions(stamped=False))
    [(document, row), (gone, other)] = world.agreed(2)
    world.source.edit(row, name="Edited")
    counts = world.counts()
    assert (counts.seen["source"], world.customer(document)[0]) == (2, "Edited")
    world.source.delete(other)
    assert world.counts().ended == 1
    assert world.quiet().exit_code is ExitCode.OK
    assert gone in world.erpnext.records


def test_a_login_that_is_refused_is_never_read_as_deletions(make_world):
    from syncd.errors import AccessError

    world, couples = deleting(make_world, 5)
    world.source.delete(couples[0][1])

    def refused(method, _writes):
        if method in {"fetch", "find"}:
            raise AccessError("the account was locked")

    world.source.before = refused
    assert world.run(full=True).exit_code is ExitCode.UNREACHABLE
    assert len(world.erpnext.records) == 5
    world.source.before = lambda _method, _writes: None
    assert world.counts(full=True).deleted["erpnext"] == 1
