"""Nothing twice, nothing half: answers lost, batches refused, writes broken off, on either side."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.model import Action, PairState
from syncd.errors import (
    BusyError,
    ExitCode,
    RefusedError,
    UnknownOutcomeError,
    UnreachableError,
)
from tests.app.harness import NAME, lost_once, spec
from tests.app.test_echo import sanitise

SIDES = pytest.mark.parametrize("target", ["erpnext", "source"])


def seed(world, target, number=3):
    """Records on the side across from `target`, without partners."""
    if target == "erpnext":
        return [world.source.insert(name=f"N{n}", vat=f"V{n}", url="u") for n in range(number)]
    return [world.erpnext.insert(customer_name=f"N{n}", tax_id=f"V{n}", website="u") for n in range(number)]


@SIDES
def test_a_creation_whose_answer_is_lost_is_not_repeated(world, target):
    seed(world, target)
    side = getattr(world, target)
    side.after = lost_once(UnknownOutcomeError("the answer was lost"), "create")
    result = world.run()
    assert result.exit_code is ExitCode.ATTENTION
    assert len(side.records) == 3
    assert len(world.open_operations()) == 1
    assert world.run().exit_code is ExitCode.OK
    assert (len(side.records), len(world.pairs()), world.open_operations()) == (3, 3, [])
    assert world.quiet(full=True).exit_code is ExitCode.OK


@SIDES
def test_a_creation_that_never_arrived_is_sent_by_the_next_run(world, target):
    seed(world, target)
    side = getattr(world, target)
    side.before = lost_once(UnknownOutcomeError("nobody knows"), "create")
    assert world.run().exit_code is ExitCode.ATTENTION
    assert len(side.records) == 0
    assert world.run().exit_code is ExitCode.OK
    assert (len(side.records), len(world.pairs())) == (3, 3)


@SIDES
@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not arrived"])
def test_a_creation_that_stays_unknown_is_not_sent_again_even_when_its_record_is_edited(world, target, arrived):
    given = seed(world, target)
    side, giving = getattr(world, target), world.source if target == "erpnext" else world.erpnext
    field = "name" if target == "erpnext" else "customer_name"
    hook = lost_once(UnknownOutcomeError("the answer was lost"), "create")
    if arrived:
        side.after = hook
    else:
        side.before = hook
    world.run()
    known = side.created

    def unknown(_writes, _operation, *, sent=None):
        raise UnknownOutcomeError("still under way")

    side.created = unknown
    giving.edit(given[0], **{field: "Edited meanwhile"})
    for full in (False, True, False):
        world.run(full=full)
        assert len(side.records) == (3 if arrived else 0), "nothing is created while nobody knows"
    side.created = known
    world.counts()
    world.counts()
    assert (len(side.records), len(world.pairs()), world.open_operations()) == (3, 3, [])
    names = sorted(record.values.get("customer_name", record.values.get("name")) for record in side.records.values())
    # One that showed itself in the feed was adopted as at first contact: the edit is a conflict, it is not lost.
    assert names == (["N0", "N1", "N2"] if arrived else ["Edited meanwhile", "N1", "N2"])
    assert len(world.conflicts()) == (1 if arrived else 0)
    world.quiet(full=True)


def test_a_changed_mapping_does_not_forget_a_creation_in_doubt(world):
    seed(world, "erpnext")
    world.erpnext.before = lost_once(UnknownOutcomeError("nobody knows"), "create")
    world.run()
    known = world.erpnext.created

    def unknown(_writes, _operation, *, sent=None):
        raise UnknownOutcomeError("still under way")

    world.erpnext.created = unknown
    world.remap(match=())
    world.run()
    assert len(world.erpnext.records) == 0
    world.erpnext.created = known
    world.run()
    assert (len(world.erpnext.records), len(world.pairs())) == (3, 3)


@SIDES
def test_a_created_record_that_a_person_deletes_before_anyone_knows_is_not_created_again(world, target):
    seed(world, target)
    side = getattr(world, target)
    side.after = lost_once(UnknownOutcomeError("the answer was lost"), "create")
    world.run()
    side.delete(next(iter(side.records)))
    counts = world.counts()
    assert (len(side.records), counts.ended) == (2, 1)
    assert world.quiet(full=True).exit_code is ExitCode.OK
    assert len(side.records) == 2


def as_given(_name, value):
    return value


@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not arrived"])
@pytest.mark.parametrize(
    ("target", "store"),
    [
        pytest.param("erpnext", as_given, id="erpnext"),
        pytest.param("erpnext", sanitise, id="a site that sanitises"),
        # A source does not say who wrote a row; values that its types would alter are refused before they are sent.
        pytest.param("source", as_given, id="source"),
    ],
)
def test_an_update_whose_answer_is_lost_is_finished_without_conflict(make_world, target, arrived, store):
    world = make_world(erpnext=MemoryOptions(store=store, naming=lambda _v, n: f"C{n}"))
    [(document, row)] = world.agreed()
    side = getattr(world, target)
    if target == "erpnext":
        world.source.edit(row, name="<b>New</b> ")
    else:
        world.erpnext.edit(document, customer_name="New")
    hook = lost_once(UnknownOutcomeError("the answer was lost"))
    if arrived:
        side.after = hook
    else:
        side.before = hook
    assert world.run().exit_code is ExitCode.ATTENTION
    result = world.run()
    assert (result.exit_code, world.conflicts(), world.failures()) == (ExitCode.OK, [], [])
    assert world.open_operations() == []
    new = "<b>New</b> " if store is not sanitise and target == "erpnext" else "New"
    assert world.customer(document)[0] == new
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_an_adoption_on_a_site_that_sanitises_is_finished_after_a_lost_answer(make_world):
    world = make_world(erpnext=MemoryOptions(store=sanitise, naming=lambda _v, n: f"C{n}"))
    row = world.source.insert(name="<b>Ada</b>", vat="A1")
    world.erpnext.insert("C9", tax_id="A1", website="w")
    world.erpnext.after = lost_once(UnknownOutcomeError("the answer was lost"))
    world.run()
    result = world.run()
    assert (result.exit_code, world.conflicts()) == (ExitCode.OK, [])
    assert (world.customer("C9"), world.shopper(row)) == (("Ada", "A1", "w"), ("<b>Ada</b>", "A1", "w"))
    assert world.quiet(full=True).exit_code is ExitCode.OK


@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not arrived"])
def test_a_link_whose_answer_is_lost_is_written_once(world, arrived):
    seed(world, "source", 1)
    hook = lost_once(UnknownOutcomeError("the answer was lost"))
    if arrived:
        world.erpnext.after = hook
    else:
        world.erpnext.before = hook
    world.run()
    assert world.run().exit_code is ExitCode.OK
    assert [write.action for write in world.erpnext.writes] == [Action.LINK]
    assert len(world.source.records) == 1
    assert world.quiet(full=True).exit_code is ExitCode.OK


@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not arrived"])
@pytest.mark.parametrize("policy", ["delete", "disable"])
def test_a_deletion_whose_answer_is_lost_is_finished(make_world, arrived, policy):
    from syncd.core.mapping import SourceDeleted

    world = make_world(spec(source_deleted=SourceDeleted(policy)))
    [(_document, row), _] = world.agreed(2)
    world.source.delete(row)
    hook = lost_once(UnknownOutcomeError("the answer was lost"))
    if arrived:
        world.erpnext.after = hook
    else:
        world.erpnext.before = hook
    world.run(full=True)
    result = world.run()
    assert (result.exit_code, world.open_operations()) == (ExitCode.OK, [])
    assert [write.action.value for write in world.erpnext.writes] == [policy], "once, not twice"
    assert row not in world.pairs()
    assert world.quiet(full=True).exit_code is ExitCode.OK


@SIDES
def test_one_bad_record_in_two_hundred_stands_alone(make_world, target):
    options = MemoryOptions(
        check=lambda values: "BAD is refused" if "BAD" in values.values() else "", naming=lambda _v, n: f"K{n:04d}"
    )
    world = make_world(spec(match=()), **{target: options})
    giving, field = (world.source, "name") if target == "erpnext" else (world.erpnext, "customer_name")
    keys = [giving.insert(**{field: "BAD" if n == 77 else f"N{n}"}) for n in range(200)]
    result = world.run()
    counts = result.mappings[NAME]
    assert (counts.created[target], counts.failed, result.exit_code) == (199, 1, ExitCode.ATTENTION)
    [failure] = world.failures()
    assert keys[77] in {failure.external_id, failure.erpnext_name}
    assert (failure.permanent, failure.error) == (True, "BAD is refused")


@SIDES
def test_a_refused_record_is_parked_until_it_changes(make_world, target):
    options = MemoryOptions(check=lambda values: "refused" if "BAD" in values.values() else "")
    world = make_world(spec(match=()), **{target: options})
    side = getattr(world, target)
    giving, field = (world.source, "name") if target == "erpnext" else (world.erpnext, "customer_name")
    key = giving.insert(**{field: "BAD"})
    world.run()
    sent = calls(side)
    reports = len(world.reports)
    for full in (False, True):
        assert world.quiet(full=full).exit_code is ExitCode.ATTENTION
    assert (sent, len(world.reports)) == ([], reports), "neither sent nor reported again"
    assert world.failures()[0].attempts == 1
    giving.edit(key, **{field: "GOOD"})
    assert world.counts().created[target] == 1
    assert world.failures() == []


def calls(side):
    """Writing calls that reach a side from now on."""
    sent = []
    side.before = lambda method, writes: sent.append(method) if method in {"create", "apply"} else None
    return sent


@SIDES
@pytest.mark.parametrize("both", [False, True], ids=["one side is written", "both sides are written"])
def test_a_refused_update_is_parked_until_either_side_changes(make_world, target, both):
    options = MemoryOptions(
        check=lambda values: "refused" if "BAD" in values.values() else "", naming=lambda _v, n: f"K{n}"
    )
    world = make_world(**{target: options})
    [(document, row)] = world.agreed()
    side = getattr(world, target)
    if target == "erpnext":
        world.source.edit(row, name="BAD")
        if both:
            world.erpnext.edit(document, website="new")
    else:
        world.erpnext.edit(document, customer_name="BAD")
        if both:
            world.source.edit(row, url="new")
    counts = world.counts()
    assert counts.failed == 1
    sent, reports = calls(side), len(world.reports)
    for full in (False, True, False):
        assert world.run(full=full).exit_code is ExitCode.ATTENTION
    assert (sent, len(world.reports)) == ([], reports)
    if target == "erpnext":
        world.source.edit(row, name="GOOD")
    else:
        world.erpnext.edit(document, customer_name="GOOD")
    assert world.counts().failed == 0
    assert world.customer(document) == world.shopper(row)
    assert world.quiet(full=True).exit_code is ExitCode.OK


@SIDES
def test_a_passing_trouble_is_tried_again_by_the_next_run(world, target):
    seed(world, target)
    side = getattr(world, target)
    side.before = lost_once(BusyError("deadlock"), "create")
    result = world.run()
    assert result.exit_code is ExitCode.ATTENTION
    result = world.run()
    assert (result.exit_code, len(side.records), world.failures()) == (ExitCode.OK, 3, [])


@pytest.mark.parametrize("store", [as_given, sanitise], ids=["plain", "a site that sanitises"])
@pytest.mark.parametrize("first_contact", [False, True], ids=["agreed before", "first contact"])
@pytest.mark.parametrize(
    "error",
    [BusyError("locked"), RefusedError("refused"), UnknownOutcomeError("lost"), UnreachableError("no connection")],
    ids=["busy", "refused", "unknown", "unreachable"],
)
def test_a_record_written_on_one_side_only_is_finished_without_conflict(make_world, store, first_contact, error):
    world = make_world(erpnext=MemoryOptions(store=store, naming=lambda _v, n: f"C{n}"))
    if first_contact:
        row = world.source.insert(name="<b>Shop</b>", vat="VAT1")
        document = world.erpnext.insert("C1", tax_id="VAT1", website="site.example")
    else:
        [(document, row)] = world.agreed()
        world.source.edit(row, name="<b>Shop</b>")
        world.erpnext.edit(document, website="site.example")
    world.source.before = lost_once(error)
    world.run()
    assert world.shopper(row)[2] != "site.example"
    world.clock.sleep(3600)
    if isinstance(error, RefusedError):
        world.erpnext.edit(document, tax_id="VAT2")
    result = world.run()
    assert (result.exit_code, world.conflicts()) == (ExitCode.OK, [])
    name = "Shop" if store is sanitise else "<b>Shop</b>"
    tax = "VAT2" if isinstance(error, RefusedError) else "VAT1"
    assert world.customer(document) == (name, tax, "site.example")
    assert world.shopper(row) == ("<b>Shop</b>", tax, "site.example")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_page_that_fails_fails_the_mapping_and_is_never_read_as_deletions(world):
    from syncd.core.mapping import SourceDeleted

    world.remap(source_deleted=SourceDeleted.DELETE)
    world.agreed(5)
    world.source.options = replace(world.source.options, page_size=2)
    pages = []

    def broken(method, _writes):
        if method == "scan":
            pages.append(method)
            if len(pages) == 2:
                raise UnreachableError("502 Bad Gateway")

    world.source.before = broken
    result = world.run(full=True)
    assert result.exit_code is ExitCode.UNREACHABLE
    assert (len(world.erpnext.records), len(world.pairs())) == (5, 5)
    world.source.before = lambda _method, _writes: None
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_value_that_the_other_side_cannot_hold_fails_under_the_records_name(world):
    [(document, row)] = world.agreed()
    world.source.edit(row, name="x" * 200)
    counts = world.counts()
    assert (counts.failed, world.customer(document)[0]) == (1, "Name 1")
    [failure] = world.failures()
    assert (failure.external_id, failure.erpnext_name) == (row, document)
    assert "customer_name" in failure.error
    reports = len(world.reports)
    world.quiet(full=True)
    assert len(world.reports) == reports
    world.source.edit(row, name="short")
    assert world.counts().failed == 0
    assert world.customer(document)[0] == "short"


def test_a_failed_creation_whose_record_is_deleted_is_forgotten_by_a_full_pass(make_world):
    world = make_world(spec(match=()), erpnext=MemoryOptions(check=lambda _values: "refused"))
    row = world.source.insert(name="Ada")
    world.source.insert(name="Eve")
    assert world.counts().failed == 2
    world.source.delete(row)
    assert world.counts(full=True).failed == 1


def test_a_pair_that_fails_keeps_its_state_until_it_is_settled(make_world):
    world = make_world(erpnext=MemoryOptions(check=lambda v: "no" if v.get("website") == "x" else ""))
    [(_, row)] = world.agreed()
    world.source.edit(row, url="x")
    world.counts()
    [(pair, _)] = world.store.pairs(NAME, after=0, limit=10)
    assert pair.state is PairState.FAILED


@SIDES
def test_an_edit_made_while_a_creation_was_in_doubt_flows_once_it_is_known(world, target):
    world.remap(match=())
    given = seed(world, target, 1)
    side, giving = getattr(world, target), world.source if target == "erpnext" else world.erpnext
    under_way = []

    def slow(method, writes):
        if method == "create" and not under_way:
            under_way.append(list(writes))
            raise UnknownOutcomeError("still under way")

    side.before = slow
    world.run()
    [operation] = world.open_operations()
    known = side.created

    def unknown(_writes, _operation, *, sent=None):
        raise UnknownOutcomeError("still under way")

    side.created = unknown
    giving.edit(given[0], **{"name" if target == "erpnext" else "customer_name": "Edited meanwhile"})
    seed(world, target, 2)
    world.run()  # the feed has shown the edit, and does not show it again
    side.created = known
    side.create(under_way[0], operation.key)  # now the slow first attempt arrives
    result = world.run()
    assert (result.exit_code, len(side.records), len(world.pairs())) == (ExitCode.OK, 3, 3)
    assert world.open_operations() == []
    for row, document in world.pairs().items():
        assert world.customer(document)[0] == world.shopper(row)[0]
    assert "Edited meanwhile" in {world.shopper(row)[0] for row in world.source.records}
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_half_written_record_is_finished_although_the_sites_clock_was_set_back(world):
    [(document, row)] = world.agreed()
    world.source.edit(row, name="Shop")
    world.erpnext.edit(document, website="site.example", stamp="2026-02-01 12:00:00.000000")
    world.erpnext._now = datetime(2026, 2, 1, 11, 30, tzinfo=UTC)  # its own write is older than the feed has seen
    world.source.before = lost_once(BusyError("locked"))
    assert world.run().exit_code is ExitCode.ATTENTION
    assert world.run().exit_code is ExitCode.OK
    assert world.customer(document) == world.shopper(row) == ("Shop", "VAT1", "site.example")
    assert world.quiet(full=True).exit_code is ExitCode.OK
