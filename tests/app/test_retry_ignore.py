"""What a person decides about failed records: tried again by the next run, or left as they are."""

from __future__ import annotations

import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.mapping import SourceDeleted
from syncd.errors import BusyError, ExitCode, RefusedError
from tests.app.harness import NAME, World, lost_once, spec

SIDES = pytest.mark.parametrize("target", ["erpnext", "source"])


class Rule:
    """A rule of one side that refuses some values, until somebody changes it."""

    def __init__(self, word: str = "BAD") -> None:
        self.refused = {word}

    def options(self) -> MemoryOptions:
        return MemoryOptions(
            check=lambda values: "refused by a rule" if self.refused & set(values.values()) else "",
            naming=lambda _values, number: f"K{number}",
        )


class Refused:
    """A world in which one record is refused by `target`: a new one, or the edit of one that has a partner."""

    def __init__(self, make_world, target: str, *, paired: bool) -> None:
        self.rule = Rule()
        self.world: World = make_world(spec(match=()), **{target: self.rule.options()})
        self.side = getattr(self.world, target)
        self.giving = self.world.source if target == "erpnext" else self.world.erpnext
        self.field = "name" if target == "erpnext" else "customer_name"
        if paired:
            [(document, row)] = self.world.agreed()
            self.key = row if target == "erpnext" else document
            self.edit("BAD")
        else:
            self.key = self.giving.insert(**{self.field: "BAD"})
        assert self.world.run().exit_code is ExitCode.ATTENTION
        self.sent: list[str] = []
        self.side.before = lambda method, _writes: self.sent.append(method) if method in {"create", "apply"} else None

    def edit(self, name: str) -> None:
        self.giving.edit(self.key, **{self.field: name})

    @property
    def failure(self):
        [failure] = self.world.failures()
        return failure

    def state(self) -> tuple[int, int]:
        """(failed in the counts, failed in `status`)"""
        return self.world.counts().failed, self.world.store.totals(NAME).failed


@pytest.fixture(params=[False, True], ids=["without a partner", "of a pair"])
def refused(request, make_world, target) -> Refused:
    return Refused(make_world, target, paired=request.param)


@SIDES
def test_a_parked_record_is_sent_again_once_after_retry(refused):
    world = refused.world
    world.quiet(full=True)
    assert (refused.sent, refused.failure.attempts) == ([], 1)
    assert world.store.retry([refused.failure.id]) == 1
    assert world.run().exit_code is ExitCode.ATTENTION
    assert len(refused.sent) == 1, "tried again, and refused again"
    assert (refused.failure.attempts, refused.failure.permanent) == (2, True)
    world.quiet(full=True)
    assert len(refused.sent) == 1, "parked again"


@SIDES
def test_a_record_whose_cause_was_elsewhere_is_done_by_the_run_after_retry(refused):
    world = refused.world
    refused.rule.refused.clear()
    assert world.quiet().exit_code is ExitCode.ATTENTION, "nobody told it that the rule is gone"
    world.store.retry([refused.failure.id])
    result = world.run()
    assert (result.exit_code, world.failures()) == (ExitCode.OK, [])
    [(row, document)] = world.pairs().items()
    assert world.customer(document)[0] == world.shopper(row)[0] == "BAD"
    assert world.quiet(full=True).exit_code is ExitCode.OK


@SIDES
def test_an_ignored_record_is_neither_sent_nor_counted_until_it_changes(refused):
    world = refused.world
    world.store.ignore(refused.failure.id)
    for full in (False, True):
        result = world.quiet(full=full)
        assert (result.exit_code, result.mappings[NAME].failed) == (ExitCode.OK, 0)
    assert (refused.sent, refused.state()) == ([], (0, 0))
    assert refused.failure.ignored
    refused.rule.refused.add("WORSE")
    refused.edit("WORSE")
    assert refused.state() == (1, 1), "it changed: what it holds now is refused anew"
    assert not refused.failure.ignored
    refused.edit("GOOD")
    assert (refused.state(), world.failures()) == ((0, 0), [])


@SIDES
def test_an_ignored_record_that_is_to_be_tried_again_is_tried(refused):
    refused.world.store.ignore(refused.failure.id)
    refused.world.store.retry([refused.failure.id])
    assert refused.state() == (1, 1)
    assert len(refused.sent) == 1


@SIDES
def test_a_changed_mapping_tries_parked_and_ignored_records_again(refused):
    world = refused.world
    world.store.ignore(refused.failure.id)
    world.remap(source_deleted=SourceDeleted.DISABLE)
    assert world.counts().failed == 0, "still refused, and still the same record"
    assert len(refused.sent) == 1
    assert refused.failure.ignored
    refused.rule.refused.clear()
    world.remap(source_deleted=SourceDeleted.IGNORE)
    assert (world.run().exit_code, world.failures()) == (ExitCode.OK, [])


def test_what_passes_by_itself_is_not_tried_again_while_it_is_ignored(world):
    row = world.source.insert(name="Ada")
    world.erpnext.before = lost_once(BusyError("deadlock"), "create")
    world.run()
    [failure] = world.failures()
    assert (failure.external_id, failure.permanent) == (row, False)
    world.store.ignore(failure.id)
    assert world.quiet().exit_code is ExitCode.OK
    world.store.retry([failure.id])
    assert world.counts().created["erpnext"] == 1


def test_a_refused_deletion_is_parked_and_never_taken_for_done(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    [(document, row), _] = world.agreed(2)
    world.source.delete(row)
    asked = []

    def linked(method, _writes):
        if method == "apply":
            asked.append(method)
            raise RefusedError("linked with SINV-1")

    world.erpnext.before = linked
    assert world.counts(full=True).failed == 1
    for _ in range(2):
        result = world.quiet(full=True)
        assert (result.exit_code, result.mappings[NAME].failed) == (ExitCode.ATTENTION, 1)
    assert (len(asked), world.pairs()[row]) == (1, document), "parked: neither sent again nor ended"
    world.erpnext.before = lambda _method, _writes: None
    world.store.retry([world.failures()[0].id])
    counts = world.counts()
    assert (counts.deleted["erpnext"], counts.failed, counts.ended) == (1, 0, 1)
    assert row not in world.pairs()


def test_a_record_that_was_refused_on_both_sides_is_parked_by_its_latest_content(make_world):
    source, erpnext = Rule("BAD"), Rule("WORSE")
    world = make_world(source=source.options(), erpnext=erpnext.options())
    [(document, row)] = world.agreed()
    world.erpnext.edit(document, website="BAD")
    assert world.counts().failed == 1
    world.source.edit(row, name="WORSE")
    assert world.counts().failed == 1
    assert {failure.side.value for failure in world.failures()} == {"source", "erpnext"}
    world.source.edit(row, name="GOOD")
    world.run()
    assert world.customer(document)[0] == "GOOD"
    sent = []
    world.source.before = lambda method, _writes: sent.append(method) if method == "apply" else None
    for full in (False, True):
        assert world.run(full=full).exit_code is ExitCode.ATTENTION
    assert sent == []
