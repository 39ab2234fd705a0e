"""The life of a pair: renames, copies, reused names, deletions, scope, and a mapping that changes."""

from __future__ import annotations

import orjson
import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.mapping import Create, ErpnextDeleted, FieldSpec, LeftScope, SourceDeleted, WriteBack
from syncd.core.model import Direction, PairState
from syncd.errors import ExitCode, RefusedError
from tests.app.harness import FIELDS, NAME, spec

FULL = pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])


def states(world):
    return {pair.external_id: pair.state for pair, _ in world.store.pairs(NAME, after=0, limit=1000, live=False)}


@FULL
def test_a_document_that_was_renamed_is_followed_by_its_external_id(world, full):
    [(document, row)] = world.agreed()
    world.erpnext.rename(document, "ACME")
    world.erpnext.edit("ACME", website="new.example")
    counts = world.counts(full=full)
    assert (world.pairs(), counts.created) == ({row: "ACME"}, {"erpnext": 0, "source": 0})
    assert world.shopper(row)[2] == "new.example"
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_row_whose_id_changed_is_followed_by_the_name_it_carries(make_world):
    world = make_world(spec(erpnext_name="erp_ref"))
    row = world.source.insert(name="Ada", vat="A1", url="u")
    world.counts()
    document = world.partner_of(row)
    world.source.rename(row, "77")
    counts = world.counts(full=True)
    assert (world.pairs(), counts.created) == ({"77": document}, {"erpnext": 0, "source": 0})
    assert world.quiet(full=True).exit_code is ExitCode.OK


@FULL
def test_a_copy_with_the_same_external_id_is_held_and_the_original_goes_on(world, full):
    [(document, row)] = world.agreed()
    copy = world.erpnext.insert("COPY", partner=row, customer_name="Copy", tax_id="VAT1", website="u1")
    counts = world.counts(full=full)
    assert (counts.held, counts.created) == (1, {"erpnext": 0, "source": 0})
    assert "looks like a copy" in world.conflicts()[0].text
    world.source.edit(row, name="Moved on")
    world.counts()
    assert (world.customer(document)[0], world.customer(copy)[0]) == ("Moved on", "Copy")
    world.erpnext.change(copy, partner=None)
    world.erpnext.edit(copy, tax_id="COPY1")
    counts = world.counts()
    assert (counts.held, counts.created["source"]) == (0, 1)


def test_two_documents_with_one_external_id_are_held_at_first_contact(world):
    row = world.source.insert(name="Ada", vat="A1")
    for key in ("CUST-X", "CUST-Y"):
        world.erpnext.insert(key, partner=row, customer_name="Ada", tax_id=key)
    counts = world.counts()
    assert (counts.held, counts.adopted, counts.created) == (3, 0, {"erpnext": 0, "source": 0})


@FULL
def test_a_name_that_was_reused_for_another_document_is_another_record(world, full):
    [(document, row)] = world.agreed()
    world.erpnext.delete(document)
    world.erpnext.insert(document, customer_name="Somebody else", tax_id="ELSE", website="else.example")
    counts = world.counts(full=full)
    assert world.shopper(row) == ("Name 1", "VAT1", "u1"), "nothing of the new document reaches the old record"
    assert counts.created == {"erpnext": 0, "source": 1}
    new = next(key for key, name in world.pairs().items() if name == document)
    assert world.shopper(new) == ("Somebody else", "ELSE", "else.example")
    assert states(world) == {row: PairState.ENDED, new: PairState.AGREED}
    assert world.quiet(full=True).exit_code is ExitCode.OK


@FULL
def test_a_name_that_was_given_up_by_renaming_and_reused_is_another_record(world, full):
    [(document, row)] = world.agreed()
    world.erpnext.rename(document, "ACME")
    world.erpnext.insert(document, customer_name="Somebody else", tax_id="ELSE")
    counts = world.counts(full=full)
    assert counts.created == {"erpnext": 0, "source": 1}
    assert world.pairs()[row] == "ACME"
    assert world.shopper(row) == ("Name 1", "VAT1", "u1")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_reused_name_that_matches_by_rule_is_adopted_by_its_new_partner(make_world):
    world = make_world(spec(create=Create.ERPNEXT))
    [(document, row)] = world.agreed()
    other = world.source.insert(name="Else", vat=None, url="else")
    world.counts()
    world.erpnext.delete(world.partner_of(other))
    world.erpnext.delete(document)
    world.source.insert(name="Third", vat="T3", url="third")
    world.erpnext.insert(document, customer_name="Third", tax_id="T3", website="third")
    counts = world.counts(full=True)
    assert (counts.adopted, counts.ended) == (1, 2)
    assert world.quiet(full=True).exit_code is ExitCode.OK
    assert states(world)[row] is PairState.ENDED


