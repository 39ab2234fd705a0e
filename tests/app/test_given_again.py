"""A table in which the ERPNext name is unique, where ERPNext gives the name of a deleted document again."""

from __future__ import annotations

import pytest

from syncd.core.mapping import Create
from syncd.core.model import PairState
from syncd.errors import ExitCode, RefusedError
from tests.app.harness import NAME, Killed, spec


def unique(world, switch=None):
    """The table refuses a name that another row carries."""

    def check(method, writes):
        for write in writes if method == "apply" else ():
            others = (held.partner for key, held in world.source.records.items() if key != write.key)
            if switch is not None and write.partner is None:
                switch()
            if write.link and write.partner is not None and write.partner in others:
                raise RefusedError("another row already has this value in erp_ref")

    world.source.before = check


def given_again(make_world):
    """A document whose row is left was deleted; the document of a new row gets its name."""
    world = make_world(spec(erpnext_name="erp_ref", create=Create.ERPNEXT))
    [(document, old), _] = world.agreed(2)
    assert world.source.records[old].partner == document
    world.erpnext.delete(document)
    assert world.counts(full=True).ended == 1
    assert world.source.records[old].partner == document, "what tells a rebuild that it was deleted stays"
    world.erpnext.options.naming = lambda _values, _number: document
    new = world.source.insert(name="New", vat="N1", url="n")
    return world, document, old, new


def states(world):
    return {pair.external_id: pair.state for pair, _ in world.store.pairs(NAME, after=0, limit=100, live=False)}


def test_the_name_is_taken_out_of_the_old_row_and_given_to_the_new_one(make_world):
    world, document, old, new = given_again(make_world)
    unique(world)
    counts = world.counts()
    assert (counts.created, counts.failed, counts.linked) == ({"erpnext": 1, "source": 0}, 0, 2)
    assert (world.source.records[old].partner, world.source.records[new].partner) == (None, document)
    assert states(world)[old] is PairState.ENDED
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_row_that_a_person_gave_the_name_to_keeps_it(make_world):
    world, document, old, new = given_again(make_world)
    world.source.change(old, partner=None)
    [other] = [key for key, state in states(world).items() if state is PairState.AGREED]
    world.source.change(other, partner=document)
    unique(world)
    assert world.counts().failed == 1
    assert (world.source.records[other].partner, world.source.records[new].partner) == (document, None)


def test_killed_while_the_name_is_taken_out_the_next_run_goes_on(make_world):
    world, document, old, new = given_again(make_world)

    def kill():
        raise Killed("while the name is taken out")

    unique(world, kill)
    with pytest.raises(Killed):
        world.counts()
    unique(world)
    assert world.counts().failed == 0
    assert (world.source.records[old].partner, world.source.records[new].partner) == (None, document)
    assert world.erpnext.find([new])[0].key == document
    assert world.quiet(full=True).exit_code is ExitCode.OK
