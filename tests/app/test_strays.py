"""Ids of partners that somebody changed by hand on paired records."""

from __future__ import annotations

import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.mapping import Create, ErpnextDeleted, SourceDeleted, WriteBack
from syncd.core.model import Direction, PairState, Side
from syncd.errors import ExitCode
from tests.app.documents import decide
from tests.app.harness import NAME, spec

FULL = pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])


def state_of(world, row):
    found = {pair.external_id: pair.state for pair, _ in world.store.pairs(NAME, after=0, limit=100, live=False)}
    return found[row]


@pytest.mark.parametrize("emptied", [None, ""], ids=["null", "an empty text"])
@pytest.mark.parametrize("moved", [True, False], ids=["its stamp moved", "its stamp did not move"])
def test_an_external_id_that_was_taken_out_is_written_again(world, emptied, moved):
    [(document, row), _] = world.agreed(2)
    world.erpnext.change(document, partner=emptied)
    if moved:
        world.erpnext.edit(document)
    assert world.counts(full=not moved).linked == 1
    assert world.erpnext.records[document].partner == row
    assert world.quiet(full=True).exit_code is ExitCode.OK


@FULL
def test_an_external_id_that_names_another_record_is_held_until_it_is_put_right(world, full):
    [(document, row), (other, second)] = world.agreed(2)
    world.erpnext.change(document, partner=second)
    world.erpnext.edit(document, website="edited as well")
    counts = world.counts(full=full)
    assert (counts.held, counts.conflicts, counts.linked) == (1, 0, 0)
    [conflict] = world.conflicts()
    assert (conflict.kind, conflict.external_id, conflict.erpnext_name) == ("partner", row, document)
    assert f"syncd_shop_id of {document} in ERPNext says {second}, but it is paired with {row}" in conflict.text
    assert world.shopper(row)[2] == "u1", "nothing of it is written"
    world.source.edit(second, name="Goes on")
    assert world.counts().held == 1
    assert world.customer(other)[0] == "Goes on", "the record whose id it bears is not touched by it"
    world.quiet(full=True)
    world.erpnext.change(document, partner=row)
    world.erpnext.edit(document)
    assert world.counts(full=full).held == 0
    assert world.shopper(row)[2] == "edited as well"
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_changed_id_that_moved_no_stamp_is_found_by_a_full_pass_and_restored_once_it_is_emptied(world):
    [(document, row), _] = world.agreed(2)
    world.erpnext.change(document, partner="4711")
    world.source.edit(row, name="the row moves, the document is not looked at")
    assert world.counts(full=True).held == 1
    assert world.customer(document)[0] == "Name 1"
    world.erpnext.change(document, partner=None)
    counts = world.counts(full=True)
    assert (counts.held, world.erpnext.records[document].partner) == (0, row)
    assert world.customer(document)[0] == "the row moves, the document is not looked at"