DELETED_IN_SOURCE = pytest.mark.parametrize(
    ("policy", "left"),
    [
        pytest.param(SourceDeleted.IGNORE, "there", id="ignore: the document stays as it is"),
        pytest.param(SourceDeleted.DELETE, "gone", id="delete: the document goes"),
        pytest.param(SourceDeleted.DISABLE, "disabled", id="disable: the document is out of use"),
    ],
)


@DELETED_IN_SOURCE
@pytest.mark.parametrize("soft", [True, False], ids=["soft", "hard"])
def test_a_row_that_was_deleted_ends_its_pair_as_the_policy_says(make_world, policy, left, soft):
    world = make_world(spec(source_deleted=policy))
    [(document, row), (other, _)] = world.agreed(2)
    if soft:
        world.source.edit(row)
        world.source.change(row, deleted=True)
    else:
        world.source.delete(row)
    counts = world.counts(full=not soft)
    held = world.erpnext.records.get(document)
    found = "gone" if held is None else "disabled" if held.values.get("disabled") else "there"
    assert (found, counts.ended) == (left, 1)
    assert counts.deleted == {"erpnext": 0 if left == "there" else 1, "source": 0}
    assert world.erpnext.records[other].values["customer_name"] == "Name 2"
    assert states(world)[row] is PairState.ENDED
    assert world.quiet(full=True).exit_code is ExitCode.OK


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        pytest.param(ErpnextDeleted.IGNORE, "there", id="ignore: the row stays as it is"),
        pytest.param(ErpnextDeleted.DELETE, "gone", id="delete: the row goes"),
        pytest.param(ErpnextDeleted.MARK, "marked", id="mark: the row is marked as deleted"),
    ],
)
def test_a_document_that_was_deleted_ends_its_pair_as_the_policy_says(make_world, policy, left):
    world = make_world(spec(erpnext_deleted=policy))
    [(document, row), _] = world.agreed(2)
    world.erpnext.delete(document)
    assert world.counts().ended == 0, "only a complete pass shows that a document is not there"
    counts = world.counts(full=True)
    held = world.source.records.get(row)
    found = "gone" if held is None else "marked" if held.deleted else "there"
    assert (found, counts.ended, counts.created) == (left, 1, {"erpnext": 0, "source": 0})
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_ended_stays_ended_whatever_is_edited(world):
    [(document, row)] = world.agreed()
    world.source.insert(name="Other", vat="O1", url="o")
    world.counts()
    world.erpnext.delete(document)
    world.counts(full=True)
    world.source.edit(row, name="Edited afterwards")
    counts = world.counts()
    assert (counts.created, world.quiet(full=True).exit_code) == ({"erpnext": 0, "source": 0}, ExitCode.OK)


