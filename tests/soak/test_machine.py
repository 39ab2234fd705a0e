"""The machine over HTTP: a few examples among the quick tests, two hundred among the slow ones."""

from __future__ import annotations

import pytest
from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.machine import Machine, bounded

SHARDS = 8
EXAMPLES = 200
QUICK = 5


def test_the_promise_holds_for_a_few() -> None:
    run_state_machine_as_test(seed(5)(Machine), settings=bounded(QUICK, steps=8))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_promise_holds(shard: int) -> None:
    """Each run of the tests tries others; a failing example is printed as a test."""
    run_state_machine_as_test(type("Machine", (Machine,), {}), settings=bounded(EXAMPLES // SHARDS))
