"""Examples at which the machine once failed, as it printed them: each found a defect, which is named in its test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.soak.machine import Machine
from tests.soak.world import Fault, Meanwhile
from tests.system.crash_process import Point


@contextmanager
def replayed(*, concurrency: int, orders: bool, page_size: int = 1_000) -> Iterator[Machine]:
    """The machine, its steps to be called in the block; the promise is asked for at its end."""
    state = Machine()
    state.begin(concurrency=concurrency, orders=orders, page_size=page_size)
    try:
        yield state
    except BaseException:
        if state.world is not None:
            state.world.close()
        raise
    state.teardown()


@pytest.mark.slow
def test_seed_12() -> None:
    """A held pair whose document is renamed before anything in it names its record."""
    with replayed(concurrency=1, orders=False) as state:
        state.people(deeds=[("customer deleted in the shop", 10)])
        state.people(deeds=[("order placed", 2)])
        state.people(
            deeds=[
                ("customer made on both sides", 10),
                ("line counted anew", 5),
                ("order issued at once", 7),
                ("invoice amended and submitted", 6),
            ]
        )
        state.killed_run(full=False, kill=Point(kind="shop", number=2, when="after"), meanwhile=[])
        state.people(deeds=[("item titled at the site", 11)])
        state.people(
            deeds=[
                ("invoice drafted", 9),
                ("customer's url edited at the site", 1),
                ("site's clock set back", 11),
                ("row added", 8),
            ]
        )
        state.run(full=False, meanwhile=[])
        state.killed_run(
            full=False,
            kill=Point(kind="request", number=22, when="before"),
            meanwhile=[
                Meanwhile(at=6, deed="row counted anew", pick=3),
                Meanwhile(at=30, deed="customer made in the shop", pick=7),
                Meanwhile(at=13, deed="site's clock set back", pick=6),
            ],
        )
        state.people(deeds=[("customer's url edited at the site", 4)])
        state.faulty_run(
            fault=Fault(kind="delay", at=2, method="DELETE"),
            full=False,
            meanwhile=[
                Meanwhile(at=12, deed="customer renamed", pick=7),
                Meanwhile(at=20, deed="invoice deleted", pick=4),
                Meanwhile(at=29, deed="customer's name edited at the site", pick=8),
            ],
        )
        state.faulty_run(fault=Fault(kind="429 with Retry-After", at=20), full=True, meanwhile=[])


@pytest.mark.slow
def test_seed_102() -> None:
    """A side that is empty because all its records were deleted is passed by force once, not at every pass."""
    with replayed(concurrency=4, orders=False) as state:
        state.killed_run(
            full=False,
            kill=Point(kind="store", number=60, when="before"),
            meanwhile=[
                Meanwhile(at=10, deed="invoice amended and submitted", pick=10),
                Meanwhile(at=17, deed="customer edited at the site, committed late", pick=2),
            ],
        )
        state.people(deeds=[("order issued at once", 8)])
        state.killed_run(
            full=False,
            kill=Point(kind="shop", number=2, when="before"),
            meanwhile=[
                Meanwhile(at=34, deed="line counted anew", pick=0),
                Meanwhile(at=35, deed="customer made at the site", pick=1),
                Meanwhile(at=28, deed="line counted anew", pick=5),
            ],
        )
        state.people(deeds=[("invoice amended", 4), ("line added", 4), ("order deleted", 3), ("row added", 6)])
        state.killed_run(full=True, kill=Point(kind="request", number=30, when="under way"), meanwhile=[])
        state.killed_run(
            full=False,
            kill=Point(kind="request", number=16, when="before"),
            meanwhile=[Meanwhile(at=10, deed="order voided", pick=11)],
        )
        state.people(
            deeds=[
                ("customer's url edited at the site", 8),
                ("invoice titled", 1),
                ("invoice amended and submitted", 8),
                ("customer's url edited in the shop", 0),
            ]
        )
        state.run(full=False, meanwhile=[])
        state.run(
            full=False,
            meanwhile=[
                Meanwhile(at=40, deed="item titled at the site", pick=9),
                Meanwhile(at=35, deed="customer deleted in the shop", pick=0),
            ],
        )
        state.killed_run(
            full=False,
            kill=Point(kind="store", number=31, when="after"),
            meanwhile=[
                Meanwhile(at=15, deed="customer renamed", pick=0),
                Meanwhile(at=13, deed="order deleted", pick=3),
            ],
        )
        state.run(full=True, meanwhile=[Meanwhile(at=12, deed="row counted anew", pick=10)])


def test_seed_202() -> None:
    """A customer renamed between its own pass and the creation of its order: the order waits for one run."""
    with replayed(concurrency=4, orders=False) as state:
        state.run(
            full=True,
            meanwhile=[
                Meanwhile(at=20, deed="order placed", pick=10),
                Meanwhile(at=19, deed="line dropped", pick=2),
                Meanwhile(at=35, deed="customer deleted in the shop", pick=10),
            ],
        )
        state.run(
            full=False,
            meanwhile=[
                Meanwhile(at=8, deed="order placed", pick=2),
                Meanwhile(at=8, deed="invoice submitted", pick=4),
                Meanwhile(at=14, deed="site's clock set back", pick=0),
            ],
        )
        state.faulty_run(
            fault=Fault(kind="500", at=1),
            full=True,
            meanwhile=[
                Meanwhile(at=25, deed="customer edited in the shop without a stamp", pick=1),
                Meanwhile(at=27, deed="invoice paid", pick=2),
                Meanwhile(at=9, deed="customer deleted in the shop", pick=9),
            ],
        )
        state.run(full=False, meanwhile=[Meanwhile(at=25, deed="invoice titled", pick=5)])
        state.run(full=True, meanwhile=[])
        state.run(
            full=False,
            meanwhile=[
                Meanwhile(at=23, deed="row counted anew", pick=3),
                Meanwhile(at=39, deed="order placed", pick=4),
                Meanwhile(at=3, deed="invoice titled", pick=4),
            ],
        )
        state.run(full=True, meanwhile=[])
        state.faulty_run(
            fault=Fault(kind="503", at=1, method="PUT"),
            full=True,
            meanwhile=[
                Meanwhile(at=17, deed="customer edited at the site, committed late", pick=6),
                Meanwhile(at=6, deed="invoice titled", pick=8),
                Meanwhile(at=27, deed="line dropped", pick=11),
            ],
        )
        state.faulty_run(
            fault=Fault(kind="delay", at=2, method="PUT"),
            full=True,
            meanwhile=[
                Meanwhile(at=16, deed="row counted anew", pick=6),
                Meanwhile(at=15, deed="row counted anew", pick=2),
            ],
        )
        state.run(full=True, meanwhile=[Meanwhile(at=3, deed="invoice paid", pick=9)])
        state.run(
            full=True,
            meanwhile=[
                Meanwhile(at=21, deed="customer renamed", pick=7),
                Meanwhile(at=5, deed="order placed", pick=10),
                Meanwhile(at=27, deed="invoice drafted", pick=3),
            ],
        )


@pytest.mark.slow
def test_seed_222() -> None:
    """Totals that syncd's own write moved are nobody's edit when the draft is voided."""
    with replayed(concurrency=1, orders=False) as state:
        state.faulty_run(fault=Fault(kind="late commit", at=2, method="PUT"), full=True, meanwhile=[])
        state.faulty_run(fault=Fault(kind="HTML with 200", at=1, method="PUT"), full=True, meanwhile=[])
        state.faulty_run(
            fault=Fault(kind="500", at=1, method="DELETE"),
            full=False,
            meanwhile=[Meanwhile(at=29, deed="customer's url edited in the shop", pick=8)],
        )
        state.faulty_run(
            fault=Fault(kind="deadlock", at=18),
            full=False,
            meanwhile=[
                Meanwhile(at=16, deed="invoice amended and submitted", pick=5),
                Meanwhile(at=18, deed="invoice titled", pick=3),
                Meanwhile(at=9, deed="customer's name edited in the shop", pick=3),
            ],
        )
        state.faulty_run(fault=Fault(kind="500", at=2, method="DELETE"), full=True, meanwhile=[])
        state.faulty_run(
            fault=Fault(kind="503", at=1, method="POST"),
            full=True,
            meanwhile=[
                Meanwhile(at=35, deed="customer deleted in the shop", pick=7),
                Meanwhile(at=9, deed="customer deleted at the site", pick=7),
            ],
        )
        state.settle()
        state.faulty_run(
            fault=Fault(kind="deadlock", at=4, method="PUT"),
            full=False,
            meanwhile=[
                Meanwhile(at=40, deed="invoice amended", pick=11),
                Meanwhile(at=16, deed="customer made at the site", pick=0),
                Meanwhile(at=12, deed="row counted anew", pick=8),
            ],
        )
        state.faulty_run(
            fault=Fault(kind="429 with Retry-After", at=1, method="DELETE"),
            full=True,
            meanwhile=[
                Meanwhile(at=23, deed="line added", pick=6),
                Meanwhile(at=27, deed="order voided", pick=10),
                Meanwhile(at=10, deed="order placed", pick=9),
            ],
        )
        state.faulty_run(
            fault=Fault(kind="delay", at=20),
            full=True,
            meanwhile=[
                Meanwhile(at=21, deed="line counted anew", pick=3),
                Meanwhile(at=23, deed="order voided", pick=9),
                Meanwhile(at=17, deed="customer's name edited at the site", pick=10),
            ],
        )
        state.faulty_run(
            fault=Fault(kind="503", at=3, method="DELETE"),
            full=True,
            meanwhile=[
                Meanwhile(at=5, deed="line added", pick=8),
                Meanwhile(at=24, deed="customer's name edited in the shop", pick=0),
            ],
        )


def test_seed_1200() -> None:
    """A document cancelled by a person between its creation and its reading back."""
    with replayed(concurrency=4, orders=False) as state:
        state.people(
            deeds=[
                ("invoice drafted", 2),
                ("customer's name edited at the site", 11),
                ("customer made on both sides", 7),
                ("customer's url edited in the shop", 4),
            ]
        )
        state.people(deeds=[("site's clock set back", 9)])
        state.people(deeds=[("line added", 11)])
        state.faulty_run(
            fault=Fault(kind="connection reset", at=1, method="POST"),
            full=False,
            meanwhile=[Meanwhile(at=8, deed="customer made at the site", pick=7)],
        )
        state.run(
            full=True,
            meanwhile=[
                Meanwhile(at=38, deed="customer made in the shop", pick=0),
                Meanwhile(at=40, deed="customer edited at the site, committed late", pick=0),
                Meanwhile(at=21, deed="customer's name edited in the shop", pick=4),
            ],
        )
        state.run(full=False, meanwhile=[Meanwhile(at=37, deed="invoice drafted", pick=5)])
        state.settle()
        state.faulty_run(
            fault=Fault(kind="deadlock", at=2, method="DELETE"),
            full=False,
            meanwhile=[
                Meanwhile(at=29, deed="customer edited in the shop without a stamp", pick=9),
                Meanwhile(at=19, deed="invoice cancelled", pick=2),
                Meanwhile(at=6, deed="order issued at once", pick=8),
            ],
        )
        state.run(full=False, meanwhile=[])
        state.run(
            full=False,
            meanwhile=[
                Meanwhile(at=30, deed="customer's name edited in the shop", pick=9),
                Meanwhile(at=19, deed="customer made in the shop", pick=3),
                Meanwhile(at=20, deed="invoice deleted", pick=1),
            ],
        )
        state.people(deeds=[("order labelled", 8)])


@pytest.mark.slow
def test_seed_2416() -> None:
    """An order deleted in the shop after its customer was renamed at the site."""
    with replayed(concurrency=4, orders=True) as state:
        state.killed_run(full=False, kill=Point(kind="shop", number=3, when="before"), meanwhile=[])
        state.faulty_run(fault=Fault(kind="500", at=25), full=True, meanwhile=[])
        state.people(deeds=[("invoice submitted", 1), ("customer's name edited in the shop", 9)])
        state.run(full=True, meanwhile=[])
        state.run(
            full=False,
            meanwhile=[
                Meanwhile(at=5, deed="row counted anew", pick=0),
                Meanwhile(at=14, deed="invoice submitted", pick=8),
                Meanwhile(at=24, deed="item titled in the shop", pick=10),
            ],
        )
        state.faulty_run(
            fault=Fault(kind="answer lost", at=4, method="PUT"),
            full=True,
            meanwhile=[Meanwhile(at=6, deed="invoice amended and submitted", pick=6)],
        )
        state.people(deeds=[("invoice titled", 10), ("invoice amended and submitted", 9), ("invoice amended", 1)])
        state.run(full=True, meanwhile=[])
        state.run(
            full=False,
            meanwhile=[
                Meanwhile(at=24, deed="customer edited in the shop without a stamp", pick=9),
                Meanwhile(at=23, deed="invoice deleted", pick=2),
                Meanwhile(at=4, deed="order issued", pick=1),
            ],
        )
        state.people(deeds=[("order issued", 2), ("customer made at the site", 0)])
        state.people(
            deeds=[("row added", 2), ("customer renamed", 10), ("order deleted", 7), ("customer made on both sides", 6)]
        )


@pytest.mark.slow
def test_an_amendment_that_is_amended_before_its_name_reached_the_shop() -> None:
    """Killed twice after an amendment and before the shop was told its name."""
    with replayed(concurrency=4, orders=True) as state:
        state.killed_run(
            full=False,
            kill=Point(kind="store", number=27, when="before"),
            meanwhile=[
                Meanwhile(at=23, deed="row added", pick=2),
                Meanwhile(at=2, deed="line counted anew", pick=8),
                Meanwhile(at=3, deed="item titled in the shop", pick=9),
            ],
        )
        state.killed_run(
            full=False,
            kill=Point(kind="store", number=27, when="before"),
            meanwhile=[
                Meanwhile(at=23, deed="row added", pick=2),
                Meanwhile(at=2, deed="line counted anew", pick=8),
                Meanwhile(at=3, deed="item titled in the shop", pick=9),
            ],
        )


def test_a_name_given_again_while_the_order_that_bears_it_is_held() -> None:
    """The model was too strict: it let a name be given again only after the pair that had it has ended."""
    with replayed(concurrency=1, orders=False) as state:
        state.people(deeds=[("invoice drafted", 10)])
        state.run(full=False, meanwhile=[])
        state.people(deeds=[("invoice deleted", 0)])
        state.people(deeds=[("invoice drafted", 1), ("line counted anew", 10)])


def test_a_row_that_was_made_and_not_recorded_before_it_was_edited() -> None:
    """Killed after the shop's row was committed: what a person wrote into it was taken for what it was made with."""
    with replayed(concurrency=1, orders=False) as state:
        state.people(deeds=[("customer made at the site", 11)])
        state.killed_run(full=True, kill=Point(kind="shop", number=1, when="after"), meanwhile=[])
        state.people(deeds=[("customers edited in the shop at one stamp", 3)])


def test_an_order_that_goes_to_another_customer_after_its_own_was_renamed() -> None:
    """The new name that the site wrote into the document was taken for an edit that stood against the shop's."""
    with replayed(concurrency=1, orders=True) as state:
        state.people(deeds=[("customer merged", 9)])
        state.people(deeds=[("order for another customer", 7)])
        state.people(deeds=[("customer renamed", 9)])
