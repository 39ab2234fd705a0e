"""Runs that end before they are through, or meet another: what was done is recorded, nothing is done twice."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable

import pytest

from tests.system.harness import LONGEST, NAME, World, customers, until

SLOW = pytest.mark.slow
MANY = 700
INSERT = "insert_many"


def inserts(erp: World, since: int = 0) -> int:
    """Creating calls that the site has carried out."""
    return sum(INSERT in request["path"] and request["status"] == 200 for request in erp.site.requests(since))


def made(erp: World) -> int:
    return len(erp.site.customers())


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=SLOW)], ids=lambda number: number.name
)
def test_asked_to_stop_it_finishes_what_is_in_flight_and_answers_130(erp: World, number: signal.Signals) -> None:
    erp.shop.add(customers(MANY))
    erp.site.fault("delay", path_contains=INSERT, seconds=0.3, times=-1)
    with erp.deployment.started("reconcile", "--json") as process:
        until(lambda: inserts(erp) >= 2, what="two creating calls")
        process.send_signal(number)
        out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 130, err
    document = json.loads(out)
    done = document["mappings"][NAME]["created"]["erpnext"]
    assert done == made(erp)
    assert 0 < done < MANY
    assert "asked to stop" in str(document["mappings"][NAME]["error"])
    assert erp.deployment.state_rows("SELECT count(*) FROM pairs") == [(done,)]
    erp.site.clear_faults()
    rest = erp.deployment.reconcile()
    assert rest["created"]["erpnext"] == MANY - done
    erp.agree()
    erp.quiet("--full")


@pytest.mark.slow
def test_in_words_an_interrupted_run_says_that_it_was(erp: World) -> None:
    erp.shop.add(customers(MANY))
    erp.site.fault("delay", path_contains=INSERT, seconds=0.3, times=-1)
    with erp.deployment.started("reconcile") as process:
        until(lambda: inserts(erp) >= 1, what="a creating call")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 130
    assert "Interrupted:" in out
    assert "the next run goes on from there" in out
    assert "customer" in erp.deployment.run("status").stdout


def _first_look(erp: World) -> None:
    until(lambda: any("Customer" in request["path"] for request in erp.site.requests()), what="a first look")


def _answer_under_way(erp: World) -> None:
    """The call is done and logged, its answer waits: nobody but the site knows."""
    until(lambda: made(erp) >= 50, what="a creating call that is done")


def _third_call(erp: World) -> None:
    until(lambda: inserts(erp) >= 3, what="three creating calls")


@pytest.mark.parametrize(
    "wait",
    [
        pytest.param(_first_look, id="at its first look", marks=SLOW),
        pytest.param(_answer_under_way, id="with an answer under way"),
        pytest.param(_third_call, id="after its third call", marks=SLOW),
    ],
)
def test_killed_it_leaves_nothing_that_the_next_run_does_twice(erp: World, wait: Callable[[World], None]) -> None:
    erp.shop.add(customers(MANY))
    erp.site.fault("delay", path_contains=INSERT, seconds=0.4, times=-1)
    with erp.deployment.started("reconcile") as process:
        wait(erp)
        process.kill()
        process.wait(timeout=LONGEST)
    assert process.returncode == -signal.SIGKILL
    assert made(erp) < MANY
    erp.site.clear_faults()
    began = time.monotonic()
    erp.deployment.reconcile()
    assert time.monotonic() - began < 30, "the dead run's lease was waited for"
    erp.agree()
    erp.quiet("--full")


def test_killed_between_updates_it_leaves_each_record_old_or_new(erp: World) -> None:
    erp.shop.add(customers(60))
    erp.deployment.reconcile()
    erp.shop.edit(range(1, 61), url="https://moved.example")
    erp.site.fault("delay", method="PUT", seconds=0.05, times=-1)
    mark = erp.site.mark()
    with erp.deployment.started("reconcile") as process:
        until(lambda: len(erp.site.writes(mark)) >= 10, what="ten updates")
        process.kill()
        process.wait(timeout=LONGEST)
    assert {row["website"] for row in erp.site.customers("website")} > {"https://moved.example"}
    erp.site.clear_faults()
    erp.deployment.reconcile()
    erp.agree()
    erp.quiet("--full")


def test_another_run_holds_the_mapping(erp: World) -> None:
    erp.shop.add(customers(120))
    erp.site.fault("delay", path_contains=INSERT, seconds=3.0)
    with erp.deployment.started("reconcile", "--json") as first:
        until(lambda: made(erp) > 0, what="the first run's first call")
        second = erp.deployment.run("reconcile", "--wait", "0s")
        assert second.returncode == 6
        text = second.stdout + second.stderr
        assert f"another run holds it: process {first.pid} on " in text
        assert "syncd reconcile --wait" in text
        as_json = erp.deployment.run("reconcile", "--wait", "0s", "--json")
        assert as_json.returncode == 6
        assert "another run holds it" in json.loads(as_json.stdout)["mappings"][NAME]["error"]["message"]
        assert erp.deployment.run("status").returncode == 0
        assert first.poll() is None, "the first run ended before the others met it"
        waited = erp.deployment.run("reconcile", "--wait", "30s", "--json")
        assert waited.returncode == 0
        out, err = first.communicate(timeout=LONGEST)
    assert first.returncode == 0, err
    assert json.loads(out)["mappings"][NAME]["created"]["erpnext"] == 120
    assert json.loads(waited.stdout)["mappings"][NAME]["created"]["erpnext"] == 0
    erp.agree()
