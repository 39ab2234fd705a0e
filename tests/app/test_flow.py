"""The flow of one run: who is paired with whom, and which way values go."""

from __future__ import annotations

import orjson
import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.mapping import Create, FieldSpec
from syncd.core.model import Direction, Wins
from syncd.errors import ExitCode
from tests.app.harness import FIELDS, spec


def test_first_contact_creates_missing_partners_in_both_directions(world):
    row = world.source.insert(name="Ada", vat="A1", url="ada.example")
    document = world.erpnext.insert("CUST-X", customer_name="Bob", tax_id="B1", website="bob.example")
    counts = world.counts()
    assert counts.created == {"erpnext": 1, "source": 1}
    made = world.partner_of(row)
    assert world.customer(made) == ("Ada", "A1", "ada.example")
    assert world.erpnext.records[made].partner == row
    back = next(key for key, name in world.pairs().items() if name == document)
    assert world.shopper(back) == ("Bob", "B1", "bob.example")
    assert world.erpnext.records[document].partner == back, "the new row's id goes back into the document"
    assert world.quiet().exit_code is ExitCode.OK


def test_records_are_adopted_by_external_id_whatever_their_values(world):
    row = world.source.insert(name="Ada", vat="A1")
    document = world.erpnext.insert("CUST-X", partner=row, customer_name="Ada", tax_id="OTHER")
    counts = world.counts()
    assert (counts.adopted, counts.created) == (1, {"erpnext": 0, "source": 0})
    assert world.pairs() == {row: document}
    assert [field["field"] for field in orjson.loads(world.conflicts()[0].fields)] == ["tax_id"]


def test_records_are_adopted_by_erpnext_name_in_the_source(make_world):
    world = make_world(spec(erpnext_name="erp_ref"))
    document = world.erpnext.insert("CUST-X", customer_name="Ada", tax_id="A1")
    row = world.source.insert(partner=document, name="Ada", vat="A1")
    counts = world.counts()
    assert (counts.adopted, world.pairs()) == (1, {row: document})
    assert world.quiet().exit_code is ExitCode.OK


def test_records_are_adopted_by_match_rules_and_both_sides_fill_what_the_other_lacks(world):
    row = world.source.insert(name="Ada", vat="A1")
    document = world.erpnext.insert("CUST-X", tax_id="A1", website="ada.example")
    counts = world.counts()
    assert (counts.adopted, world.pairs()) == (1, {row: document})
    assert world.customer(document) == world.shopper(row) == ("Ada", "A1", "ada.example")
    assert world.erpnext.records[document].partner == row
    assert world.quiet().exit_code is ExitCode.OK


def test_an_ambiguous_match_is_held_and_settled_when_the_twin_goes(world):
    row = world.source.insert(name="Ada", vat="A1")
    first = world.erpnext.insert("CUST-X", customer_name="Ada", tax_id="A1")
    twin = world.erpnext.insert("CUST-Y", customer_name="Ada", tax_id="A1")
    counts = world.counts()
    assert (counts.adopted, counts.created, counts.held) == (0, {"erpnext": 0, "source": 0}, 3)
    assert world.quiet().exit_code is ExitCode.ATTENTION
    world.erpnext.delete(twin)
    counts = world.counts(full=True)
    assert (counts.adopted, counts.held, world.pairs()) == (1, 0, {row: first})
    assert world.conflicts() == []
    assert world.quiet().exit_code is ExitCode.OK


def test_an_ambiguous_match_is_settled_when_the_twin_is_told_apart(world):
    row = world.source.insert(name="Ada", vat="A1")
    first = world.erpnext.insert("CUST-X", customer_name="Ada", tax_id="A1")
    twin = world.erpnext.insert("CUST-Y", customer_name="Ada", tax_id="A1")
    world.counts()
    world.erpnext.edit(twin, tax_id="A2")
    counts = world.counts()
    assert (counts.adopted, counts.held, counts.created["source"]) == (1, 0, 1)
    assert world.pairs()[row] == first
    assert world.conflicts() == []


