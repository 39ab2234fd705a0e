from __future__ import annotations

import pytest

from syncd.app.results import MappingStatus
from syncd.core.model import Pair, PairState, Side
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication


def ended(number: int, name: str | None = "CUST-1") -> Pair:
    return Pair(
        id=number,
        erpnext_name=name,
        external_id=f"X{number}",
        state=PairState.ENDED,
        creation=None,
        erpnext_stamp=None,
        source_stamp=None,
        erpnext=None,
        source=None,
    )


def status(mapping: str, count: int) -> MappingStatus:
    return MappingStatus(
        mapping=mapping,
        enabled=True,
        last_run=None,
        last_result="",
        last_full=None,
        next_run=None,
        lag=None,
        pairs=1,
        held=0,
        failed=0,
        unmatched=0,
        ended=count,
    )


def test_ended_pairs_are_listed_by_page(syncd: Syncd, application: FakeApplication) -> None:
    application.state.ended = [ended(number, None if number == 2 else f"CUST-{number}") for number in range(1, 61)]
    first = syncd("conflicts", "list", "--ended", "--mapping", "customer")
    rows = [line.split() for line in first.out.splitlines() if line[:1].isdigit()]
    assert len(rows) == 50
    assert rows[1] == ["2", "(deleted)", "X2"]
    assert "`syncd conflicts list --ended --mapping customer --after 50`" in first.out
    second = syncd("conflicts", "list", "--ended", "--mapping", "customer", "--after", "50", "--json").json
    assert [each["number"] for each in second["ended"]] == list(range(51, 61))
    assert second["next"] is None
    assert second["ended"][0] == {"number": 51, "external_id": "X51", "erpnext_name": "CUST-51"}


def test_ended_pairs_are_counted_where_no_mapping_is_named(syncd: Syncd, application: FakeApplication) -> None:
    assert syncd("conflicts", "list", "--ended").out == "No pair has ended.\n"
    application.mappings = [status("customer", 1200), status("item", 3), status("order", 0)]
    rows = [line.split() for line in syncd("conflicts", "list", "--ended").out.splitlines()]
    assert ["customer", "1,200"] in rows
    assert not any(row[:1] == ["order"] for row in rows)
    application.mappings = application.mappings[1:]
    application.state.ended = [ended(1)]
    assert "X1" in syncd("conflicts", "list", "--ended").out, "the only one that has any"


@pytest.mark.parametrize(
    ("what", "arguments", "asked", "words"),
    [
        ("by key", ("4711",), ("customer", "4711", None, False, 30.0), "is synced again: the next run compares both"),
        (
            "by the key of one side",
            ("4711", "--side", "source", "--wait", "1"),
            ("customer", "4711", Side.SOURCE, False, 1.0),
            "A record that is still gone ends the pair again",
        ),
        (
            "anew",
            ("4711", "--anew"),
            ("customer", "4711", None, True, 30.0),
            "is forgotten: `syncd reconcile customer --full` takes what is left as a new record",
        ),
    ],
)
def test_revive_says_what_comes_next(
    what: str, arguments: tuple[str, ...], asked: object, words: str, syncd: Syncd, application: FakeApplication
) -> None:
    called = syncd("conflicts", "revive", "customer", *arguments)
    assert called.code == 0, called.err
    assert ("revive", asked) in application.asked, what
    assert words in called.out, what
    document = syncd("conflicts", "revive", "customer", *arguments, "--json").json
    assert (document["schema"], document["external_id"], document["tied"]) == (
        "syncd.revived/1",
        "4711",
        "--anew" not in arguments,
    )