def test_deleted_here_and_edited_there_is_held_and_shows_the_edit(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    [(document, row), _] = world.agreed(2)
    world.source.delete(row)
    world.erpnext.edit(document, customer_name="Edited")
    assert world.counts(full=True).held == 1
    [conflict] = world.conflicts()
    assert conflict.kind == "deleted"
    assert [(f["field"], f["erpnext"]) for f in orjson.loads(conflict.fields)] == [("customer_name", "Edited")]
    world.store.resolve([(conflict, orjson.dumps({"take": "source"}))])
    assert world.counts().deleted == {"erpnext": 1, "source": 0}
    assert document not in world.erpnext.records
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_decision_to_delete_is_not_carried_out_on_a_record_edited_since(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    [(document, row), _] = world.agreed(2)
    world.source.delete(row)
    world.erpnext.edit(document, customer_name="Edited")
    world.counts(full=True)
    world.store.resolve([(world.conflicts()[0], orjson.dumps({"take": "source"}))])
    world.erpnext.edit(document, customer_name="Edited again, do not delete")
    for _ in range(2):
        assert world.counts().held == 1
        assert document in world.erpnext.records


def test_a_held_deletion_is_forgotten_when_the_record_is_back(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    [(document, row), _] = world.agreed(2)
    kept = world.source.records[row]
    world.source.delete(row)
    world.erpnext.edit(document, customer_name="Edited")
    world.counts(full=True)
    world.source.records[row] = kept
    counts = world.counts()
    assert (counts.held, world.conflicts()) == (0, [])
    assert world.shopper(row)[0] == "Edited"


def test_an_external_id_without_its_row_is_a_deletion_and_never_a_new_record(world):
    document = world.erpnext.insert("CUST-X", partner="4711", customer_name="Gone", tax_id="G1")
    twin = world.erpnext.insert("CUST-Y", partner="4711", customer_name="Gone too", tax_id="G2")
    counts = world.counts()
    assert (counts.ended, counts.created) == (1, {"erpnext": 0, "source": 0})
    world.erpnext.edit(document, customer_name="Still gone")
    world.erpnext.edit(twin, customer_name="Still gone")
    assert world.counts(full=True).created == {"erpnext": 0, "source": 0}


def test_a_row_that_left_the_filters_pauses_and_goes_on_when_it_is_back(make_world):
    world = make_world(source=MemoryOptions(fits=lambda values: not values.get("archived")))
    [(document, row), _] = world.agreed(2)
    world.source.edit(row, archived=1, name="Edited out of sight")
    counts = world.counts(full=True)
    assert (counts.ended, counts.updated) == (0, {"erpnext": 0, "source": 0})
    assert states(world)[row] is PairState.PAUSED
    world.erpnext.edit(document, website="edited meanwhile")
    counts = world.counts()
    assert counts.updated == {"erpnext": 0, "source": 0}, "nothing is written while it is paused"
    world.source.edit(row, archived=0)
    world.counts()
    assert world.customer(document) == world.shopper(row) == ("Edited out of sight", "VAT1", "edited meanwhile")
    assert states(world)[row] is PairState.AGREED
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_document_that_left_the_filters_pauses_and_goes_on_when_it_is_back(make_world):
    world = make_world(
        erpnext=MemoryOptions(fits=lambda values: not values.get("archived"), naming=lambda _v, n: f"C{n}")
    )
    [(document, row), _] = world.agreed(2)
    world.erpnext.edit(document, archived=1, customer_name="Edited out of sight")
    world.counts(full=True)
    assert states(world)[row] is PairState.PAUSED
    world.source.edit(row, url="edited meanwhile")
    assert world.counts().updated == {"erpnext": 0, "source": 0}, "nothing is written while it is paused"
    assert world.quiet(full=True).exit_code is ExitCode.OK
    world.erpnext.edit(document, archived=0)
    world.counts()
    assert world.customer(document) == world.shopper(row) == ("Edited out of sight", "VAT1", "edited meanwhile")
    assert states(world)[row] is PairState.AGREED
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_left_scope_may_delete_the_partner(make_world):
    world = make_world(
        spec(left_scope=LeftScope.DELETE, source_deleted=SourceDeleted.DELETE),
        source=MemoryOptions(fits=lambda values: not values.get("archived")),
    )
    [(document, row), _] = world.agreed(2)
    world.source.edit(row, archived=1)
    counts = world.counts(full=True)
    assert (counts.deleted["erpnext"], document in world.erpnext.records) == (1, False)
    assert row in world.source.records


def test_a_field_that_is_added_is_compared_as_at_first_contact_and_the_rest_keeps_its_baseline(make_world):
    world = make_world(spec(fields=FIELDS[:2]))
    pairs = world.agreed(3)
    (first, one), (_second, two), (third, three) = pairs
    world.erpnext.edit(first, website="erp.example")
    world.source.edit(two, url="shop.example")
    world.erpnext.edit(third, website="same.example", customer_name="Renamed meanwhile")
    world.source.edit(three, url="same.example")
    for row in (one,):
        world.source.edit(row, url=None)
    world.remap(fields=FIELDS)
    counts = world.counts()
    assert counts.held == 0
    assert [world.shopper(row)[2] for _, row in pairs] == ["erp.example", "shop.example", "same.example"]
    assert [world.customer(name)[2] for name, _ in pairs] == ["erp.example", "shop.example", "same.example"]
    assert world.shopper(three)[0] == "Renamed meanwhile"
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_record_held_on_an_added_field_keeps_the_baselines_of_the_others(make_world):
    world = make_world(spec(fields=FIELDS[:2]))
    [(document, row)] = world.agreed()
    world.erpnext.edit(document, website="erp.example")
    world.source.edit(row, url="shop.example")
    world.remap(fields=FIELDS)
    assert world.counts().held == 1
    world.erpnext.edit(document, customer_name="Edited while held")
    assert world.counts().held == 1
    assert [field["field"] for field in orjson.loads(world.conflicts()[0].fields)] == ["website"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {"fields": (FieldSpec(erpnext="customer_name", source="name", converters=("trim",)), *FIELDS[1:])}
        ),
        pytest.param({"match": (("customer_name",),)}),
        pytest.param({"fields": FIELDS[:2]}),
        pytest.param({"fields": tuple(reversed(FIELDS)), "match": ()}),
        pytest.param({"source_deleted": SourceDeleted.DELETE}),
        pytest.param({"direction": Direction.TO_ERPNEXT}),
    ],
    ids=["a converter", "the match rules", "a field left out", "the order of fields", "a policy", "the direction"],
)
def test_a_changed_mapping_is_compared_whole_without_conflict_or_echo(world, change):
    pairs = world.agreed(20)
    world.erpnext.edit(pairs[0][0], customer_name="Edited before")
    world.remap(**change)
    counts = world.counts()
    assert counts.seen == {"erpnext": 20, "source": 20}, "a full pass"
    assert (counts.held, counts.failed, counts.created) == (0, 0, {"erpnext": 0, "source": 0})
    assert counts.updated["erpnext"] == 0
    assert world.quiet(full=True).exit_code is ExitCode.OK
    world.source.edit(pairs[1][1], name="Edited after")
    world.counts()
    assert world.customer(pairs[1][0])[0] == "Edited after"


def test_a_changed_match_rule_is_tried_on_records_that_had_no_partner(make_world):
    world = make_world(spec(create=Create.NONE))
    row = world.source.insert(name="Ada", vat="A1")
    document = world.erpnext.insert("CUST-X", customer_name="Ada", tax_id="A2")
    assert world.counts().unmatched == 2
    world.remap(match=(("customer_name",),))
    assert world.counts().adopted == 1
    assert world.pairs() == {row: document}


def test_swapped_names_stay_with_their_records(world):
    [(one, first), (two, second)] = world.agreed(2)
    world.erpnext.rename(one, "tmp")
    world.erpnext.rename(two, one)
    world.erpnext.rename("tmp", two)
    counts = world.counts(full=True)
    assert counts.created == {"erpnext": 0, "source": 0}
    assert world.pairs() == {first: two, second: one}
    assert (world.shopper(first)[0], world.shopper(second)[0]) == ("Name 1", "Name 2")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_first_pass_counts_as_a_full_one(world):
    world.agreed()
    state = world.store.mapping_state(NAME)
    assert state.last_full is not None, "else the schedule would never see a full pass due"


@pytest.mark.parametrize("write_back", [WriteBack.AUTO, WriteBack.ALWAYS], ids=["auto", "always"])
@pytest.mark.parametrize("edited", [False, True], ids=["the document did not move", "it was edited, too"])
def test_a_document_is_told_the_new_id_of_its_row(make_world, write_back, edited):
    """Another row may get the old id, and the old id would count as a deleted row after a rebuild."""
    world = make_world(spec(erpnext_name="erp_ref", write_back=write_back))
    row = world.source.insert(name="Ada", vat="A1", url="a")
    world.counts()
    document = world.partner_of(row)
    assert world.erpnext.records[document].partner == row
    world.source.rename(row, "77")
    if edited:
        world.erpnext.edit(document, website="edited")
    world.counts()
    assert world.erpnext.records[document].partner == "77"
    world.source.insert(row, name="Eve", vat="E1", url="e")
    counts = world.counts(full=True)
    assert world.shopper("77")[0] == "Ada"
    assert (counts.held, counts.failed, counts.created["erpnext"]) == (0, 0, 1)
    assert world.customer(world.partner_of(row))[0] == "Eve"
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_new_id_that_is_refused_is_tried_again(make_world):
    world = make_world(spec(erpnext_name="erp_ref"))
    row = world.source.insert(name="Ada", vat="A1", url="a")
    world.counts()
    document = world.partner_of(row)
    world.source.rename(row, "77")

    def refuse(method, writes):
        if method == "apply" and any(write.link for write in writes):
            raise RefusedError("another document holds this value")

    world.erpnext.before = refuse
    assert world.counts(full=True).failed == 1
    assert world.counts().failed == 1
    world.unwatch()
    world.source.edit("77", name="Ada again")
    assert world.counts().failed == 0
    assert (world.erpnext.records[document].partner, world.customer(document)[0]) == ("77", "Ada again")
    assert world.quiet(full=True).exit_code is ExitCode.OK