def test_a_held_ambiguity_that_may_get_no_partner_is_unmatched_once_it_is_settled(make_world):
    world = make_world(spec(create=Create.NONE))
    row = world.source.insert(name="Ada", vat="A1")
    for key in ("CUST-X", "CUST-Y"):
        world.erpnext.insert(key, customer_name="Ada", tax_id="A1")
    assert world.counts().held == 3
    world.source.edit(row, vat="A3")
    counts = world.counts()
    assert (counts.held, counts.unmatched) == (0, 3)
    assert world.conflicts() == []


@pytest.mark.parametrize(
    ("wins", "names", "held"),
    [
        pytest.param(Wins.MANUAL, ("Erp", "Shop"), 1, id="manual: nothing is written, the record is held"),
        pytest.param(Wins.ERPNEXT, ("Erp", "Erp"), 0, id="erpnext: its value goes to the source"),
        pytest.param(Wins.SOURCE, ("Shop", "Shop"), 0, id="source: its value goes to ERPNext"),
        pytest.param(Wins.NEWEST, ("Shop", "Shop"), 0, id="newest: the later edit wins"),
    ],
)
def test_both_sides_changed_one_field(make_world, wins, names, held):
    world = make_world(spec(wins=wins, fields=tuple(_with(field, wins=wins) for field in FIELDS)))
    [(document, row)] = world.agreed()
    world.erpnext.edit(document, customer_name="Erp", stamp="2026-02-01 10:00:00.000000")
    world.source.edit(row, name="Shop", stamp="2026-02-01 10:00:01.000000")
    counts = world.counts()
    assert (world.customer(document)[0], world.shopper(row)[0]) == names
    assert counts.held == held
    world.quiet()


def _with(field, **changes):
    from dataclasses import replace

    return replace(field, **changes)


def conflicted(world):
    [(document, row)] = world.agreed()
    world.erpnext.edit(document, customer_name="Erp", website="erp.example")
    world.source.edit(row, name="Shop")
    world.counts()
    return document, row


def test_a_conflict_holds_the_whole_record(world):
    _document, row = conflicted(world)
    assert world.shopper(row) == ("Shop", "VAT1", "u1"), "the website waits too"
    assert world.quiet().exit_code is ExitCode.ATTENTION


@pytest.mark.parametrize(
    ("decision", "name"),
    [
        pytest.param({"take": "erpnext"}, "Erp", id="take erpnext"),
        pytest.param({"take": "source"}, "Shop", id="take source"),
        pytest.param({"set": {"customer_name": "Both"}}, "Both", id="a value of one's own"),
    ],
)
def test_a_decision_is_carried_out_by_the_next_run(world, decision, name):
    document, row = conflicted(world)
    world.store.resolve([(world.conflicts()[0], orjson.dumps(decision))])
    assert world.counts().held == 0
    assert world.customer(document) == world.shopper(row) == (name, "VAT1", "erp.example")
    assert world.conflicts() == []
    assert world.quiet().exit_code is ExitCode.OK


@pytest.mark.parametrize("stamped", [True, False], ids=["with stamps", "without stamps"])
def test_a_decision_is_not_carried_out_on_values_that_nobody_was_shown(make_world, stamped):
    world = make_world(source=MemoryOptions(stamped=stamped))
    document, row = conflicted(world)
    world.store.resolve([(world.conflicts()[0], orjson.dumps({"take": "source"}))])
    world.source.edit(row, name="Another")
    for _ in range(2):
        assert world.counts().held == 1
        assert world.customer(document)[0] == "Erp"
    [conflict] = world.conflicts()
    assert conflict.resolution == b'{"moved":{"take":"source"}}', "kept, so that the person is told"
    assert orjson.loads(conflict.fields)[0]["source"] == "Another"


def test_a_decision_stands_when_only_fields_moved_that_are_not_mapped(world):
    document, row = conflicted(world)
    world.store.resolve([(world.conflicts()[0], orjson.dumps({"take": "source"}))])
    world.erpnext.edit(document, remark="called them")
    world.counts()
    world.counts()
    assert world.customer(document) == world.shopper(row) == ("Shop", "VAT1", "erp.example")