def test_a_document_that_claims_another_row_is_not_deleted_with_its_old_one(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    [(document, row), (_, second), _] = world.agreed(3)
    world.erpnext.change(document, partner=second)
    world.source.delete(row)
    assert world.counts(full=True).held == 1
    assert document in world.erpnext.records


@FULL
def test_the_name_that_a_row_carries_is_kept_right_in_the_same_way(make_world, full):
    world = make_world(spec(erpnext_name="erp_ref"))
    [(document, row), (other, second)] = world.agreed(2)
    world.source.change(row, partner=None)
    world.source.edit(row)
    assert world.counts(full=full).linked == 1
    assert world.source.records[row].partner == document
    world.source.change(row, partner=other)
    world.source.edit(row)
    assert world.counts(full=full).held == 1
    assert "erp_ref of" in world.conflicts()[0].text
    assert state_of(world, row) is PairState.HELD
    assert state_of(world, second) is PairState.AGREED


def test_where_syncd_writes_no_ids_they_are_nobodys_business(make_world):
    world = make_world(spec(direction=Direction.TO_SOURCE, create=Create.SOURCE))
    document = world.erpnext.insert("C1", customer_name="Ada", tax_id="A1")
    world.counts()
    world.erpnext.change(document, partner="4711")
    world.erpnext.edit(document, website="w")
    counts = world.counts(full=True)
    assert (counts.held, counts.linked) == (0, 0)
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_partner_that_was_renamed_is_no_other_one(make_world):
    world = make_world(spec(erpnext_name="erp_ref", write_back=WriteBack.ALWAYS))
    [(document, row)] = world.agreed()
    world.source.rename(row, "77")
    world.erpnext.edit(document, website="edited meanwhile")
    counts = world.counts(full=True)
    assert counts.held == 0
    assert world.erpnext.records[document].partner == "77"


def test_a_creation_that_is_given_the_name_of_a_document_deleted_a_moment_ago_does_not_break_the_run(make_world):
    """The site's series gives the number back: the new document bears the name that a live pair still has."""
    world = make_world(erpnext=MemoryOptions(naming=lambda _values, _number: "CUST-1"))
    [(document, row)] = world.agreed()
    fresh = world.source.insert(name="Fresh", vat="F", url="f")

    def deleted_now(method, _writes):
        if method == "create" and document in world.erpnext.records:
            world.erpnext.delete(document)

    world.erpnext.before = deleted_now
    counts = world.counts()
    assert counts.created["erpnext"] == 1
    assert world.pairs()[fresh] == document
    world.counts()
    assert state_of(world, row) is PairState.ENDED
    assert world.shopper(row) == ("Name 1", "VAT1", "u1")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_row_that_names_a_document_whose_name_was_given_again_is_nobody_elses_partner(make_world):
    """With a column for the name a row is made exactly once by it: the old document's row is given back."""
    world = make_world(spec(erpnext_name="erp_ref", match=()))
    [(document, row)] = world.agreed()
    world.erpnext.delete(document)
    world.erpnext.insert(document, customer_name="Somebody else", tax_id="ELSE")
    plain = world.source._make
    world.source._make = lambda writes: [row] if row in world.source.records else plain(writes)
    for _ in range(3):
        result = world.run(full=True)
        assert result.exit_code is ExitCode.ATTENTION
        assert result.mappings[NAME].error is None
    assert state_of(world, row) is PairState.ENDED
    [failure] = world.failures()
    assert (failure.permanent, failure.erpnext_name) == (True, document)
    assert "erp_ref" in failure.hint
    assert world.shopper(row)[0] == "Name 1"
    world.source.delete(row)
    world.store.retry([failure.id])
    assert world.counts().created["source"] == 1


def test_a_document_that_bears_the_name_of_one_whose_row_is_held_waits_for_that_decision(make_world):
    """The document was deleted and its row edited; ERPNext gave the name to the next document meanwhile."""
    world = make_world(spec(erpnext_name="erp_ref", match=(), erpnext_deleted=ErpnextDeleted.DELETE))
    [(document, row)] = world.agreed()
    world.erpnext.delete(document)
    world.source.edit(row, name="Edited meanwhile")
    world.erpnext.insert(document, customer_name="Somebody else", tax_id="ELSE")
    plain = world.source._make
    world.source._make = lambda writes: [row] if row in world.source.records else plain(writes)
    for _ in range(2):
        assert world.run().exit_code is ExitCode.ATTENTION
    assert state_of(world, row) is PairState.HELD
    [conflict] = world.conflicts()
    assert conflict.kind == "deleted", "nobody changed the row's erp_ref"
    [failure] = world.failures()
    assert (failure.permanent, failure.erpnext_name) == (False, document)
    assert f"Decide on {row}, which is held" in failure.hint
    decide(world, conflict, take=Side.ERPNEXT)
    world.run()
    assert row not in world.source.records
    world.run()
    assert [world.shopper(key)[0] for key in world.pairs()] == ["Somebody else"]
    assert world.quiet(full=True).exit_code is ExitCode.OK


@FULL
def test_a_row_is_told_the_new_name_of_a_document_whose_name_was_given_to_another(make_world, full):
    world = make_world(spec(erpnext_name="erp_ref"))
    [(document, row)] = world.agreed()
    world.erpnext.rename(document, "ACME")
    world.erpnext.insert(document, customer_name="Somebody else", tax_id="ELSE")
    for _ in range(2):
        world.run(full=full)
    assert world.conflicts() == []
    assert world.source.records[row].partner == "ACME"
    assert sorted(world.pairs().values()) == sorted(["ACME", document])
    assert world.quiet(full=True).exit_code is ExitCode.OK


@FULL
def test_an_id_that_was_given_to_another_row_overwrites_no_document(make_world, full):
    """The row has another id now and kept the document's name; what stands under its old id is somebody else."""
    world = make_world(spec(erpnext_name="erp_ref"))
    [(document, row)] = world.agreed()
    before = world.customer(document)
    world.source.rename(row, "77")
    world.source.insert(row, name="Eve", vat="E1", url="e")
    world.counts(full=full)
    assert world.customer(document) == before
    assert f"row 77 names {document}" in next(c.text for c in world.conflicts() if c.kind == "partner")
    world.source.rename(row, "78")
    world.counts(full=True)
    world.quiet(full=True)
    assert (world.conflicts(), world.pairs()["77"], world.customer(document)) == ([], document, before)
    assert world.customer(world.partner_of("78"))[0] == "Eve"


@FULL
@pytest.mark.parametrize("name", ["E", "S2"], ids=["it is settled at once", "it is held still"])
def test_a_held_record_whose_row_gets_another_id_is_held_once_and_under_that(make_world, full, name):
    world = make_world(spec(erpnext_name="erp_ref"))
    [(document, row)] = world.agreed()
    world.erpnext.edit(document, customer_name="E")
    world.source.edit(row, name="S")
    assert world.counts().held == 1
    world.source.rename(row, "77")
    world.source.edit("77", name=name)
    assert world.counts(full=full).held == int(name == "S2")
    assert [conflict.external_id for conflict in world.conflicts()] == ["77"][: int(name == "S2")]
