"""`make soak SECONDS=600`: the machine with ever new seeds; each failing example is printed as a test to be kept."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
import traceback

from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.machine import Machine, bounded

EXAMPLES = 10
"""Examples of one seed."""


def tried(number: int, steps: int) -> str:
    """One seed: empty where the promise holds, else what failed, as a test."""
    machine = seed(number)(type("Machine", (Machine,), {}))
    try:
        run_state_machine_as_test(machine, settings=bounded(EXAMPLES, steps))
    except Exception as error:  # noqa: BLE001 - whatever broke is told, and the next seed is tried
        notes = "\n".join(getattr(error, "__notes__", ()))
        told = "".join(traceback.format_exception(error, limit=-3)) if not isinstance(error, AssertionError) else ""
        return f"{type(error).__name__}: {error}\n{told}\n{as_test(number, notes)}"
    return ""


def as_test(number: int, notes: str) -> str:
    """The steps that Hypothesis prints, as a test for tests/soak/test_seeds.py."""
    kept = [line for line in notes.splitlines() if line and not line.startswith(("Failing", "Falsifying", "You can"))]
    body = [line for line in kept if line not in {"state = Machine()", "state.teardown()"}]
    test = [f"def test_seed_{number}() -> None:"]
    for line in body:
        if line.startswith("state.begin("):
            test.append(f"    with replayed({line.removeprefix('state.begin(')} as state:")
        else:
            test.append(f"        {line}")
    return "\n".join(test)


def main() -> int:
    """Try seeds until the time is up; 1 where any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=None, help="only this one")
    given = parser.parse_args()
    end, failed, done = time.monotonic() + given.seconds, 0, 0
    while given.seed is not None or time.monotonic() < end:
        number = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
        told = tried(number, given.steps)
        done += EXAMPLES
        failed += bool(told)
        print(f"seed {number}: {'FAILED' if told else 'ok'} ({done} examples, {failed} seeds failed)", flush=True)
        if told:
            print(told, flush=True)
        if given.seed is not None:
            break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
