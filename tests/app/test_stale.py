"""Nothing lost: a record that was edited after it was looked at is looked at again, never overwritten unseen."""

from __future__ import annotations

import pytest

from syncd.app.executor import ROUNDS
from syncd.core.mapping import SourceDeleted
from syncd.errors import ExitCode
from tests.app.harness import NAME, Killed, spec


@pytest.mark.parametrize("target", ["erpnext", "source"])
def test_an_edit_between_look_and_write_is_merged_within_the_same_run(world, target):
    [(document, row)] = world.agreed()
    if target == "erpnext":
        world.source.edit(row, name="Shop")
    else:
        world.erpnext.edit(document, customer_name="Site")
    done = []

    def person(method, _writes):
        if method == "apply" and not done:
            done.append(method)
            if target == "erpnext":
                world.erpnext.edit(document, website="meanwhile.example")
            else:
                world.source.edit(row, url="meanwhile.example")

    getattr(world, target).before = person
    result = world.run()
    assert (result.exit_code, done) == (ExitCode.OK, ["apply"])
    name = "Shop" if target == "erpnext" else "Site"
    assert world.customer(document) == world.shopper(row) == (name, "VAT1", "meanwhile.example")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_an_edit_of_the_same_field_between_look_and_write_is_a_conflict(world):
    [(document, row)] = world.agreed()
    world.source.edit(row, name="Shop")
    done = []

    def person(method, _writes):
        if method == "apply" and not done:
            done.append(method)
            world.erpnext.edit(document, customer_name="Person")

    world.erpnext.before = person
    counts = world.counts()
    assert (counts.held, world.customer(document)[0], world.shopper(row)[0]) == (1, "Person", "Shop")


def test_a_record_that_is_edited_again_and_again_is_left_for_the_next_run_under_its_name(world):
    [(document, row), (other, second)] = world.agreed(2)
    world.source.edit(row, name="Shop")
    world.source.edit(second, name="Calm")
    edits = []

    def person(method, writes):
        if method == "apply" and any(write.key == document for write in writes):
            edits.append(method)
            world.erpnext.edit(document, website=f"edit-{len(edits)}.example")

    world.erpnext.before = person
    result = world.run()
    assert len(edits) == 1 + ROUNDS
    assert world.customer(document)[:1] == ("Name 1",), "never overwritten"
    assert world.customer(document)[2] == f"edit-{len(edits)}.example"
    assert world.customer(other)[0] == "Calm", "one restless record does not stop another"
    assert (result.exit_code, result.mappings[NAME].failed) == (ExitCode.ATTENTION, 1)
    [failure] = world.failures()
    assert (failure.external_id, failure.erpnext_name, failure.permanent) == (row, document, False)
    world.erpnext.before = lambda _method, _writes: None
    assert world.run().exit_code is ExitCode.OK
    assert world.customer(document) == world.shopper(row) == ("Shop", "VAT1", f"edit-{len(edits)}.example")


def test_an_edit_in_the_source_after_erpnext_was_written_is_merged(world):
    [(document, row)] = world.agreed()
    world.source.edit(row, name="Shop")
    world.erpnext.edit(document, website="site.example")
    done = []

    def person(method, _writes):
        if method == "apply" and not done:
            done.append(method)
            world.source.edit(row, name="Shop again")

    world.source.before = person
    assert world.run().exit_code is ExitCode.OK
    assert world.customer(document) == world.shopper(row) == ("Shop again", "VAT1", "site.example")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_an_edit_between_write_and_read_back_flows(world):
    [(document, row)] = world.agreed()
    world.source.edit(row, name="Shop")
    done = []

    def person(method, _writes):
        if method == "apply" and not done:
            done.append(method)
            world.erpnext.edit(document, website="quick.example")

    world.erpnext.after = person
    plain = world.erpnext._apply

    def reading_back(write):
        plain(write)
        world.erpnext.after("apply", [write])
        return world.erpnext._row(write.key)

    world.erpnext._apply = reading_back
    assert world.run().exit_code is ExitCode.OK
    assert world.customer(document) == world.shopper(row) == ("Shop", "VAT1", "quick.example")


@pytest.mark.parametrize("stamped", [True, False], ids=["its stamp moved", "its stamp did not move"])
def test_an_edit_of_a_row_whose_creation_was_not_recorded_flows(make_world, stamped):
    """Killed between the two: a row does not tell who edited it last, so what was not sent is somebody's."""
    world = make_world(spec(erpnext_name="erp_ref"))
    document = world.erpnext.insert(customer_name="Name", tax_id="VAT", website="u1")

    def killed(method, _writes):
        if method == "create":
            raise Killed

    world.source.after = killed
    with pytest.raises(Killed):
        world.run()
    world.source.after = lambda _method, _writes: None
    world.restart()
    [row] = world.source.records
    if stamped:
        world.source.edit(row, url="edited")
    else:
        world.source.change(row, values={**world.source.values(row), "url": "edited"})
    assert world.run().exit_code is ExitCode.OK
    assert list(world.source.records) == [row]
    assert world.customer(document) == world.shopper(row) == ("Name", "VAT", "edited")
    assert world.quiet(full=True).exit_code is ExitCode.OK


@pytest.mark.parametrize("target", ["erpnext", "source"])
def test_a_record_that_vanishes_before_it_is_written_is_a_deletion(world, target):
    [(document, row), _] = world.agreed(2)
    world.source.edit(row, name="Shop")
    world.erpnext.edit(document, website="site.example")
    side, key = (world.erpnext, document) if target == "erpnext" else (world.source, row)
    side.before = lambda method, _writes: side.records.pop(key, None) if method == "apply" else None
    result = world.run()
    assert (result.exit_code, result.mappings[NAME].ended) == (ExitCode.OK, 1)
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_document_that_is_edited_before_it_is_deleted_stays(make_world):
    world = make_world(spec(source_deleted=SourceDeleted.DELETE))
    [(document, row), _] = world.agreed(2)
    world.source.delete(row)
    done = []

    def person(method, _writes):
        if method == "apply" and not done:
            done.append(method)
            world.erpnext.edit(document, customer_name="Still needed")

    world.erpnext.before = person
    counts = world.counts(full=True)
    assert (counts.held, document in world.erpnext.records) == (1, True)
    assert world.conflicts()[0].kind == "deleted"
