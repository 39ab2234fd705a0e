"""The machine over HTTP: a few examples among the quick tests, two hundred among the slow ones."""

from __future__ import annotations

import pytest
from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.machine import Machine, bounded

SHARDS = 8
EXAMPLES = 200
QUICK = 5


class _Another(Machine):
    """The seed is the class's: the quick test has its own."""


def test_the_promise_holds_for_a_few() -> None:
    run_state_machine_as_test(seed(5)(Machine), settings=bounded(QUICK, steps=8))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_promise_holds(shard: int) -> None:
    """Other examples in each shard, the same ones in each run: `make soak` tries new ones."""
    run_state_machine_as_test(seed(1_000 + shard)(_Another), settings=bounded(EXAMPLES // SHARDS))