def test_a_one_way_field_leaves_the_receiving_sides_edits_until_the_giving_side_changes(make_world):
    one_way = FieldSpec(erpnext="tax_id", source="vat", direction=Direction.TO_ERPNEXT)
    world = make_world(spec(fields=(FIELDS[0], one_way), match=()))
    [(document, row)] = world.agreed()
    world.erpnext.edit(document, tax_id="BY-HAND")
    assert world.quiet().exit_code is ExitCode.OK
    assert (world.customer(document)[1], world.shopper(row)[1]) == ("BY-HAND", "VAT1")
    world.source.edit(row, vat="NEW")
    world.counts()
    assert (world.customer(document)[1], world.shopper(row)[1]) == ("NEW", "NEW")


def test_an_enforced_field_is_restored_every_time(make_world):
    enforced = FieldSpec(erpnext="tax_id", source="vat", direction=Direction.TO_ERPNEXT, enforce=True)
    world = make_world(spec(fields=(FIELDS[0], enforced), match=()))
    [(document, _)] = world.agreed()
    world.erpnext.edit(document, tax_id="BY-HAND")
    assert world.counts().updated == {"erpnext": 1, "source": 0}
    assert world.customer(document)[1] == "VAT1"
    assert world.quiet().exit_code is ExitCode.OK


def test_constants_are_written_at_creation_only_and_defaults_do_not_flow_back(make_world):
    constant = FieldSpec(erpnext="website", constant="shop.example")
    default = FieldSpec(erpnext="tax_id", source="vat", default="NONE")
    world = make_world(spec(fields=(FIELDS[0], default, constant), match=()))
    row = world.source.insert(name="Ada", vat=None)
    world.counts()
    document = world.partner_of(row)
    assert world.customer(document) == ("Ada", "NONE", "shop.example")
    assert world.shopper(row)[1] is None
    world.erpnext.edit(document, website="by-hand.example")
    assert world.quiet().exit_code is ExitCode.OK


@pytest.mark.parametrize(
    ("create", "created", "unmatched"),
    [
        pytest.param(Create.BOTH, {"erpnext": 1, "source": 1}, 0, id="both"),
        pytest.param(Create.ERPNEXT, {"erpnext": 1, "source": 0}, 1, id="erpnext: documents without a row stay alone"),
        pytest.param(Create.SOURCE, {"erpnext": 0, "source": 1}, 1, id="source: rows without a document stay alone"),
        pytest.param(Create.NONE, {"erpnext": 0, "source": 0}, 2, id="none"),
    ],
)
def test_create_says_where_partners_are_made(make_world, create, created, unmatched):
    world = make_world(spec(create=create))
    world.source.insert(name="Ada", vat="A1")
    world.erpnext.insert("CUST-X", customer_name="Bob", tax_id="B1")
    counts = world.counts()
    assert (counts.created, counts.unmatched) == (created, unmatched)
    assert world.quiet().mappings["customer"].unmatched == unmatched


def test_an_unmatched_record_is_adopted_when_its_partner_appears(make_world):
    world = make_world(spec(create=Create.NONE))
    row = world.source.insert(name="Ada", vat="A1")
    assert world.counts().unmatched == 1
    document = world.erpnext.insert("CUST-X", customer_name="Ada", tax_id="A1")
    counts = world.counts()
    assert (counts.adopted, counts.unmatched, world.pairs()) == (1, 0, {row: document})


def test_an_unmatched_record_that_is_deleted_is_forgotten_by_a_full_pass(make_world):
    world = make_world(spec(create=Create.NONE))
    row = world.source.insert(name="Ada", vat="A1")
    world.source.insert(name="Eve", vat="E1")
    world.counts()
    world.source.delete(row)
    assert world.counts(full=True).unmatched == 1
    world.erpnext.insert("CUST-X", customer_name="Ada", tax_id="A1")
    assert world.counts().adopted == 0, "the row is not there any more"
