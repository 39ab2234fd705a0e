from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from syncd.core.model import Counts
from syncd.report.model import RunSummary, read_counts
from syncd.report.text import (
    counts_lines,
    duration_text,
    printable,
    record_text,
    summary_text,
    trouble_text,
    value_text,
    verdict_of,
)
from tests.report.fakes import STARTED, counts, run_record


@pytest.mark.parametrize(
    ("what", "given", "shown"),
    [
        ("plain text", "Müller GmbH", "Müller GmbH"),
        ("scripts and emoji stay", "株式会社 مطعم 🏪", "株式会社 مطعم 🏪"),
        ("a joiner inside an emoji stays", "👩‍👧", "👩‍👧"),
        ("an escape sequence cannot colour or move", "\x1b[31mred\x1b[2J", "\\x1b[31mred\\x1b[2J"),
        ("a line end cannot fake a line", "a\nb\r", "a\\nb\\x0d"),
        ("an override cannot turn text round", "abc\u202edcba", "abc\\u202edcba"),
        ("half a surrogate pair", "a\ud800", "a\\ud800"),
        ("a format character beyond the first plane", "a\U000e0041", "a\\U000e0041"),
    ],
)
def test_a_terminal_only_shows(what: str, given: str, shown: str) -> None:
    assert printable(given) == shown, what


@pytest.mark.parametrize(
    ("what", "given", "shown"),
    [
        ("nothing", None, "(empty)"),
        ("blank at the end is seen", "a ", '"a "'),
        ("true", True, "true"),
        ("a number", 12, "12"),
        ("a decimal", Decimal("10.50"), '"10.50"'),
        ("a list", ["a", 1], '["a",1]'),
        ("long text is cut with its length", "x" * 500, '"' + "x" * 120 + '…" (500 characters)'),
    ],
)
def test_values_on_one_line(what: str, given: object, shown: str) -> None:
    assert value_text(given) == shown, what


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"),
        (0.42, "0.4 s"),
        (42, "42 s"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_spans(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_record_is_named_by_both_sides() -> None:
    assert record_text("42", "CUST-1") == "ERPNext CUST-1 = source 42"
    assert record_text("42", None) == "source 42"
    assert record_text(None, None) == "a new record"


def test_trouble_is_told_with_its_guard() -> None:
    assert (
        trouble_text({"guard": "max_deletes", "message": "400 of 500 would go"}) == "max_deletes: 400 of 500 would go"
    )
    assert trouble_text({"cause": "no answer"}) == "no answer"


def _summary(result: str, **mappings: Counts) -> RunSummary:
    return RunSummary.of_record(run_record(result, **mappings))


@pytest.mark.parametrize(
    ("what", "result", "numbers", "headline"),
    [
        ("nothing was there to do", "in_sync", {"seen_source": 5}, "Nothing to do: both sides agree."),
        ("all was done", "in_sync", {"created_source": 3, "linked": 2}, "Both sides agree: 5 records were written."),
        ("one record", "in_sync", {"updated_erpnext": 1}, "Both sides agree: 1 record was written."),
        (
            "some wait",
            "attention",
            {"updated_erpnext": 2, "held": 1, "failed": 2},
            "Done, 2 records were written, but 1 record waits for a person, 2 records failed.",
        ),
        ("only old ones wait", "attention", {"held": 3}, "Nothing to do, but 3 records wait for a person."),
        (
            "a wrong baseline",
            "attention",
            {"disagree": 1},
            "Nothing to do, but 1 pair differs although it counts as agreed.",
        ),
        ("a guard", "halted", {}, "Halted by a guard before damage: nothing past it was written."),
        ("an unreachable site", "failed", {}, "The run could not be finished: 0 records were written before that."),
    ],
)
def test_verdicts(what: str, result: str, numbers: dict[str, object], headline: str) -> None:
    assert verdict_of(_summary(result, customer=counts(**numbers))).headline == headline, what


def test_an_interrupted_and_an_unfinished_run_are_told_apart() -> None:
    summary = _summary("failed", customer=counts(created_source=2))
    assert verdict_of(summary, interrupted=True).headline.startswith("Interrupted: 2 records were written")
    running = RunSummary(run="r", started=STARTED, finished=None, result="", mappings={})
    assert verdict_of(running).headline.startswith("This run has not ended")


def test_next_steps_name_whole_commands() -> None:
    halted = counts(halt={"guard": "max_deletes", "message": "too many", "hint": "look at the plan"})
    summary = _summary("attention", customer=counts(held=1, failed=1, disagree=2), item=halted)
    verdict = verdict_of(summary, program="syncd --config /etc/s.toml")
    steps = "\n".join(verdict.next_steps)
    for command in (
        "syncd --config /etc/s.toml conflicts list",
        "syncd --config /etc/s.toml conflicts resolve ID --take erpnext|source",
        "syncd --config /etc/s.toml failures list",
        "syncd --config /etc/s.toml failures show ID",
        "syncd --config /etc/s.toml failures retry",
        "syncd --config /etc/s.toml plan customer --full",
        "item: look at the plan",
    ):
        assert command in steps
    assert "item was halted: max_deletes: too many" in verdict.sentences


def test_every_number_of_a_mapping_is_told() -> None:
    numbers = Counts(
        seen={"erpnext": 1200, "source": 2000},
        adopted=3,
        created={"erpnext": 4, "source": 5},
        updated={"erpnext": 6, "source": 7},
        deleted={"erpnext": 8, "source": 9},
        submitted=10,
        cancelled=11,
        amended=12,
        linked=13,
        unmatched=14,
        conflicts=15,
        held=16,
        failed=17,
        ended=18,
        disagree=19,
        requests={"erpnext": 20, "source": 21},
    )
    told = dict(counts_lines(numbers))
    assert told["seen"] == "1,200 in ERPNext, 2,000 in the source"
    assert told["created"] == "4 in ERPNext, 5 in the source"
    missing = set(Counts.__dataclass_fields__) - {"halt", "error", "plan", "disagreements"} - set(told)
    assert not missing
    assert "written" not in told


def test_numbers_that_are_zero_are_left_out() -> None:
    assert [word for word, _ in counts_lines(counts(seen_source=3))] == ["seen", "written", "requests"]


def test_the_summary_ends_with_the_report() -> None:
    summary = _summary("attention", customer=counts(held=2))
    text = summary_text(summary, verdict_of(summary), report="state/reports/x.html")
    assert text.startswith("customer\n")
    assert "held       2 waiting for a person" in text
    assert text.endswith("Report: state/reports/x.html")


def test_counts_of_a_later_version_are_read() -> None:
    assert read_counts({"adopted": 2, "invented_later": 5}).adopted == 2


def test_a_record_of_a_run_that_was_killed_has_zeros() -> None:
    record = run_record("in_sync")
    summary = RunSummary.of_record(
        type(record)(id="r", started=datetime(2026, 1, 1, tzinfo=UTC), mappings=("customer",))
    )
    assert summary.mappings["customer"] == Counts()
    assert summary.seconds is None
